//! When GitHub refuses, asks to wait, or does not answer; and how the agent writes.

use crate::github::forge::tests::*;
use crate::sandbox::github::InProcessService;
use http::{Request, Response};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use tower_service::Service;

#[tokio::test]
async fn refusals_say_what_github_says() {
    let bench = bench().await;
    let id = bench.file("Sync fails");
    let empty = NewTicket {
        repo: bench.repo.clone(),
        marker: Marker::new("x"),
        title: text(""),
        body: text(""),
        labels: Vec::new(),
    };
    let refused = |why: &str| Err(ForgeError::Refused(why.to_owned()));
    assert_eq!(bench.github.open(&empty).await, refused("Validation Failed: title missing_field (422)"));
    bench.hub.grant(&bench.repo, "medic", RepoRole::Read);
    bench.hub.lock(&id, "ada").unwrap();
    let answer = bench.github.upsert_comment(&id, &Marker::new("x"), &text("x"), Urgency::Report).await;
    assert_eq!(
        answer.map(drop),
        refused("Unable to create comment because issue is locked. (403); unlock the conversation, or give the agent write permission").map(drop)
    );
    bench.hub.archive(&bench.repo);
    let answer = bench.github.close(&id).await;
    let advice = "unarchive the repository, or take it out of [github] repos";
    assert_eq!(
        answer,
        refused(&format!("Repository was archived so is read-only. (403); {advice}")).map(drop)
    );
    bench.hub.turn_issues_off(&bench.repo);
    let answer = bench.github.ticket(&id).await.unwrap_err();
    assert!(answer.is_permanent() && answer.to_string().contains("turn issues on"), "{answer}");
    let wrong = client(&bench.hub, "wrong").ticket(&id).await;
    let told = wrong.unwrap_err();
    assert!(
        matches!(&told, ForgeError::Unauthorized(why) if why.starts_with("Bad credentials; make")),
        "{told}"
    );
}

#[tokio::test]
async fn trouble_on_the_way_is_unreachable_and_not_tried_again() {
    let bench = bench().await;
    let id = bench.file("Sync fails");
    let github = GitHub::new(Options { answer: Duration::from_secs(1), ..options(bench.hub.url(), TOKEN) });
    let github = github.unwrap();
    for fault in
        [InjectedFault::BadGateway, InjectedFault::Garbage, InjectedFault::Hang, InjectedFault::DropBefore]
    {
        bench.hub.inject(fault.clone(), FaultPoint::Any, 1);
        let before = bench.hub.requests().len();
        let answer = github.ticket(&id).await;
        assert!(matches!(answer, Err(ForgeError::Unreachable(_))), "{fault:?}: {answer:?}");
        assert_eq!(bench.hub.requests().len(), before + 1);
    }
    github.ticket(&id).await.unwrap();
    let url = bench.hub.url().to_owned();
    drop(bench);
    let nobody = GitHub::new(options(&url, TOKEN)).unwrap();
    while nobody.ticket(&id).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let answer = nobody.ticket(&id).await;
    assert!(matches!(answer, Err(ForgeError::Unreachable(_))), "{answer:?}");
}

#[tokio::test]
async fn a_limit_that_says_how_long_holds_everything_back() {
    let bench = bench().await;
    let id = bench.file("Sync fails");
    let limit = |retry_after| InjectedFault::SecondaryLimit { retry_after };
    bench.hub.inject(limit(None), FaultPoint::Any, 1);
    let hasty = client(&bench.hub, TOKEN);
    let minute = Some(Duration::from_secs(60));
    let answer = hasty.ticket(&id).await;
    assert!(matches!(answer, Err(ForgeError::Limited { wait, .. }) if wait == minute), "{answer:?}");
    let answer = hasty.ticket(&id).await;
    assert!(matches!(answer, Err(ForgeError::Limited { wait: Some(_), .. })), "{answer:?}");

    bench.hub.inject(limit(Some(30)), FaultPoint::Write, 1);
    let answer = bench.github.close(&id).await;
    let wait = Some(Duration::from_secs(30));
    assert!(matches!(answer, Err(ForgeError::Limited { wait: w, .. }) if w == wait), "{answer:?}");
    let before = bench.hub.requests().len();
    let answer = bench.github.ticket(&id).await;
    assert!(matches!(answer, Err(ForgeError::Limited { wait: Some(_), .. })), "{answer:?}");
    assert_eq!(bench.hub.requests().len(), before, "nothing was sent");

    for fault in [InjectedFault::PrimaryLimit { reset_in: 120 }, InjectedFault::TooMany { reset_in: 120 }] {
        let fresh = client(&bench.hub, TOKEN);
        bench.hub.inject(fault, FaultPoint::Any, 1);
        let answer = fresh.ticket(&id).await;
        let Err(ForgeError::Limited { wait: Some(wait), .. }) = answer else { panic!("{answer:?}") };
        assert!((118..=123).contains(&wait.as_secs()), "{wait:?}");
    }
}

#[tokio::test]
async fn what_was_renamed_is_named_and_left_alone() {
    let bench = bench().await;
    let id = bench.file("Sync fails");
    let now: Repo = "example/help".parse().unwrap();
    bench.hub.rename(&bench.repo, &now).unwrap();
    let expect = |what: &str| ForgeError::Moved { what: what.into(), now: now.to_string() };
    let github = &bench.github;
    let new = NewTicket {
        repo: bench.repo.clone(),
        marker: Marker::new("x"),
        title: text("x"),
        body: text("x"),
        labels: Vec::new(),
    };
    assert_eq!(github.ticket(&id).await, Err(expect("example/tickets#1")));
    assert_eq!(github.tickets(&bench.repo, Some("support"), None).await, Err(expect("example/tickets")));
    assert_eq!(github.account(&bench.repo, "ada").await, Err(expect("example/tickets")));
    assert_eq!(github.close(&id).await, Err(expect("example/tickets#1")));
    assert_eq!(github.open(&new).await, Err(expect("example/tickets")));
    let said = github
        .update_labels(&id, &[label("medic:working")], &[], Urgency::Report)
        .await
        .unwrap_err()
        .to_string();
    assert!(said.contains("is in example/help now") && said.contains("[github] repos"), "{said}");
    let there = bench.hub.issue(&TicketId { repo: now.clone(), number: 1 }).unwrap();
    assert_eq!((there.events.len(), bench.hub.issues(&now).len()), (2, 1), "opened and labelled, no more");
    assert!(bench.hub.labels(&now).iter().all(|label| label.name == "support"));
}

#[tokio::test]
async fn what_was_carried_out_and_never_answered_is_found() {
    let bench = bench().await;
    let options = Options { answer: Duration::from_secs(1), ..options(bench.hub.url(), TOKEN) };
    let github = GitHub::new(options).unwrap();
    let id = bench.file("Sync fails");
    let new = NewTicket {
        repo: bench.repo.clone(),
        marker: Marker::new("finding disk-full"),
        title: text("The disk is full"),
        body: text("97 %"),
        labels: Vec::new(),
    };
    let unanswered =
        |error: ForgeError| matches!(error, ForgeError::Unreachable(why) if why.contains("no answer"));
    let marker = Marker::new("report case=1");
    bench.hub.inject(InjectedFault::HangAfter, FaultPoint::Write, 2);
    assert!(unanswered(
        github.upsert_comment(&id, &marker, &text("done"), Urgency::Report).await.unwrap_err()
    ));
    assert!(unanswered(github.open(&new).await.unwrap_err()));
    assert_eq!(bench.writes(), 2, "it is not for the adapter to try again");
    github.upsert_comment(&id, &marker, &text("done"), Urgency::Report).await.unwrap();
    let opened = github.open(&new).await.unwrap();
    assert_eq!(bench.writes(), 2, "both were looked for, and found");
    assert_eq!((bench.bodies(&id).len(), bench.hub.issues(&bench.repo).len()), (1, 2));
    assert_eq!(bench.hub.issue(&opened).unwrap().title, "The disk is full");
}

/// Counts the writes that are under way at once, and gives each of them time to meet another.
#[derive(Clone)]
struct Gauge {
    indoors: InProcessService,
    now: Arc<AtomicUsize>,
    peak: Arc<AtomicUsize>,
}

impl<B> Service<Request<B>> for Gauge
where
    InProcessService: Service<Request<B>, Response = Response<String>, Error = io::Error>,
    <InProcessService as Service<Request<B>>>::Future: Send + 'static,
{
    type Response = Response<String>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Response<String>>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.indoors.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let is_write = request.method() != Method::GET;
        let answer = self.indoors.call(request);
        let Gauge { now, peak, .. } = self.clone();
        Box::pin(async move {
            if !is_write {
                return answer.await;
            }
            peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            for _ in 0..50 {
                tokio::task::yield_now().await;
            }
            let answer = answer.await;
            now.fetch_sub(1, Ordering::SeqCst);
            answer
        })
    }
}

#[tokio::test]
async fn two_writes_never_overlap() {
    let bench = bench().await;
    let gauge = Gauge { indoors: bench.hub.service(), now: Arc::default(), peak: Arc::default() };
    let github = &GitHub::over(options(bench.hub.url(), TOKEN), gauge.clone()).unwrap();
    let ids: Vec<TicketId> = (0..4).map(|n| bench.file(&format!("number {n}"))).collect();
    bench.hub.comment(&ids[0], "ada", "/qfield:support").unwrap();
    let comment = &github.comments(&bench.repo, DateTime::UNIX_EPOCH).await.unwrap()[0];
    let new = |name: &str| NewTicket {
        repo: bench.repo.clone(),
        marker: Marker::new(name),
        title: text(name),
        body: text(name),
        labels: Vec::new(),
    };
    let (one, two, marker, said) = (new("one"), new("two"), Marker::new("x"), text("said"));
    let (add, who) = ([label("medic:working")], ["medic".to_owned()]);
    let (a, b, c, d, e, f, g, h) = tokio::join!(
        github.upsert_comment(&ids[0], &marker, &said, Urgency::Report),
        github.upsert_comment(&ids[1], &marker, &said, Urgency::Report),
        github.update_labels(&ids[2], &add, &["support"], Urgency::Report),
        github.assign(&ids[3], &who),
        github.react(&comment.ticket, comment.id, Reaction::Eyes),
        async { github.close(&ids[0]).await.and(github.reopen(&ids[0]).await) },
        github.open(&one),
        github.open(&two),
    );
    for outcome in [a, b, c, d, e, f, g.map(drop), h.map(drop)] {
        outcome.unwrap();
    }
    assert_eq!((gauge.peak.load(Ordering::SeqCst), bench.writes()), (1, 11));
}
