//! A browser, driven by the W3C WebDriver protocol over HTTP.

use axum::body::Bytes;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

/// So long a page may take to become what is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// The key by which the protocol names an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// What people see it on.
#[derive(Debug, Clone, Copy)]
pub struct Screen {
    pub name: &'static str,
    pub width: u32,
    pub height: u32,
    pub is_phone: bool,
}

pub const DESKTOP: Screen = Screen { name: "desktop", width: 1280, height: 900, is_phone: false };
pub const PHONE: Screen = Screen { name: "phone", width: 390, height: 844, is_phone: true };

/// A session of Chromium. It ends, and its driver with it, when this is closed or dropped.
pub struct Browser {
    client: Client<HttpConnector, Full<Bytes>>,
    session: String,
    driver: Child,
}

impl Browser {
    /// Starts a driver on a free port of this machine, and a browser.
    pub async fn start() -> Self {
        let port = free_port();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("chromedriver is installed: scripts/browser installs it");
        let client = Client::builder(TokioExecutor::new()).build_http();
        let base = format!("http://127.0.0.1:{port}");
        let until = Instant::now() + PATIENCE;
        while ask(&client, Method::GET, &format!("{base}/status"), None).await.is_err() {
            assert!(Instant::now() < until, "chromedriver does not answer");
            sleep(Duration::from_millis(50)).await;
        }
        let options = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:loggingPrefs": { "browser": "ALL" },
            "goog:chromeOptions": { "args": [
                "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars",
                "--disable-background-networking", "--disable-component-update", "--no-first-run",
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            ] },
        } } });
        let answer = ask(&client, Method::POST, &format!("{base}/session"), Some(options)).await;
        let answer = answer.expect("Chromium starts");
        let session = answer["sessionId"].as_str().expect("a session");
        Self { session: format!("{base}/session/{session}"), client, driver }
    }

    /// Ends the browser and its driver.
    pub async fn close(mut self) {
        let _ = ask(&self.client, Method::DELETE, &self.session, None).await;
        let _ = self.driver.kill().await;
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let address = format!("{}/{path}", self.session);
        ask(&self.client, Method::POST, &address, Some(body))
            .await
            .unwrap_or_else(|why| panic!("{path}: {why}"))
    }

    async fn devtools(&self, command: &str, params: Value) -> Value {
        self.post("goog/cdp/execute", json!({ "cmd": command, "params": params })).await
    }

    pub async fn open(&self, address: &str) {
        self.post("url", json!({ "url": address })).await;
    }

    /// Runs a script in the page, and gives what it returns.
    pub async fn run(&self, script: &str) -> Value {
        self.post("execute/sync", json!({ "script": script, "args": [] })).await
    }

    /// Runs a script that calls the last of its arguments with its result.
    pub async fn run_async(&self, script: &str) -> Value {
        self.post("execute/async", json!({ "script": script, "args": [] })).await
    }

    /// Waits until an expression of the page is true.
    pub async fn wait_for(&self, expression: &str) {
        let until = Instant::now() + PATIENCE;
        let script = format!("return Boolean({expression})");
        while self.run(&script).await != json!(true) {
            if Instant::now() > until {
                let text = self.run("return document.body.innerText.slice(0, 2000)").await;
                panic!("this did not come true: {expression}\n{}", text.as_str().unwrap_or_default());
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn element(&self, selector: &str) -> String {
        let found = self.post("element", json!({ "using": "css selector", "value": selector })).await;
        found[ELEMENT].as_str().expect("an element").to_owned()
    }

    pub async fn click(&self, selector: &str) {
        let id = self.element(selector).await;
        self.post(&format!("element/{id}/click"), json!({})).await;
    }

    pub async fn type_into(&self, selector: &str, text: &str) {
        let id = self.element(selector).await;
        self.post(&format!("element/{id}/value"), json!({ "text": text })).await;
    }

    /// Presses keys in the element that has the focus.
    pub async fn press(&self, key: &str) {
        let press = json!([{ "type": "keyDown", "value": key }, { "type": "keyUp", "value": key }]);
        self.post("actions", json!({ "actions": [{ "type": "key", "id": "keys", "actions": press }] })).await;
    }

    /// Shows pages as on this screen, light or dark.
    pub async fn look_on(&self, screen: Screen, is_dark: bool) {
        let Screen { width, height, is_phone, .. } = screen;
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_phone });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
        let scheme = if is_dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    /// Keeps a picture of the whole page, or of its beginning.
    pub async fn keep_picture(&self, file: &Path, is_whole: bool) {
        let picture = self
            .devtools("Page.captureScreenshot", json!({ "format": "png", "captureBeyondViewport": is_whole }))
            .await;
        let bytes = STANDARD.decode(picture["data"].as_str().expect("a picture")).expect("base64");
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("the folder is made");
        std::fs::write(file, bytes).expect("the picture is written");
    }

    /// What the browser complained of since it was asked last.
    pub async fn complaints(&self) -> Vec<String> {
        let log = self.post("se/log", json!({ "type": "browser" })).await;
        let log = log.as_array().cloned().unwrap_or_default();
        let is_bad = |entry: &&Value| entry["level"] == "SEVERE" || entry["level"] == "WARNING";
        log.iter().filter(is_bad).map(|entry| entry["message"].to_string()).collect()
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

async fn ask(
    client: &Client<HttpConnector, Full<Bytes>>,
    method: Method,
    address: &str,
    body: Option<Value>,
) -> Result<Value, String> {
    let body = body.map(|body| body.to_string()).unwrap_or_default();
    let request = Request::builder()
        .method(method)
        .uri(address)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| error.to_string())?;
    let answer = client.request(request).await.map_err(|error| error.to_string())?;
    let status = answer.status();
    let bytes = answer.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
    let mut answer: Value = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    match status {
        StatusCode::OK => Ok(answer["value"].take()),
        _ => Err(answer["value"]["message"].to_string()),
    }
}
