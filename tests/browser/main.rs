//! The dashboard in a real Chromium. `scripts/browser` installs what this needs, and runs it.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::unwrap_used)]
#![allow(unreachable_pub, reason = "nothing outside of this binary can reach anything of it")]
#![allow(clippy::disallowed_methods, reason = "tests use the clock, files and processes of this machine")]
#![allow(clippy::indexing_slicing, reason = "a test fails where there is nothing")]

mod driver;
mod stage;

use driver::{Browser, DESKTOP, PHONE, Screen};
use fieldmedic::core::case::event::Event;
use fieldmedic::core::case::signal::SignalKind;
use serde_json::Value;
use stage::{Stage, TOKEN, take_in, wait};
use std::path::{Path, PathBuf};

/// axe-core, as `scripts/browser` fetches it.
fn axe() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/browser/axe.min.js");
    std::fs::read_to_string(&file)
        .unwrap_or_else(|error| panic!("{}: {error}: run scripts/browser", file.display()))
}

fn pictures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/browser")
}

/// Everything in the page that keeps somebody from using it, one line each.
async fn barriers(browser: &Browser, axe: &str) -> Vec<String> {
    let script = format!(
        "{axe}; const done = arguments[arguments.length - 1]; \
         axe.run(document, {{ resultTypes: ['violations'] }}).then(found => done(found.violations), \
         error => done([{{ id: String(error), nodes: [] }}]));"
    );
    let found = browser.run_async(&script).await;
    let line = |violation: &Value| {
        let nodes = violation["nodes"].as_array().cloned().unwrap_or_default();
        let places: Vec<String> = nodes
            .iter()
            .take(3)
            .map(|node| format!("{} {}", node["target"], node["failureSummary"].as_str().unwrap_or_default()))
            .collect();
        format!("{}: {}", violation["id"], places.join(" | "))
    };
    found.as_array().expect("a list").iter().map(line).collect()
}

async fn log_in(browser: &Browser, stage: &Stage) {
    browser.open(&format!("{}/login", stage.address)).await;
    browser.type_into("#name", "Ada").await;
    browser.type_into("#token", TOKEN).await;
    browser.click("main form button").await;
    browser.wait_for("document.querySelector('.notice')").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_follow_a_case_and_approve_its_plan() {
    let stage = Stage::set().await;
    let browser = Browser::start().await;
    browser.look_on(DESKTOP, false).await;

    // Nobody is logged in: everything is there to read, and nothing to press.
    browser.open(&format!("{}/", stage.address)).await;
    browser.wait_for("document.querySelector('#live.on')").await;
    let buttons = browser.run("return document.querySelectorAll('main button').length").await;
    assert_eq!(buttons, 0);

    // A ticket comes in: the page shows its case without being loaded again. What was unfolded stays so.
    browser
        .run("window.isTheSamePage = true; document.querySelector('#approvals details').open = true")
        .await;
    let case = take_in(&stage.live).await;
    browser.wait_for(&format!("document.querySelector('#working a[href$=\"{case}\"]')")).await;
    let waiting = wait(&stage.live, &case).await;
    let plan = waiting.pending_approval.expect("it waits for approval").plan.short_id().to_owned();
    browser.wait_for(&format!("document.querySelector('#approvals a[href$=\"{case}\"]')")).await;
    browser.wait_for("document.querySelector('h1').textContent.includes('2 plans wait')").await;
    assert_eq!(browser.run("return window.isTheSamePage === true").await, true);
    assert_eq!(browser.run("return document.querySelector('#approvals details').open").await, true);
    // The words of the ticket are text, whatever they hold.
    assert_eq!(browser.run("return document.querySelectorAll('img').length").await, 0);

    // Somebody logs in, reads the case, and approves its plan there.
    log_in(&browser, &stage).await;
    browser.open(&format!("{}/case/{case}", stage.address)).await;
    browser.wait_for("document.querySelector('#live.on')").await;
    let shown = browser.run("return document.querySelector('[name=plan]').value").await;
    assert_eq!(shown, plan.as_str());
    browser.click("#approval button.primary").await;
    browser.wait_for("document.querySelector('.notice')?.textContent.includes('approval is left')").await;
    browser.wait_for("document.querySelector('#live.on')").await;

    // The case goes on, and its page with it: from the plan to the proof and the report.
    let ended = wait(&stage.live, &case).await;
    assert_eq!(ended.outcome.as_ref().map(|outcome| outcome.word()), Some("resolved"));
    browser.wait_for("document.querySelector('#report h3')?.textContent.includes('Resolved')").await;
    browser.wait_for("document.querySelectorAll('.verification td.true').length > 0").await;
    browser.wait_for("!document.querySelector('#approval button')").await;
    let records = stage.journal.load(&case).await.expect("the journal works");
    let approval = records.iter().find_map(|record| match &record.event {
        Event::SignalReceived(queued) if matches!(queued.signal.kind, SignalKind::Approve { .. }) => {
            Some(queued.signal.by.as_str())
        }
        _ => None,
    });
    assert_eq!(approval, Some("Ada (dashboard, shared token)"));

    // All changes are paused and resumed, by the keyboard alone.
    browser.open(&format!("{}/policy", stage.address)).await;
    browser.type_into("#why", "moving house").await;
    browser.press("\u{E007}").await;
    browser.wait_for("document.querySelector('#pause h2')?.textContent.includes('are paused')").await;
    let pause = stage.journal.pause_state().await.expect("the journal works").expect("a pause");
    assert_eq!((pause.by.as_str(), pause.why.as_str()), ("Ada (dashboard, shared token)", "moving house"));
    browser.click("#pause button").await;
    browser.wait_for("document.querySelector('#pause h2')?.textContent.includes('not paused')").await;
    assert_eq!(stage.journal.pause_state().await, Ok(None));

    // The first stop of the keyboard leads past the navigation.
    browser.open(&format!("{}/history", stage.address)).await;
    browser.press("\u{E004}").await;
    assert_eq!(browser.run("return document.activeElement.className").await, "skip");

    browser.click(".who button").await;
    browser.wait_for("document.querySelector('.who a[href$=\"/login\"]')").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_can_be_used_by_everybody_light_and_dark_large_and_small() {
    let stage = Stage::set().await;
    let (browser, axe) = (Browser::start().await, axe());
    log_in(&browser, &stage).await;
    let pages = [
        ("now", "/".to_owned()),
        ("case-fixed", format!("/case/{}", stage.fixed)),
        ("case-waiting", format!("/case/{}", stage.waiting)),
        ("history", "/history".to_owned()),
        ("history-empty", "/history?q=nothing-like-this".to_owned()),
        ("playbooks", "/playbooks".to_owned()),
        ("policy", "/policy".to_owned()),
        ("missing", "/nowhere".to_owned()),
    ];
    let mut found = Vec::new();
    for screen in [DESKTOP, PHONE] {
        for is_dark in [false, true] {
            browser.look_on(screen, is_dark).await;
            for (name, path) in &pages {
                let scheme = if is_dark { "dark" } else { "light" };
                let place = format!("{name} {} {scheme}", screen.name);
                browser.open(&format!("{}{path}", stage.address)).await;
                // What is wider than the screen has to scroll by itself.
                let wide = "const edge = document.documentElement.clientWidth; \
                     return document.documentElement.scrollWidth <= edge ? [] : [...document.querySelectorAll('main *')] \
                     .filter(it => it.getBoundingClientRect().right > edge + 1 && !it.closest('.scroll, pre')) \
                     .slice(0, 5).map(it => it.outerHTML.slice(0, 120))";
                let wide = browser.run(wide).await;
                if wide != serde_json::json!([]) {
                    found.push(format!("{place}: wider than the screen: {wide}"));
                }
                let file = pictures().join(format!("{name}-{}-{scheme}.png", screen.name));
                browser.keep_picture(&file, true).await;
                // What is folded away has to be usable too.
                browser.run("for (const it of document.querySelectorAll('details')) it.open = true").await;
                found.extend(barriers(&browser, &axe).await.into_iter().map(|it| format!("{place}: {it}")));
            }
        }
    }
    // The picture of the documents.
    browser.look_on(Screen { height: 1010, ..DESKTOP }, false).await;
    browser.open(&format!("{}/", stage.address)).await;
    browser.wait_for("document.querySelector('#live.on')").await;
    browser.keep_picture(&pictures().join("dashboard.png"), false).await;
    browser.click(".who button").await;
    browser.wait_for("document.querySelector('.who a[href$=\"/login\"]')").await;
    browser.open(&format!("{}/login", stage.address)).await;
    found.extend(barriers(&browser, &axe).await);
    browser.close().await;
    assert!(found.is_empty(), "{} barriers:\n{}", found.len(), found.join("\n"));
}
