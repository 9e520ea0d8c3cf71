//! One process of the agent: the tasks of `fieldmedic serve`, on ports that can fail at any moment.

use super::oracle::Oracle;
use super::outages::{Outage, Outages};
use crate::taps::{Broken, Deed, Tap, tapped};
use async_trait::async_trait;
use fieldmedic::app::inbox::DeliveryInbox;
use fieldmedic::core::case::event::{CaseId, Event};
use fieldmedic::core::diagnosis::evidence::RawObservation;
use fieldmedic::core::ids::HostName;
use fieldmedic::core::text::redact::Redacted;
use fieldmedic::core::ticket::TicketId;
use fieldmedic::engine::poll;
use fieldmedic::engine::remind;
use fieldmedic::engine::{
    Context, Dispatcher, Shutdown, check_recurrences, check_systems, collect_thumbs, sweep_tickets,
};
use fieldmedic::ports::{Clock, ForgeError, LeaseGrant, Marker, ShellError};
use fieldmedic::web::Router;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

pub struct Process {
    pub router: Router,
    pub life: Arc<Life>,
    stop_sender: watch::Sender<bool>,
    _tasks: JoinSet<()>,
    dispatch: Dispatcher,
}

/// Whether a process runs, and how many effects it has left before it is killed.
pub struct Life {
    pub number: u64,
    dead: AtomicBool,
    left: AtomicU64,
    pub died: Notify,
}

impl Life {
    pub fn new(number: u64, effects: u64) -> Arc<Self> {
        let left = AtomicU64::new(effects);
        Arc::new(Self { number, dead: AtomicBool::new(false), left, died: Notify::new() })
    }

    pub fn is_over(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    pub fn end(&self) {
        self.dead.store(true, Ordering::SeqCst);
        self.died.notify_one();
    }

    /// A killed process waits here for ever.
    async fn pass(&self, deed: Deed<'_>) {
        if deed.counts() && self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.end();
        }
        if self.is_over() {
            std::future::pending::<()>().await;
        }
    }
}

impl Process {
    /// Starts the process. Its scheduled tasks run often, because an incident is short.
    pub fn start(context: &Context, life: Arc<Life>, tap: ProcessTap) -> Self {
        let mut context = tapped(context, Arc::new(tap));
        context.worker = format!("process-{}", life.number);
        let (stop, stop_sender) = Shutdown::new();
        let dispatch = Dispatcher::start(context.clone(), 16, stop.clone());
        let mut tasks = JoinSet::new();
        for (work, seconds) in [
            (Work::Poll, 75),
            (Work::SweepTickets, 480),
            (Work::WatchOver, 420),
            (Work::SweepSystems, 1500),
            (Work::Remind, 660),
        ] {
            let (context, wake, stop) = (context.clone(), dispatch.waker(), stop.clone());
            tasks.spawn(async move {
                while !stop.is_requested() {
                    for case in work.round(&context).await {
                        drop(wake.send(case));
                    }
                    tokio::select! {
                        biased;
                        () = stop.requested() => {}
                        () = tokio::time::sleep(Duration::from_secs(seconds)) => {}
                    }
                }
            });
        }
        let inbox = DeliveryInbox::new(context, dispatch.waker());
        let worker = inbox.clone();
        tasks.spawn(async move { worker.work(&stop).await });
        let router = inbox.router([super::run::WEBHOOK_SECRET.to_owned().into()]);
        Self { router, life, stop_sender, _tasks: tasks, dispatch }
    }

    /// Stops as on SIGTERM: at the next safe point.
    pub async fn stop(self) {
        let _ = self.stop_sender.send(true);
        tokio::select! {
            biased;
            () = self.dispatch.finish() => self.life.end(),
            () = self.life.died.notified() => {}
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Work {
    Poll,
    SweepTickets,
    SweepSystems,
    WatchOver,
    Remind,
}

impl Work {
    /// A round that fails is repeated at its next time.
    async fn round(self, context: &Context) -> Vec<CaseId> {
        let opened = match self {
            Work::Poll => poll(context).await,
            Work::SweepTickets => sweep_tickets(context).await,
            Work::WatchOver => check_recurrences(context).await,
            Work::Remind => match remind(context).await {
                Ok(_) => collect_thumbs(context).await,
                Err(error) => Err(error),
            },
            Work::SweepSystems => check_systems(context)
                .await
                .map(|swept| swept.into_iter().filter_map(|swept| swept.opened).collect()),
        };
        opened.unwrap_or_default()
    }
}

/// The tap on the ports of a process: its life, the outages, the oracle and the flaw.
pub struct ProcessTap {
    pub life: Arc<Life>,
    pub outages: Arc<Outages>,
    pub oracle: Arc<Oracle>,
    pub clock: Arc<dyn Clock>,
    pub flaw: Arc<dyn Tap>,
}

impl ProcessTap {
    fn occurs(&self, outage: Outage) -> bool {
        self.outages.occurs(outage, self.clock.now())
    }
}

#[async_trait]
impl Tap for ProcessTap {
    async fn before(&self, deed: Deed<'_>) -> Result<(), Broken> {
        self.life.pass(deed).await;
        match deed {
            Deed::Append(..) | Deed::Write(_) | Deed::Read(_) if self.occurs(Outage::Journal) => {
                return Err(Broken("the disk is full".into()));
            }
            Deed::Probe(_) | Deed::Change(..) if self.occurs(Outage::Unreachable) => {
                return Err(Broken("connection refused".into()));
            }
            _ => {}
        }
        self.oracle.before(self.life.number, deed);
        Ok(())
    }

    async fn after(&self, deed: Deed<'_>) -> Result<(), Broken> {
        self.oracle.after(self.life.number, deed).await;
        self.life.pass(deed).await;
        match deed {
            Deed::Append(..) | Deed::Write(_) if self.occurs(Outage::JournalNoReply) => {
                Err(Broken("the server went away".into()))
            }
            Deed::Probe(_) | Deed::Change(..) if self.occurs(Outage::Dropped) => {
                Err(Broken("the connection broke".into()))
            }
            Deed::Probe(_) | Deed::Change(..) if self.occurs(Outage::Hung) => {
                tokio::time::sleep(Duration::from_secs(30)).await;
                self.life.pass(Deed::Read("nothing")).await;
                Err(Broken("no answer within 30 s".into()))
            }
            _ => Ok(()),
        }
    }

    fn seen(
        &self,
        deed: Deed<'_>,
        answer: Result<RawObservation, ShellError>,
    ) -> Result<RawObservation, ShellError> {
        let mut answer = self.flaw.seen(deed, answer)?;
        if self.occurs(Outage::Garbage) {
            answer.stdout.kept = b"\xff\xfe\x00\x1b[2Jgarbage".to_vec();
            answer.stdout.length = answer.stdout.kept.len() as u64;
        }
        if matches!(deed, Deed::Change(..)) && self.occurs(Outage::Stuck) {
            return Err(ShellError::InDoubt { why: "it may still be running".into(), may_still_run: true });
        }
        Ok(answer)
    }

    fn recorded(&self, event: &Event) -> Event {
        self.flaw.recorded(event)
    }

    fn held(&self, host: &HostName, case: &CaseId, granted: Option<LeaseGrant>) -> Option<LeaseGrant> {
        self.oracle.answered(case, granted.as_ref());
        self.flaw.held(host, case, granted)
    }

    fn written(&self, id: &TicketId, marker: &Marker, body: &Redacted) -> Option<Result<(), ForgeError>> {
        self.flaw.written(id, marker, body)
    }
}
