//! What is watched beside cases: hosts, the checks of systems, and the daemon itself. A change is told once, after
//! it has lasted.

use crate::ids::{HostName, SystemName};
use crate::notice::{Notice, NoticeEvent};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt;

/// A trouble is told when it has lasted so long. What is over before is no news.
pub const LASTS: TimeDelta = TimeDelta::minutes(1);

/// What is watched. Its text is the name under which the journal remembers what was told of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// Whether a host can be reached.
    Host(HostName),
    /// Whether the checks of a system can be read.
    System(SystemName),
    /// Whether the daemon is ready.
    Daemon,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Host(host) => write!(f, "host {host}"),
            Subject::System(system) => write!(f, "system {system}"),
            Subject::Daemon => f.write_str("daemon"),
        }
    }
}

/// How something stands now.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// Whether it is in trouble.
    pub is_troubled: bool,
    /// The systems that it is about.
    pub systems: Vec<SystemName>,
    /// What the words need; for a system what could not be read, for the daemon which checks fail.
    pub about: Value,
}

/// What a process has seen of everything that is watched.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Watch {
    troubled_since: BTreeMap<Subject, DateTime<Utc>>,
}

impl Watch {
    /// What is to be told of a subject. `is_told`: a trouble of it was told, and not its end.
    pub fn look(
        &mut self,
        subject: &Subject,
        standing: &Standing,
        is_told: bool,
        now: DateTime<Utc>,
    ) -> Option<Notice> {
        let since = match standing.is_troubled {
            true => *self.troubled_since.entry(subject.clone()).or_insert(now),
            false => {
                self.troubled_since.remove(subject);
                now
            }
        };
        let is_news = match standing.is_troubled {
            true => !is_told && now - since >= LASTS,
            false => is_told,
        };
        is_news.then(|| self::notice(subject, standing, since))
    }
}

fn notice(subject: &Subject, standing: &Standing, since: DateTime<Utc>) -> Notice {
    let event = match (subject, standing.is_troubled) {
        (Subject::Host(_), true) => NoticeEvent::HostUnreachable,
        (Subject::Host(_), false) => NoticeEvent::HostReachable,
        (Subject::System(_), true) => NoticeEvent::SystemUnreadable,
        (Subject::System(_), false) => NoticeEvent::SystemReadable,
        (Subject::Daemon, true) => NoticeEvent::NotReady,
        (Subject::Daemon, false) => NoticeEvent::Ready,
    };
    let about = match subject {
        Subject::Host(host) => json!({ "host": host }),
        Subject::System(_) | Subject::Daemon => standing.about.clone(),
    };
    Notice {
        key: format!("{subject} {event} {}", since.to_rfc3339()),
        event,
        at: since,
        systems: standing.systems.clone(),
        case: None,
        ticket: None,
        about,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_is_told_once_it_has_lasted_and_so_is_its_end() {
        let start: DateTime<Utc> = "2026-01-09T12:00:00Z".parse().unwrap();
        let subject = Subject::Host(HostName::new("north").unwrap());
        let mut watch = Watch::default();
        let mut is_told = false;
        let mut told = Vec::new();
        // Every 20 seconds; a hiccup, then a trouble of two minutes, then a short end of it.
        for (number, is_troubled) in
            [0, 1, 0, 1, 1, 1, 1, 1, 0, 1, 0].into_iter().map(|it| it == 1).enumerate()
        {
            let now = start + TimeDelta::seconds(20) * i32::try_from(number).unwrap();
            let standing = Standing { is_troubled, systems: Vec::new(), about: Value::Null };
            if let Some(notice) = watch.look(&subject, &standing, is_told, now) {
                is_told = is_troubled;
                told.push((number, notice.event, notice.about["host"].clone()));
            }
        }
        let host = json!("north");
        assert_eq!(
            told,
            [(6, NoticeEvent::HostUnreachable, host.clone()), (8, NoticeEvent::HostReachable, host)]
        );
    }

    #[test]
    fn a_restart_tells_nothing_twice_and_forgets_no_end() {
        let now: DateTime<Utc> = "2026-01-09T12:00:00Z".parse().unwrap();
        let standing = |is_troubled| Standing { is_troubled, systems: Vec::new(), about: json!({}) };
        let mut fresh = Watch::default();
        assert_eq!(fresh.look(&Subject::Daemon, &standing(true), true, now), None);
        let end = fresh.look(&Subject::Daemon, &standing(false), true, now).map(|notice| notice.event);
        assert_eq!(end, Some(NoticeEvent::Ready));
        assert_eq!(Watch::default().look(&Subject::Daemon, &standing(false), false, now), None);
    }
}
