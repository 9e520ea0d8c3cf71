//! The agent as a GitHub App, installed by two accounts.

use crate::github::Identity;
use crate::github::forge::tests::*;
use crate::sandbox::github::{Hooks, MadeApp};

const RIGHTS: &[(&str, &str)] = &[("issues", "write"), ("metadata", "read")];

struct Stage {
    hub: FakeGitHub,
    app: MadeApp,
    /// One repository of each account, and the installation there.
    places: [(Repo, u64); 2],
    github: GitHub,
}

async fn stage(rights: &[(&str, &str)]) -> Stage {
    let hub = FakeGitHub::start(Arc::new(Wall)).await.unwrap();
    let app = hub.make_app("example", "medic", rights).unwrap();
    let places = ["example/tickets", "other/help"].map(|repo| {
        let repo: Repo = repo.parse().unwrap();
        (repo.clone(), hub.install(app.id, &[repo]))
    });
    let github = GitHub::new(asking(&hub, &app)).unwrap();
    Stage { hub, app, places, github }
}

fn asking(hub: &FakeGitHub, app: &MadeApp) -> Options {
    let identity = Identity::App { id: app.id, key: app.key.clone().into() };
    Options { identity, ..options(hub.url(), TOKEN) }
}

impl Stage {
    /// How often a token was asked for.
    fn tokens(&self) -> usize {
        self.hub.requests().iter().filter(|request| request.path.ends_with("/access_tokens")).count()
    }
}

#[tokio::test]
async fn an_app_works_in_every_account_that_installed_it() {
    let Stage { hub, app, places, github } = &stage(RIGHTS).await;
    assert_eq!(github.me().await.as_deref(), Ok("medic[bot]"));
    let marker = Marker::new("status case=1");
    for (repo, _) in places {
        let id = hub.file(repo, "ada", "Sync fails", "", &["support"]).unwrap();
        for body in ["looking", "mending"] {
            github.upsert_comment(&id, &marker, &text(body), Urgency::Report).await.unwrap();
        }
        let comments = github.comments(repo, DateTime::UNIX_EPOCH).await.unwrap();
        assert_eq!((comments.len(), comments[0].by_bot), (1, true), "its own comment is known again");
        assert_eq!(comments[0].author, app.login);
        let new = NewTicket {
            repo: repo.clone(),
            marker: Marker::new("finding disk-full"),
            title: text("The disk is full"),
            body: text("97 %"),
            labels: vec!["support".into()],
        };
        let opened = github.open(&new).await.unwrap();
        assert_eq!(github.open(&new).await, Ok(opened), "and so is its own issue");
        github.update_labels(&id, &[label("medic:working")], &["support"], Urgency::Report).await.unwrap();
    }
    let asked: Vec<String> = hub.requests().into_iter().map(|request| request.path).collect();
    let count = |end: &str| asked.iter().filter(|path| path.ends_with(end)).count();
    assert_eq!((count("/access_tokens"), count("/installation")), (2, 2), "one token each serves for all");
}

#[tokio::test]
async fn a_token_that_runs_out_in_the_middle_of_work_is_renewed() {
    let stage = stage(RIGHTS).await;
    let Stage { hub, places: [(repo, _), _], github, .. } = &stage;
    let id = hub.file(repo, "ada", "Sync fails", "", &[]).unwrap();
    github.ticket(&id).await.unwrap();
    hub.expire_app_tokens();
    github.upsert_comment(&id, &Marker::new("x"), &text("looking"), Urgency::Report).await.unwrap();
    assert_eq!((hub.comments(&id).len(), stage.tokens()), (1, 2));
    let refused = hub.requests().iter().filter(|request| request.status == Some(401)).count();
    assert_eq!(refused, 1, "it was tried once more, and no oftener");
}

#[tokio::test]
async fn where_it_is_not_installed_any_more_it_says_so() {
    let stage = stage(RIGHTS).await;
    let Stage { hub, app, places: [(repo, one), (other, _)], github } = &stage;
    let id = hub.file(repo, "ada", "Sync fails", "", &[]).unwrap();
    github.ticket(&id).await.unwrap();
    hub.uninstall(*one);
    for _ in 0..2 {
        let error = github.ticket(&id).await.unwrap_err();
        assert!(matches!(&error, ForgeError::Unauthorized(why) if why.contains("installed")), "{error}");
    }
    let there = hub.file(other, "ada", "Sync fails", "", &[]).unwrap();
    github.ticket(&there).await.unwrap();
    hub.install(app.id, std::slice::from_ref(repo));
    github.ticket(&id).await.unwrap();
    let nowhere = github.ticket(&"example/nowhere#1".parse().unwrap()).await.unwrap_err().to_string();
    assert!(nowhere.contains("the App is not installed on example/nowhere"), "{nowhere}");
}

#[tokio::test]
async fn a_suspended_installation_is_named() {
    let stage = stage(RIGHTS).await;
    let Stage { hub, places: [(repo, one), _], github, .. } = &stage;
    let id = hub.file(repo, "ada", "Sync fails", "", &[]).unwrap();
    github.ticket(&id).await.unwrap();
    hub.suspend(*one, Some(Utc::now()));
    for word in ["suspended", "/settings/installations/"] {
        let error = github.ticket(&id).await.unwrap_err();
        assert!(matches!(&error, ForgeError::Unauthorized(why) if why.contains(word)), "{error}");
    }
    hub.suspend(*one, None);
    github.ticket(&id).await.unwrap();
}

#[tokio::test]
async fn a_wrong_key_and_a_lacking_right_are_named() {
    let Stage { hub, app, places: [(repo, _), _], github } = &stage(&[("issues", "read")]).await;
    let other = hub.make_app("example", "other", RIGHTS).unwrap();
    let wrong = MadeApp { key: other.key, ..app.clone() };
    let wrong = GitHub::new(asking(hub, &wrong)).unwrap();
    let error = wrong.me().await.unwrap_err();
    assert!(matches!(&error, ForgeError::Unauthorized(why) if why.contains("JSON web token")), "{error}");
    let id = hub.file(repo, "ada", "Sync fails", "", &[]).unwrap();
    let error = github.close(&id).await.unwrap_err();
    assert!(error.is_permanent() && error.to_string().contains("the right issues: write"), "{error}");
}

#[tokio::test]
async fn what_its_hook_could_not_deliver_is_told_again() {
    let Stage { hub, places: [(repo, _), (other, _)], github, .. } = &stage(RIGHTS).await;
    hub.hook(Hooks { url: "http://127.0.0.1:9/webhook".into(), secret: "a shared secret".into() });
    for repo in [repo, other] {
        hub.file(repo, "ada", "Sync fails", "", &[]).unwrap();
    }
    hub.delivered().await;
    let failed = github.failed_deliveries(repo, DateTime::UNIX_EPOCH).await.unwrap();
    assert_eq!((failed.len(), failed[0].attempts), (1, 1), "of this repository alone");
    github.redeliver(repo, failed[0].id).await.unwrap();
    hub.delivered().await;
    assert_eq!(github.failed_deliveries(repo, DateTime::UNIX_EPOCH).await.unwrap()[0].attempts, 2);
}
