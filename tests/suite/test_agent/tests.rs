//! The harness itself: it fails a test for what nobody expected.

use super::{TestAgent, kind_of};
use fieldmedic::ports::Clock;
use tokio::task::JoinHandle;

#[test]
fn a_comment_is_known_by_its_marker() {
    for (body, kind) in [
        ("<!-- fieldmedic case=c0123456789ab kind=report -->\n\ntext", "report"),
        ("<!-- fieldmedic reply comment=7 -->", "reply"),
        ("text", "unmarked"),
    ] {
        assert_eq!(kind_of(body), kind);
    }
}

#[tokio::test]
#[should_panic(expected = "unexpected comment (report)")]
async fn a_comment_that_nobody_looked_at_fails_the_test() {
    let agent = TestAgent::on("worker-down").build().await;
    agent.works(&agent.opens_case().await).await;
    agent.comment("status");
}

#[tokio::test]
#[should_panic(expected = "unexpected command: uptime")]
async fn a_command_that_nobody_scripted_fails_the_test() {
    let agent = TestAgent::on("status").build().await;
    let now = agent.clock().now();
    agent.run().host.lock().respond("uptime", now);
}

#[tokio::test]
#[should_panic(expected = "panic in the background")]
async fn a_panic_in_the_background_fails_the_test() {
    let _agent = TestAgent::on("status").build().await;
    let task: JoinHandle<()> = tokio::spawn(async { panic!("in a task") });
    assert!(task.await.is_err());
}

#[tokio::test]
async fn a_test_that_looked_at_everything_passes() {
    let agent = TestAgent::on("status").build().await;
    agent.works(&agent.opens_case().await).await;
    agent.sees(&["report"]);
}
