//! `fieldmedic init`: writes the first configuration and adds the first server. Creates a GitHub App on request, and
//! sets the webhook and the labels that people use.

mod text;

use crate::app;
use crate::app::settings::{LoadedConfig, read_config};
use crate::cli::addresses;
use crate::cli::answers::{Answers, EXAMPLE, Needs};
use crate::cli::config_file::{write_config, write_private};
use crate::cli::host::{Source, add_host};
use crate::cli::init::text::FirstConfig;
use crate::cli::output::ExitStatus;
use crate::cli::prompt::ask;
use crate::config::{Config, search_paths};
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
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::TcpListener;

/// The schema of the configuration, where packages have it: beside the program's own folder.
fn installed_schema() -> Option<String> {
    let program = std::env::current_exe().ok()?;
    let schema = program.parent()?.parent()?.join("share/fieldmedic/schemas/config.json");
    schema.is_file().then(|| schema.display().to_string())
}

/// How long a person may take on GitHub's page; its code is valid for an hour.
const CODE_TIMEOUT: Duration = Duration::from_secs(3600);

/// The command line of `fieldmedic init`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Arguments {
    /// Where people file tickets, owner/name or the address; may be repeated.
    #[arg(long, value_parser = addresses::repo)]
    repo: Vec<Repo>,
    /// How Fieldmedic logs in: with a token, or as a GitHub App that is created now.
    #[arg(long, alias = "as", value_enum)]
    auth: Option<AuthMethod>,
    /// The name of the App; it is unique on all of GitHub.
    #[arg(long, default_value = "fieldmedic")]
    name: String,
    /// The organisation that will own the App; without it, you do.
    #[arg(long)]
    organisation: Option<String>,
    /// A login that is assigned and mentioned when a person is needed; may be repeated.
    #[arg(long, value_parser = addresses::login)]
    on_call: Vec<String>,
    /// Where GitHub reaches the webhook, such as https://medic.example.org/webhook.
    #[arg(long, value_name = "URL")]
    webhook_url: Option<String>,
    /// Where the webhook listens on this machine.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: String,
    /// The API of GitHub Enterprise, https://<host>/api/v3.
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// Ask no questions; use the defaults, and add no server.
    #[arg(long)]
    yes: bool,
    /// Ask no questions: the answers are in this file of TOML. Options go before it.
    #[arg(long, value_name = "FILE", conflicts_with = "apply")]
    answers: Option<PathBuf>,
    /// Replace an existing configuration.
    #[arg(long)]
    replace: bool,
    /// Only set the webhook and the labels, as the existing configuration says.
    #[arg(long, alias = "finish")]
    apply: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AuthMethod {
    Token,
    App,
}

/// Writes the first configuration. With `--apply`, creates labels and the webhook on GitHub instead, by an
/// existing one.
///
/// # Errors
/// If an argument or an answer cannot be used, a file exists or cannot be written, or GitHub does not do its
/// part.
pub(super) async fn run(config: Option<PathBuf>, mut arguments: Arguments) -> Result<ExitStatus> {
    if let Some(url) = arguments.webhook_url.as_deref().filter(|url| !url.ends_with("/webhook")) {
        bail!("--webhook-url {url} does not end with /webhook, where Fieldmedic listens");
    }
    if arguments.apply {
        return apply(&read_config(config)?, arguments.webhook_url.as_deref()).await;
    }
    let answers = match &arguments.answers {
        Some(file) => Some(Answers::read(file, Needs::Repos)?),
        None => None,
    };
    let path = config.unwrap_or_else(|| search_paths().into_iter().next().unwrap_or_default());
    // The file has everything that was asked before the server, so a run that was stopped goes on there.
    let goes_on = path.exists() && !arguments.replace;
    match (&answers, goes_on) {
        (_, false) => {
            if let Some(answers) = &answers {
                arguments.take(answers);
            }
            write_first(&path, &mut arguments, answers.is_some()).await?;
        }
        (None, true) if arguments.yes => {
            bail!(
                "{} exists already. Use --replace to replace it, or --config for another file",
                path.display()
            )
        }
        (None, true) if !Config::read(&path)?.hosts.is_empty() => {
            let help = "`fieldmedic host add` adds another server; --replace begins anew, --config names another file";
            return Err(miette!(help = help, "{} exists already, and has a server", path.display()));
        }
        (_, true) => eprint(&format!("· {} exists already; going on with the server", path.display())),
    }
    match answers {
        Some(Answers { host: Some(host), .. }) => add_host(&path, Source::Answers(host)).await,
        Some(_) => Ok(ExitStatus::Done),
        None if arguments.yes => Ok(ExitStatus::Done),
        None => {
            eprint("");
            add_host(&path, Source::Person { name: None, is_optional: true }).await
        }
    }
}

impl Arguments {
    /// Answers fill in what no option says.
    fn take(&mut self, answers: &Answers) {
        if self.repo.is_empty() {
            self.repo.clone_from(&answers.repos);
        }
        if self.on_call.is_empty() {
            self.on_call.clone_from(&answers.on_call);
        }
        let auth = answers.app.map(|app| if app { AuthMethod::App } else { AuthMethod::Token });
        self.auth = self.auth.or(auth);
    }
}

/// Writes the configuration of the repositories and of the access to them, and the secrets beside it.
async fn write_first(path: &Path, arguments: &mut Arguments, has_answers: bool) -> Result<()> {
    if !has_answers {
        ask_missing(arguments).await?;
    }
    let mut config = FirstConfig {
        schema: installed_schema(),
        repos: arguments.repo.iter().map(ToString::to_string).collect(),
        on_call: arguments.on_call.clone(),
        base_url: arguments.base_url.clone().filter(|url| url != PUBLIC_API),
        app: None,
        listen: arguments.webhook_url.as_ref().map(|_| arguments.listen.clone()),
    };
    let secrets = path.with_file_name("fieldmedic.env");
    if arguments.auth == Some(AuthMethod::App) {
        let app = create_app(arguments).await?;
        let key = path.with_file_name(format!("{}.pem", app.slug));
        write_private(&key, app.pem.expose_secret())?;
        eprint(&format!("· the App's private key is in {}, readable for you only", key.display()));
        if let Some(secret) = &app.webhook_secret {
            write_secret(&secrets, secret.expose_secret())?;
        }
        config.app = Some((app.id, format!("{}.pem", app.slug)));
        write_config(path, &config.text())?;
        print(&format!("written: {}", path.display()));
        print(&format!(
            "1. install the App for {}: {}/installations/new",
            config.repos.join(", "),
            app.html_url
        ));
        print("2. `fieldmedic init --apply` creates the labels; `fieldmedic doctor` checks what is missing");
        return Ok(());
    }
    if arguments.webhook_url.is_some() && !secrets.exists() {
        write_secret(&secrets, &random_hex()?)?;
    }
    write_config(path, &config.text())?;
    print(&format!("written: {}", path.display()));
    print(
        "1. create a fine-grained token for these repositories, with issues: read and write (and webhooks: read and write), and set FIELDMEDIC_GITHUB_TOKEN to it",
    );
    print(
        "2. `fieldmedic init --apply` sets the labels and the webhook; `fieldmedic doctor` checks what is missing",
    );
    Ok(())
}

/// Asks for what the arguments leave open.
async fn ask_missing(arguments: &mut Arguments) -> Result<()> {
    if arguments.repo.is_empty() && !arguments.yes {
        let question = "The repository where people file tickets (owner/name, or its address)";
        arguments.repo = ask(question, "", addresses::repos)?;
    }
    if arguments.repo.is_empty() {
        bail!("a repository is missing: add --repo owner/name");
    }
    if arguments.auth.is_none() && !arguments.yes {
        let method = |answer: &str| {
            AuthMethod::from_str(answer, true).map_err(|_| format!("`{answer}` is neither token nor app"))
        };
        let question = "Work with a token, or as a GitHub App? (token/app)";
        arguments.auth = Some(ask(question, "token", method)?);
    }
    if arguments.on_call.is_empty() && !arguments.yes {
        loop {
            let question = "Who is assigned when a person is needed (logins; none is possible)";
            let logins = ask(question, "", addresses::logins)?;
            let unknown = unassignable(arguments, &logins).await;
            // Who gives the same answer again means it: the account may be invited later.
            if unknown.is_empty() || logins == arguments.on_call {
                arguments.on_call = logins;
                break;
            }
            eprint(&format!(
                "  GitHub cannot assign issues to {}: check the spelling, or answer the same again to keep it",
                unknown.join(", ")
            ));
            arguments.on_call = logins;
        }
    }
    Ok(())
}

/// Those of these logins to whom GitHub cannot assign issues, where a token that is set already allows to ask.
async fn unassignable(arguments: &Arguments, logins: &[String]) -> Vec<String> {
    let Some(token) = app::token_in("FIELDMEDIC_GITHUB_TOKEN") else { return Vec::new() };
    let base_url = arguments.base_url.clone().unwrap_or_else(|| PUBLIC_API.to_owned());
    let options = github::Options { base_url, ..github::Options::new(token, Redactor::default()) };
    let Ok(github) = GitHub::new(options) else { return Vec::new() };
    let mut unknown = Vec::new();
    for login in logins {
        for repo in &arguments.repo {
            if github.can_be_assigned(repo, login).await == Ok(false) && !unknown.contains(login) {
                unknown.push(login.clone());
            }
        }
    }
    unknown
}

/// Sends the person to GitHub's page, and receives the keys of the App that is created there.
async fn create_app(arguments: &Arguments) -> Result<github::NewApp> {
    let listener = TcpListener::bind("127.0.0.1:0").await.into_diagnostic()?;
    let local = format!("http://{}", listener.local_addr().into_diagnostic()?);
    let base_url = arguments.base_url.as_deref().unwrap_or(PUBLIC_API);
    let state = random_hex()?;
    let manifest =
        github::manifest(&arguments.name, &format!("{local}/made"), arguments.webhook_url.as_deref());
    let application = Application {
        page: github::page(base_url, arguments.organisation.as_deref(), &state),
        manifest: manifest.to_string(),
        state,
    };
    eprint(&format!("· open {local} in a browser on this machine, and confirm on GitHub's page"));
    let code = receive_code(listener, application, CODE_TIMEOUT).await.into_diagnostic()?;
    let options = github::Options {
        base_url: base_url.to_owned(),
        ..github::Options::asking_as(Identity::Nobody, Redactor::default())
    };
    let created = GitHub::new(options).into_diagnostic()?.redeem(&code).await;
    created.into_diagnostic().wrap_err("GitHub did not return the App's keys")
}

/// Sets the webhook and the labels that people use. Fieldmedic creates its own labels when it needs them.
async fn apply(loaded: &LoadedConfig, webhook_url: Option<&str>) -> Result<ExitStatus> {
    let github = &loaded.config.github;
    let options = github::Options {
        base_url: github.base_url.clone(),
        ..github::Options::asking_as(app::identity(&loaded.config)?, app::redactor(&loaded.config))
    };
    let forge = GitHub::new(options).into_diagnostic()?;
    let pause = Label {
        name: "medic:pause".to_owned(),
        color: "fef2c0",
        description: "Fieldmedic changes nothing for this ticket",
    };
    let labels = [app::ticket_label(&loaded.config), pause];
    for repo in &github.repos {
        forge
            .set_labels(repo, &labels)
            .await
            .into_diagnostic()
            .wrap_err_with(|| format!("{repo}: labels"))?;
        print(&format!("{repo}: the labels {} and {} exist", labels[0].name, labels[1].name));
        let (Some(url), None) = (webhook_url, github.app_id) else { continue };
        let webhook = loaded.config.webhook.as_ref();
        let webhook = webhook.ok_or_else(|| miette!("there is no [webhook] in {}", loaded.path.display()))?;
        let secret = app::webhook_secret(webhook)?;
        let set = forge.set_hook(repo, url, secret.expose_secret()).await;
        let result = match set.into_diagnostic().wrap_err_with(|| format!("{repo}: webhook"))? {
            HookSet::Made => "created",
            HookSet::Renewed => "updated",
        };
        print(&format!("{repo}: the webhook to {url} was {result}"));
    }
    Ok(ExitStatus::Done)
}

fn write_secret(file: &Path, secret: &str) -> Result<()> {
    write_private(file, &format!("FIELDMEDIC_WEBHOOK_SECRET={secret}\n"))?;
    eprint(&format!(
        "· the webhook's secret is in {}. Load it with `set -a; . {}; set +a`, or with EnvironmentFile= of systemd",
        file.display(),
        file.display()
    ));
    Ok(())
}

/// 32 random bytes, in hexadecimal.
fn random_hex() -> Result<String> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| miette!("the system has no randomness"))?;
    Ok(hex::encode(bytes))
}
