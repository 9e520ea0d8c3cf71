//! Routing: which channels take a notice, and when it is due there.

use crate::ids::{ChannelName, SystemName};
use crate::notice::quiet::QuietHours;
use crate::notice::{Notice, NoticeEvent};
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// What a channel takes, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelRules {
    /// The events that it takes.
    pub events: BTreeSet<NoticeEvent>,
    /// Of these, those that wait for nothing: neither for the end of quiet hours nor for a digest.
    pub urgent: BTreeSet<NoticeEvent>,
    /// The systems that it is for; all, if it is empty. What is about no system goes to every channel.
    pub systems: BTreeSet<SystemName>,
    /// When it is quiet.
    pub quiet: Option<QuietHours>,
    /// Notices are collected for so long, and sent as one message.
    pub digest: Option<TimeDelta>,
}

/// When a channel sends a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dispatch {
    /// Not before this moment.
    pub due: DateTime<Utc>,
    /// It waits for others, to be sent in one message with them.
    pub is_bundled: bool,
}

impl ChannelRules {
    /// When this channel sends a notice; `None`: it does not.
    pub fn dispatch(&self, notice: &Notice, now: DateTime<Utc>) -> Option<Dispatch> {
        let is_for_systems = self.systems.is_empty()
            || notice.systems.is_empty()
            || notice.systems.iter().any(|system| self.systems.contains(system));
        if !self.events.contains(&notice.event) || !is_for_systems {
            return None;
        }
        if self.urgent.contains(&notice.event) {
            return Some(Dispatch { due: now, is_bundled: false });
        }
        // The ends of digests lie on a grid, so that all replicas agree on them without a word.
        let collected = self.digest.map(|digest| now.duration_trunc(digest).unwrap_or(now) + digest);
        let due = collected.unwrap_or(now);
        let quiet = self.quiet.and_then(|quiet| quiet.end(due));
        let is_bundled = collected.is_some() || quiet.is_some();
        Some(Dispatch { due: quiet.unwrap_or(due), is_bundled })
    }
}

/// What each channel does with a notice.
pub fn route(
    notice: &Notice,
    channels: &BTreeMap<ChannelName, ChannelRules>,
    now: DateTime<Utc>,
) -> Vec<(ChannelName, Dispatch)> {
    let sent = |(name, rules): (&ChannelName, &ChannelRules)| {
        rules.dispatch(notice, now).map(|dispatch| (name.clone(), dispatch))
    };
    channels.iter().filter_map(sent).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn notice(event: NoticeEvent, systems: &[&str]) -> Notice {
        Notice {
            key: "k".into(),
            event,
            at: at("2026-01-09T12:00:00Z"),
            systems: systems.iter().map(|name| SystemName::new(*name).unwrap()).collect(),
            case: None,
            ticket: None,
            about: Value::Null,
        }
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn rules() -> ChannelRules {
        ChannelRules {
            events: NoticeEvent::USUAL.iter().copied().collect(),
            urgent: BTreeSet::new(),
            systems: BTreeSet::new(),
            quiet: None,
            digest: None,
        }
    }

    fn dispatch(due: &str, is_bundled: bool) -> Option<Dispatch> {
        Some(Dispatch { due: at(due), is_bundled })
    }

    #[test]
    fn a_channel_takes_its_events_of_its_systems() {
        let north = ChannelRules { systems: [SystemName::new("north").unwrap()].into(), ..rules() };
        let channels = BTreeMap::from([
            (ChannelName::new("all").unwrap(), rules()),
            (ChannelName::new("north").unwrap(), north),
        ]);
        let to = |event, systems: &[&str]| {
            let routed = route(&notice(event, systems), &channels, at("2026-01-09T12:00:00Z"));
            routed.into_iter().map(|(name, _)| String::from(name)).collect::<Vec<_>>()
        };
        assert_eq!(to(NoticeEvent::Escalated, &["north"]), ["all", "north"]);
        assert_eq!(to(NoticeEvent::Escalated, &["south"]), ["all"]);
        assert_eq!(to(NoticeEvent::HostUnreachable, &["south", "north"]), ["all", "north"]);
        assert_eq!(to(NoticeEvent::Escalated, &[]), ["all", "north"], "its system is not known");
        assert_eq!(to(NoticeEvent::NotReady, &[]), ["all", "north"]);
        assert_eq!(to(NoticeEvent::Resolved, &["north"]), [] as [String; 0], "nobody asked for it");
    }

    #[test]
    fn quiet_hours_and_digests_delay_what_is_not_urgent() {
        let quiet = QuietHours::parse("22:00-07:00 Europe/Berlin", "UTC").unwrap();
        let quiet = |rules| ChannelRules { quiet: Some(quiet), ..rules };
        let digest = |rules| ChannelRules { digest: Some(TimeDelta::hours(1)), ..rules };
        let urgent = |rules| ChannelRules { urgent: [NoticeEvent::Escalated].into(), ..rules };
        let day = "2026-01-09T12:10:00Z";
        let night = "2026-01-09T23:10:00Z";
        for (rules, now, expect) in [
            (rules(), night, dispatch(night, false)),
            (quiet(rules()), day, dispatch(day, false)),
            (quiet(rules()), night, dispatch("2026-01-10T06:00:00Z", true)),
            (urgent(quiet(digest(rules()))), night, dispatch(night, false)),
            (digest(rules()), day, dispatch("2026-01-09T13:00:00Z", true)),
            // At the very end of one digest the next one begins.
            (digest(rules()), "2026-01-09T13:00:00Z", dispatch("2026-01-09T14:00:00Z", true)),
            // The digest would be due in quiet hours.
            (quiet(digest(rules())), "2026-01-09T20:30:00Z", dispatch("2026-01-10T06:00:00Z", true)),
            // Quiet ends before the digest does.
            (quiet(digest(rules())), "2026-01-10T05:30:00Z", dispatch("2026-01-10T06:00:00Z", true)),
        ] {
            let got = rules.dispatch(&notice(NoticeEvent::Escalated, &[]), at(now));
            assert_eq!(got, expect, "{rules:?}, {now}");
        }
    }

    #[test]
    fn each_event_has_one_word() {
        let words: BTreeSet<&str> = NoticeEvent::ALL.iter().map(|event| event.as_str()).collect();
        assert_eq!(words.len(), NoticeEvent::ALL.len());
        for event in NoticeEvent::ALL {
            assert_eq!(serde_json::to_value(event).unwrap(), event.as_str());
        }
    }
}
