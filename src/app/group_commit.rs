//! Group commit: deliveries that arrive while another is being written are written together, in one transaction.
//!
//! A commit waits for the disk, which is what takes the time. So the first to come writes at once, and those that come
//! meanwhile wait for their turn; whoever has it next writes for all of them.

use crate::ports::{JournalError, QueuedDelivery, Store};
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// The deliveries that wait to be written.
#[derive(Debug, Default)]
pub(super) struct GroupCommit {
    waiting: Mutex<Vec<Waiting>>,
    turn: tokio::sync::Mutex<()>,
    /// How many callers there are.
    callers: watch::Sender<usize>,
}

/// Counts a caller for as long as it waits.
struct Caller<'c>(&'c watch::Sender<usize>);

impl<'c> Caller<'c> {
    fn new(callers: &'c watch::Sender<usize>) -> Self {
        callers.send_modify(|callers| *callers += 1);
        Self(callers)
    }
}

impl Drop for Caller<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|callers| *callers = callers.saturating_sub(1));
    }
}

#[derive(Debug)]
struct Waiting {
    deliveries: Vec<QueuedDelivery>,
    stored: oneshot::Sender<Result<(), JournalError>>,
}

impl GroupCommit {
    /// Queues what came in one request durably, all or none of it, together with others that wait.
    ///
    /// # Errors
    /// The journal cannot be used. Another process may have queued the delivery all the same, which is no harm.
    pub(super) async fn store(
        &self,
        journal: &dyn Store,
        deliveries: Vec<QueuedDelivery>,
    ) -> Result<(), JournalError> {
        let _caller = Caller::new(&self.callers);
        let (stored, mut result) = oneshot::channel();
        self.lock().push(Waiting { deliveries, stored });
        let _turn = self.turn.lock().await;
        if let Ok(result) = result.try_recv() {
            return result;
        }
        let group = mem::take(&mut *self.lock());
        for (stored, written) in write(journal, group).await {
            // Whoever gave up waiting needs no answer.
            let _ = stored.send(written);
        }
        let given_up = || JournalError::Unavailable("the delivery was not written".to_owned());
        result.try_recv().unwrap_or_else(|_| Err(given_up()))
    }

    /// Waits until nobody waits for a delivery to be stored, for so long at most: GitHub waits for an answer, and what
    /// is stored can wait.
    pub(super) async fn give_way(&self, at_most: Duration) {
        let mut callers = self.callers.subscribe();
        // The sender lives as long as this, and who has waited long enough goes on.
        let _ = tokio::time::timeout(at_most, callers.wait_for(|callers| *callers == 0)).await;
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Answer = (oneshot::Sender<Result<(), JournalError>>, Result<(), JournalError>);

/// Writes a group. If that fails, each is written for itself, so that none fails for another.
async fn write(journal: &dyn Store, group: Vec<Waiting>) -> Vec<Answer> {
    let all: Vec<QueuedDelivery> = group.iter().flat_map(|waiting| &waiting.deliveries).cloned().collect();
    let written = journal.enqueue_deliveries(&all).await.map(drop);
    if written.is_ok() || group.len() == 1 {
        return group.into_iter().map(|waiting| (waiting.stored, written.clone())).collect();
    }
    let mut answers = Vec::new();
    for Waiting { deliveries, stored } in group {
        answers.push((stored, journal.enqueue_deliveries(&deliveries).await.map(drop)));
    }
    answers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Inbox;
    use crate::store::Sqlite;
    use chrono::DateTime;
    use serde_json::json;
    use std::sync::Arc;
    use std::time::Duration;

    async fn store_at_once(journal: &Sqlite, number: usize) -> Vec<Result<(), JournalError>> {
        let commits = Arc::new(GroupCommit::default());
        let tasks: Vec<_> = (0..number)
            .map(|number| {
                let (commits, journal) = (Arc::clone(&commits), journal.clone());
                let delivery = QueuedDelivery { key: format!("delivery {number}"), body: json!(number) };
                tokio::spawn(async move { commits.store(&journal, vec![delivery]).await })
            })
            .collect();
        let mut results = Vec::new();
        for task in tasks {
            results.push(task.await.unwrap());
        }
        results
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn whoever_is_answered_is_stored() {
        let journal = Sqlite::in_memory().await.unwrap();
        assert_eq!(store_at_once(&journal, 200).await, vec![Ok(()); 200]);
        let (now, minute) = (DateTime::UNIX_EPOCH, Duration::from_secs(60));
        let mut stored = 0;
        while journal.next_delivery(now, minute).await.unwrap().is_some() {
            stored += 1;
        }
        assert_eq!(stored, 200);
    }

    #[tokio::test]
    async fn whoever_is_not_stored_is_told() {
        let journal = Sqlite::in_memory().await.unwrap();
        journal.close().await;
        assert!(store_at_once(&journal, 20).await.iter().all(Result::is_err));
    }

    #[tokio::test]
    async fn storing_goes_before_processing() {
        let journal = Sqlite::in_memory().await.unwrap();
        let commits = GroupCommit::default();
        let long = Duration::from_secs(60);
        commits.give_way(long).await;
        let turn = commits.turn.lock().await;
        let store = commits.store(&journal, vec![QueuedDelivery { key: "a".into(), body: json!(1) }]);
        let mut store = std::pin::pin!(store);
        assert!(is_pending(store.as_mut()).await, "it waits for its turn");
        let way = commits.give_way(long);
        let mut way = std::pin::pin!(way);
        assert!(is_pending(way.as_mut()).await, "somebody waits");
        drop(turn);
        assert_eq!(store.await, Ok(()));
        way.await;
    }

    /// Polls once. Whether it is still pending.
    async fn is_pending<F: Future>(mut future: std::pin::Pin<&mut F>) -> bool {
        std::future::poll_fn(|context| std::task::Poll::Ready(future.as_mut().poll(context).is_pending()))
            .await
    }

    #[tokio::test]
    async fn who_gives_up_takes_nobody_along() {
        let journal = Sqlite::in_memory().await.unwrap();
        let commits = GroupCommit::default();
        let delivery =
            |number: u32| QueuedDelivery { key: format!("delivery {number}"), body: json!(number) };
        let turn = commits.turn.lock().await;
        let impatient = commits.store(&journal, vec![delivery(1)]);
        assert!(tokio::time::timeout(Duration::from_millis(5), impatient).await.is_err());
        drop(turn);
        assert_eq!(commits.store(&journal, vec![delivery(2)]).await, Ok(()));
    }
}
