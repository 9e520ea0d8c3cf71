//! Collecting: looks through the journal for what people are to be told, and queues it for each channel.
//!
//! The records of cases are the source, and not the moments at which they are written. So a crash between a record and
//! its notice loses nothing: the next look, of whichever process, finds the record. The queue takes each key once.

use crate::core::case::Case;
use crate::core::ids::{CaseId, ChannelName};
use crate::core::notice::of_case::{KINDS, notice_of};
use crate::core::notice::routing::{ChannelRules, route};
use crate::core::notice::watch::{Standing, Subject, Watch};
use crate::core::notice::{Notice, NoticeEvent};
use crate::engine::case::load::load_case;
use crate::engine::context::Context;
use crate::ports::{Cursor, Enqueued, JournalError, QueuedNotice};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Records so much older than the last look are looked at again: a replica's clock may be behind, and its transaction
/// may have taken a while.
const OVERLAP: TimeDelta = TimeDelta::minutes(10);

/// After a longer time without a daemon, what happened before is no news any more.
const OLDEST_NEWS: TimeDelta = TimeDelta::days(2);

/// Of two replicas that see the same change, one tells it.
const ONE_TELLS: Duration = Duration::from_secs(90);

/// Looks for notices, for all channels.
pub struct NoticeCollector {
    context: Context,
    channels: Arc<BTreeMap<ChannelName, ChannelRules>>,
    /// The records that were looked at, with their times: those within the overlap.
    seen: BTreeMap<(CaseId, u64), DateTime<Utc>>,
    watch: Watch,
    set_aside: BTreeSet<CaseId>,
}

impl NoticeCollector {
    /// For these channels.
    pub fn new(context: Context, channels: Arc<BTreeMap<ChannelName, ChannelRules>>) -> Self {
        Self { context, channels, seen: BTreeMap::new(), watch: Watch::default(), set_aside: BTreeSet::new() }
    }

    /// Queues what has happened in cases since the last look, and which cases were set aside. The first look of all
    /// begins with now.
    ///
    /// # Errors
    /// If the journal cannot be used. The next look tries again.
    pub async fn look_at_cases(&mut self) -> Result<(), JournalError> {
        let journal = self.context.journal.clone();
        let now = self.context.clock.now();
        let begun = match journal.cursor(&Cursor::NoticesBegun).await? {
            Some(begun) => begun,
            None => {
                journal.set_cursor(&Cursor::NoticesBegun, now).await?;
                now
            }
        };
        let last = journal.cursor(&Cursor::Notices).await?.unwrap_or(begun);
        let since = (last.min(now) - OVERLAP).max(now - OLDEST_NEWS).max(begun);
        self.seen.retain(|_, at| *at >= since);
        let history = journal.history(KINDS, since).await?;
        let mut cases: BTreeMap<CaseId, Option<Case>> = BTreeMap::new();
        let mut notices = Vec::new();
        let mut looked_at = Vec::new();
        for (id, record) in history.records {
            let key = (id.clone(), record.seq);
            if self.seen.contains_key(&key) {
                continue;
            }
            if let Entry::Vacant(entry) = cases.entry(id.clone()) {
                entry.insert(load_case(&self.context, &id).await?);
            }
            // A case that cannot be read is set aside now, which is told by itself.
            if let Some(case) = cases.get(&id).and_then(Option::as_ref) {
                notices.extend(notice_of(case, &record));
            }
            looked_at.push((key, record.at));
        }
        let set_aside = self.context.set_aside.all();
        for (case, why) in &set_aside {
            if !self.set_aside.contains(case) {
                notices.push(self.of_set_aside(case, why, now));
            }
        }
        self.queue(&notices).await?;
        // Where nothing is new, the position of the last look is as good, and an idle daemon writes nothing.
        if !looked_at.is_empty() {
            journal.set_cursor(&Cursor::Notices, now).await?;
        }
        self.seen.extend(looked_at);
        self.set_aside = set_aside.into_keys().collect();
        Ok(())
    }

    /// Queues what has changed of everything that is watched.
    ///
    /// # Errors
    /// If the journal cannot be used. The next look tries again.
    pub async fn look_at(&mut self, standings: &BTreeMap<Subject, Standing>) -> Result<(), JournalError> {
        let journal = self.context.journal.clone();
        let now = self.context.clock.now();
        for (subject, standing) in standings {
            let told = journal.cursor(&Cursor::TroubleTold(subject.clone())).await?;
            let over = journal.cursor(&Cursor::TroubleOver(subject.clone())).await?;
            let is_told = told > over;
            let Some(notice) = self.watch.look(subject, standing, is_told, now) else { continue };
            let turn = format!("notice {subject} {}", notice.event);
            if !journal.try_once_every(&turn, now, ONE_TELLS).await? {
                continue;
            }
            self.queue(&[notice]).await?;
            let cursor = match standing.is_troubled {
                true => Cursor::TroubleTold(subject.clone()),
                false => Cursor::TroubleOver(subject.clone()),
            };
            journal.set_cursor(&cursor, now).await?;
        }
        Ok(())
    }

    /// A restart sets the same case aside again; that is told once a day.
    fn of_set_aside(&self, case: &CaseId, why: &str, now: DateTime<Utc>) -> Notice {
        let why = self.context.redactor.text(why);
        Notice {
            key: format!("set aside {case} {}", now.date_naive()),
            event: NoticeEvent::SetAside,
            at: now,
            systems: Vec::new(),
            case: Some(case.clone()),
            ticket: None,
            about: json!({ "case": case, "why": why.as_str() }),
        }
    }

    async fn queue(&self, notices: &[Notice]) -> Result<(), JournalError> {
        let now = self.context.clock.now();
        let mut queued = Vec::new();
        for notice in notices {
            let body =
                serde_json::to_value(notice).map_err(|error| JournalError::Unreadable(error.to_string()))?;
            for (channel, dispatch) in route(notice, &self.channels, now) {
                queued.push(QueuedNotice {
                    channel,
                    key: notice.key.clone(),
                    body: body.clone(),
                    due: dispatch.due,
                    is_bundled: dispatch.is_bundled,
                });
            }
        }
        if queued.is_empty() {
            return Ok(());
        }
        let Enqueued { dropped, .. } = self.context.journal.enqueue_notices(&queued, now).await?;
        if dropped > 0 {
            tracing::warn!(dropped, "too many notices wait; the oldest are given up");
        }
        Ok(())
    }
}
