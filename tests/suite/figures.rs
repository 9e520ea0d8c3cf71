//! The figures of a period, from the golden journals: they hold cases of every kind of end.

use crate::golden::cases_of_version;
use fieldmedic::core::case::Case;
use fieldmedic::core::case::event::Event;
use fieldmedic::core::policy::run_history::CloseStats;
use fieldmedic::core::view::figures::{Figures, figures};
use fieldmedic::render::Prompts;
use insta::assert_snapshot;
use serde_json::json;

async fn golden_figures(minutes_per_ticket: Option<u32>) -> Figures {
    let (mut cases, mut records) = (Vec::new(), Vec::new());
    for (id, golden) in cases_of_version(Event::VERSION) {
        let of_case = golden.records().await;
        cases.push(Case::fold(&id, &of_case).expect("it folds"));
        records.extend(of_case.into_iter().map(|record| (id.clone(), record)));
    }
    let moment = |text: &str| text.parse().expect("a moment");
    let period = [moment("2026-09-01T00:00:00Z"), moment("2026-10-01T00:00:00Z")];
    figures(&cases, period, &CloseStats::count(&records).false_closes, minutes_per_ticket)
}

#[tokio::test]
async fn every_ticket_is_counted_once() {
    let figures = golden_figures(Some(20)).await;
    let all = &figures.all;
    assert_eq!(all.tickets, all.open + all.closed + all.escalated + all.left_open);
    assert_eq!(figures.escalations.values().sum::<usize>(), all.escalated);
    assert_eq!(figures.systems.values().map(|system| system.tickets).sum::<usize>(), all.tickets);
    assert_eq!(figures.hours_saved, Some(all.closed as f64 / 3.0));
    assert_eq!(golden_figures(None).await.hours_saved, None);
    let prompts = Prompts::built_in().expect("the prompts are right");
    assert_snapshot!(prompts.fill("figures.md", json!({ "title": "September 2026", "figures": figures })), @"
    # Fieldmedic in September 2026

    Fieldmedic worked on 6 tickets. It closed 1 itself and handed 2 to a person; 3 are not over.

    | figure | value |
    |---|---|
    | auto-resolution: closed, of the tickets that have ended | 33.3 % |
    | fixes that were proven, of those tried | 0 of 0 (–) |
    | confirmed by a person | 0 |
    | closed after nobody objected | 0 |
    | false closures: somebody said later that it is not settled | 1 |
    | faults that came back after the close | 2 |
    | time to close, median | 53.0 s |
    | time to close, nine of ten within | 53.0 s |
    | hours saved, by the configured minutes for each closed ticket | 0.3 |

    ## Where the time went

    Medians of the closed tickets. The rest is waiting: for a person, a limit or another case.

    | phase | median |
    |---|---|
    | connecting to hosts | 0.0 s |
    | probes | 0.0 s |
    | changes | 0.0 s |
    | verification | 0.0 s |
    | GitHub | 0.0 s |

    ## By system

    | system | tickets | closed | handed over | auto-resolution | fixes proven | false closures |
    |---|---|---|---|---|---|---|
    | qfieldcloud | 6 | 1 | 2 | 33.3 % | 0 of 0 | 1 |

    ## Why people were called

    | code | tickets |
    |---|---|
    | `held-back` | 1 |
    | `still-broken` | 1 |

    Besides, there were 2 commands that only looked or ordered one thing, runs of schedules, and tickets that were declined or cancelled.
    ");
}

#[tokio::test]
async fn a_month_without_tickets_says_so() {
    let moment = |text: &str| text.parse().expect("a moment");
    let period = [moment("2026-09-01T00:00:00Z"), moment("2026-10-01T00:00:00Z")];
    let figures = figures(&[], period, &Default::default(), Some(20));
    let prompts = Prompts::built_in().expect("the prompts are right");
    assert_snapshot!(prompts.fill("figures.md", json!({ "title": "September 2026", "figures": figures })), @"
    # Fieldmedic in September 2026

    There were no tickets in this month.
    ");
}
