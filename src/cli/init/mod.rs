//! `fieldmedic init`: writes the first configuration, makes the GitHub App if one is wanted, and sets the
//! webhook and the labels that people use.

mod files;

use crate::app;
use crate::app::settings::{LoadedConfig, read_config};
use crate::cli::init::files::{Answers, write_config, write_private};
use crate::cli::output::ExitStatus;
use crate::config;
use crate::console::{eprint, print};
use crate::core::text::redact::Redactor;
use crate::core::ticket::Repo;
use crate::github;
use crate::github::{GitHub, HookSet, Identity, PUBLIC_API};
use crate::ports::Label;
use crate::web::{Application, receive_code};
use clap::{Args, ValueEnum};
use miette::{IntoDiagnostic, Result, WrapErr, bail, miette};
use secrecy::ExposeSecret;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::TcpListener;

/// How long a person may take on GitHub's page; its code is good for an hour.
const PATIENCE: Duration = Duration::from_secs(3600);

#[derive(Debug, Args)]
pub struct Arguments {
    /// Where people file tickets, owner/name; may be given several times.
    #[arg(long)]
    repo: Vec<Repo>,
    /// As whom the agent works: with a token, or as a GitHub App that is made now.
    #[arg(long = "as", value_enum)]
    auth: Option<AuthMethod>,
    /// The name of the App; it is unique on all of GitHub.
    #[arg(long, default_value = "fieldmedic")]
    name: String,
    /// The organisation that shall own the App; without it, you do.
    #[arg(long)]
    organisation: Option<String>,
    /// Who is assigned and mentioned when a person is needed; may be given several times.
    #[arg(long)]
    on_call: Vec<String>,
    /// Where GitHub reaches the agent's webhook, such as https://medic.example.org/webhook.
    #[arg(long, value_name = "URL")]
    webhook_url: Option<String>,
    /// Where the webhook listens on this machine.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: String,
    /// The API of a GitHub Enterprise, https://<host>/api/v3.
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// Ask nothing; what is not given is left as it is by default.
    #[arg(long)]
    yes: bool,
    /// Write over a configuration that is there.
    #[arg(long)]
    replace: bool,
    /// Only set the webhook and the labels, by the configuration that is there.
    #[arg(long)]
    apply: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AuthMethod {
    Token,
    App,
}

pub async fn run(place: Option<PathBuf>, mut arguments: Arguments) -> Result<ExitStatus> {
    if let Some(url) = arguments.webhook_url.as_deref().filter(|url| !url.ends_with("/webhook")) {
        bail!("--webhook-url {url} does not end with /webhook, where the agent listens");
    }
    if arguments.apply {
        return finish(&read_config(place)?, arguments.webhook_url.as_deref()).await;
    }
    let path = place.unwrap_or_else(|| config::search_paths()[0].clone());
    if path.exists() && !arguments.replace {
        bail!("{} is there already; --replace writes over it, --config names another", path.display());
    }
    complete(&mut arguments)?;
    let mut answers = Answers {
        repos: arguments.repo.iter().map(ToString::to_string).collect(),
        on_call: arguments.on_call.clone(),
        base_url: arguments.base_url.clone().filter(|url| url != PUBLIC_API),
        app: None,
        listen: arguments.webhook_url.as_ref().map(|_| arguments.listen.clone()),
    };
    let secrets = path.with_file_name("fieldmedic.env");
    if arguments.auth == Some(AuthMethod::App) {
        let app = make_app(&arguments).await?;
        let key = path.with_file_name(format!("{}.pem", app.slug));
        write_private(&key, app.pem.expose_secret())?;
        eprint(&format!("· the App's private key is in {}, for you alone", key.display()));
        if let Some(secret) = &app.webhook_secret {
            keep_secret(&secrets, secret.expose_secret())?;
        }
        answers.app = Some((app.id, format!("{}.pem", app.slug)));
        write_config(&path, &answers.config())?;
        print(&format!("written: {}", path.display()));
        print(&format!(
            "1. install the App for {}: {}/installations/new",
            answers.repos.join(", "),
            app.html_url
        ));
        print("2. `fieldmedic init --finish` makes the labels; `fieldmedic doctor` says what is lacking");
        return Ok(ExitStatus::Done);
    }
    if arguments.webhook_url.is_some() && !secrets.exists() {
        keep_secret(&secrets, &random_word()?)?;
    }
    write_config(&path, &answers.config())?;
    print(&format!("written: {}", path.display()));
    print(
        "1. make a fine-grained token for these repositories, with issues: read and write (and webhooks: read and write), and put it into FIELDMEDIC_GITHUB_TOKEN",
    );
    print(
        "2. `fieldmedic init --finish` sets the labels and the webhook; `fieldmedic doctor` says what is lacking",
    );
    Ok(ExitStatus::Done)
}

/// Asks for what was not given.
fn complete(arguments: &mut Arguments) -> Result<()> {
    if arguments.repo.is_empty() && !arguments.yes {
        let told = ask("The repository where people file tickets (owner/name)", "")?;
        arguments.repo =
            told.split_whitespace().map(str::parse).collect::<Result<_, _>>().into_diagnostic()?;
    }
    if arguments.repo.is_empty() {
        bail!("a repository is needed: --repo owner/name");
    }
    if arguments.auth.is_none() && !arguments.yes {
        let told = ask("Work with a token, or as a GitHub App? (token/app)", "token")?;
        arguments.auth = Some(AuthMethod::from_str(&told, true).map_err(|why| miette!("{why}"))?);
    }
    if arguments.on_call.is_empty() && !arguments.yes {
        let told = ask("Who is called when a person is needed (logins)", "")?;
        arguments.on_call =
            told.split_whitespace().map(|name| name.trim_start_matches('@').to_owned()).collect();
    }
    Ok(())
}

fn ask(question: &str, default: &str) -> Result<String> {
    let shown = if default.is_empty() { String::new() } else { format!(" [{default}]") };
    let mut terminal = std::io::stderr();
    let _ = write!(terminal, "{question}{shown}: ").and_then(|()| terminal.flush());
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).into_diagnostic()?;
    let told = line.trim();
    Ok(if told.is_empty() { default } else { told }.to_owned())
}

/// Sends the person to GitHub's page, and takes the keys of the App that was made there.
async fn make_app(arguments: &Arguments) -> Result<github::NewApp> {
    let listener = TcpListener::bind("127.0.0.1:0").await.into_diagnostic()?;
    let here = format!("http://{}", listener.local_addr().into_diagnostic()?);
    let base_url = arguments.base_url.as_deref().unwrap_or(PUBLIC_API);
    let state = random_word()?;
    let manifest =
        github::manifest(&arguments.name, &format!("{here}/made"), arguments.webhook_url.as_deref());
    let application = Application {
        page: github::page(base_url, arguments.organisation.as_deref(), &state),
        manifest: manifest.to_string(),
        state,
    };
    eprint(&format!("· open {here} in a browser on this machine, and say yes on GitHub's page"));
    let code = receive_code(listener, application, PATIENCE).await.into_diagnostic()?;
    let options = github::Options {
        base_url: base_url.to_owned(),
        ..github::Options::asking_as(Identity::Nobody, Redactor::default())
    };
    let made = GitHub::new(options).into_diagnostic()?.redeem(&code).await;
    made.into_diagnostic().wrap_err("GitHub does not hand out the App's keys")
}

/// The webhook and the labels that people put on; the agent makes its own when it first needs them.
async fn finish(setting: &LoadedConfig, webhook_url: Option<&str>) -> Result<ExitStatus> {
    let github = &setting.config.github;
    let options = github::Options {
        base_url: github.base_url.clone(),
        ..github::Options::asking_as(app::identity(&setting.config)?, app::redactor(&setting.config))
    };
    let forge = GitHub::new(options).into_diagnostic()?;
    let labels = [
        (github.label.as_str(), "0052cc", "Fieldmedic takes this ticket"),
        ("medic:pause", "fef2c0", "Fieldmedic changes nothing for this ticket"),
    ];
    let labels = labels.map(|(name, color, description)| Label { name: name.to_owned(), color, description });
    for repo in &github.repos {
        forge
            .set_labels(repo, &labels)
            .await
            .into_diagnostic()
            .wrap_err_with(|| format!("{repo}: labels"))?;
        print(&format!("{repo}: the labels {} and {} are there", labels[0].name, labels[1].name));
        let (Some(url), None) = (webhook_url, github.app_id) else { continue };
        let webhook = setting.config.webhook.as_ref();
        let webhook =
            webhook.ok_or_else(|| miette!("there is no [webhook] in {}", setting.path.display()))?;
        let secret = app::webhook_secret(webhook)?;
        let set = forge.set_hook(repo, url, secret.expose_secret()).await;
        let how = match set.into_diagnostic().wrap_err_with(|| format!("{repo}: webhook"))? {
            HookSet::Made => "made",
            HookSet::Renewed => "renewed",
        };
        print(&format!("{repo}: the webhook to {url} was {how}"));
    }
    Ok(ExitStatus::Done)
}

fn keep_secret(file: &Path, secret: &str) -> Result<()> {
    write_private(file, &format!("FIELDMEDIC_WEBHOOK_SECRET={secret}\n"))?;
    eprint(&format!(
        "· the webhook's secret is in {}: set -a; . {}; set +a, or EnvironmentFile= of systemd",
        file.display(),
        file.display()
    ));
    Ok(())
}

/// 32 random bytes, in hexadecimal.
fn random_word() -> Result<String> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| miette!("there is no randomness to be had"))?;
    Ok(hex::encode(bytes))
}
