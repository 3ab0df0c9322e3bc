//! A running net: its threads, and how they end.

use crate::event::WorkerId;
use crate::ledger::Ledger;
use crate::net::{BoxError, Faults};
use crate::observe::Observer;
use crate::run::{Plan, StopError, Turn, Worker, watch};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Barrier};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Batches in one turn of a worker; a turn ends earlier when nothing is ready or when it is time
/// to look at the machine.
const RUNS: usize = 256;
/// How often a draining net is asked whether it is done.
pub(crate) const DRAIN_STEP: Duration = Duration::from_millis(5);

/// A net that runs. Dropping it stops it.
///
/// ```
/// # use sluicegate::{Batch, Cx, Net, from_fn, stage};
/// # let mut net = Net::new("one");
/// # let cpu = net.domain("cpu").pinned(1);
/// # let end = || {
/// #     from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
/// #         batch.for_each(|event| event.split().0.finish());
/// #     })
/// # };
/// # let end = net.add(stage("end", end).on(cpu));
/// # let entry = net.entry(end.inlet);
/// use sluicegate::ms;
///
/// let running = net.run()?;
/// entry.send(1).expect("there is room");
/// let drained = running.drain(ms(10_000));
/// assert!(drained.complete && drained.ledger.balanced());
/// # Ok::<(), sluicegate::StartError>(())
/// ```
pub struct Running {
    plan: Arc<Plan>,
    threads: Vec<JoinHandle<()>>,
    /// Names stalls, where anybody wants to be told; ends when the other end is dropped.
    watch: Option<(SyncSender<()>, JoinHandle<()>)>,
}

/// Why a net did not start.
///
/// ```
/// use sluicegate::{Batch, Cx, Net, StartError, from_fn, stage};
///
/// let mut net = Net::new("wrong");
/// let end = || {
///     from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
///         batch.for_each(|event| event.split().0.finish());
///     })
/// };
/// net.add(stage("nowhere", end));
/// let Err(StartError::Faults(faults)) = net.run() else { panic!("it has no domain") };
/// assert!(faults.to_string().contains("`nowhere`"), "{faults}");
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// The net has faults.
    Faults(Faults),
    /// What a thread does [first](crate::DomainBuilder::on_thread_start) failed, or the machine or
    /// the policy of a worker could not be made.
    Machine {
        /// The domain.
        domain: String,
        /// The worker's number in it.
        worker: usize,
        /// What went wrong.
        error: BoxError,
    },
    /// The system gives no more threads.
    Thread(std::io::Error),
    /// A simulation was to have a trouble that cannot befall its net.
    Trouble(String),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Faults(faults) => write!(f, "the net has faults:\n{faults}"),
            Self::Machine { domain, worker, error } => {
                write!(f, "worker {worker} of domain `{domain}` could not start: {error}")
            }
            Self::Trouble(why) => write!(f, "the troubles do not fit the net: {why}"),
            Self::Thread(error) => write!(f, "the system gives no thread for a worker: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

/// How a drain ended.
///
/// ```
/// # use sluicegate::{Batch, Cx, Net, from_fn, stage};
/// # let mut net = Net::new("one");
/// # let cpu = net.domain("cpu").pinned(1);
/// # let end = || {
/// #     from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
/// #         batch.for_each(|event| event.split().0.finish());
/// #     })
/// # };
/// # let end = net.add(stage("end", end).on(cpu));
/// # let entry = net.entry(end.inlet);
/// use sluicegate::ms;
///
/// let running = net.run()?;
/// entry.send(1).expect("there is room");
/// let drained = running.drain(ms(10_000));
/// assert!(drained.complete, "10 s were not enough");
/// assert_eq!(drained.ledger.finished, 1);
/// # Ok::<(), sluicegate::StartError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Whether all flows ended and all stages were done before the time was over.
    pub complete: bool,
    /// The ledger after the last thread ended; flows that were cut off ended as `draining`.
    pub ledger: Ledger,
}

impl Running {
    pub(crate) fn start(plan: Arc<Plan>) -> Result<Self, StartError> {
        let workers = plan.workers();
        let closing = Arc::new(Barrier::new(workers));
        let (report, reports) = sync_channel(workers.max(1));
        let mut running = Self { plan, threads: Vec::with_capacity(workers), watch: None };
        running.watch().map_err(StartError::Thread)?;
        for worker in 0..workers {
            let id = WorkerId(u16::try_from(worker).unwrap_or(u16::MAX));
            let plan = Arc::clone(&running.plan);
            let (closing, report) = (Arc::clone(&closing), report.clone());
            let domain = plan.domain_of(id);
            let name = format!("{}-{}", domain.name, worker - domain.first);
            let thread = thread::Builder::new().name(name);
            match thread.spawn(move || run(&plan, id, &closing, &report)) {
                Ok(thread) => running.threads.push(thread),
                // The threads that did start wait for all to close: they are left to the process.
                Err(error) => {
                    running.plan.stop();
                    running.threads.clear();
                    return Err(StartError::Thread(error));
                }
            }
        }
        drop(report);
        let failed = reports.iter().take(workers).find_map(Result::err);
        match failed {
            None => {
                running.plan.start();
                Ok(running)
            }
            Some((worker, error)) => {
                let domain = running.plan.domain_of(worker);
                let (name, worker) = (domain.name.clone(), worker.index() - domain.first);
                drop(running);
                Err(StartError::Machine { domain: name, worker, error })
            }
        }
    }

    fn watch(&mut self) -> std::io::Result<()> {
        if self.plan.on_stall.is_some() {
            let (over, is_over) = sync_channel(0);
            let plan = Arc::clone(&self.plan);
            let thread = thread::Builder::new().name(format!("{}-stalls", plan.name));
            self.watch = Some((over, thread.spawn(move || watch(&plan, &is_over))?));
        }
        Ok(())
    }

    pub(crate) fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// What watches the net; may be cloned and outlive it.
    pub fn observer(&self) -> Observer {
        Observer::new(Arc::clone(&self.plan))
    }

    /// Takes no new work, waits at most `limit` for all flows to end and all stages to be done,
    /// and stops.
    pub fn drain(self, limit: Duration) -> Drained {
        let start = Instant::now();
        self.drain_until(|| start.elapsed() >= limit)
    }

    /// The same for as long as it is not `enough`, which is asked every few milliseconds.
    pub fn drain_until(mut self, mut enough: impl FnMut() -> bool) -> Drained {
        self.plan.drain();
        let mut complete = false;
        while !complete && !enough() {
            thread::park_timeout(DRAIN_STEP);
            complete = self.plan.stats.drained(&self.plan);
            if self.stopped().is_some() {
                complete = false;
                break;
            }
        }
        Drained { complete, ledger: self.end() }
    }

    /// Begins to drain, without waiting: no new work is taken.
    pub fn begin_drain(&self) {
        self.plan.drain();
    }

    /// What stopped the net, if anything but its end did.
    pub fn stopped(&self) -> Option<StopError> {
        self.plan.stopped.get().cloned()
    }

    /// Waits until something stops the net: a stage by its
    /// [supervision](crate::Supervision::stop_net), or a machine or policy that panicked.
    ///
    /// ```
    /// use sluicegate::{Batch, Cx, Net, Supervision, from_fn, ms, stage};
    ///
    /// let mut net = Net::new("vital");
    /// let cpu = net.domain("cpu").pinned(1);
    /// let vital = stage("vital", || {
    ///     from_fn(|_: Batch<'_, u64>, _: &mut Cx<'_, ()>| panic!("the disk is gone"))
    /// });
    /// let limits = Supervision::default().restarts(0, ms(1)).stop_net();
    /// let vital = net.add(vital.on(cpu).supervise(limits));
    /// let entry = net.entry(vital.inlet);
    /// let running = net.run()?;
    /// entry.send(1).expect("there is room");
    /// let error = running.wait();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "stage `vital` panicked more often than it may, so the net was stopped; it said last: \
    ///      the disk is gone"
    /// );
    /// # Ok::<(), sluicegate::StartError>(())
    /// ```
    pub fn wait(mut self) -> StopError {
        self.join();
        self.stopped().expect("nothing else ends a net while it is waited for")
    }

    /// Stops at once. Flows in flight end as `draining`.
    pub fn stop(mut self) -> Ledger {
        self.end()
    }

    fn end(&mut self) -> Ledger {
        self.plan.stop();
        self.join();
        self.plan.stats.ledger(&self.plan)
    }

    fn join(&mut self) {
        for thread in self.threads.drain(..) {
            // A worker thread that panicked has said so on stderr; there is nothing to add.
            let _ = thread.join();
        }
        // A handler that keeps the net from ending is named until here.
        if let Some((over, thread)) = self.watch.take() {
            drop(over);
            let _ = thread.join();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

type Report = Result<(), (WorkerId, BoxError)>;

/// The thread of one worker.
fn run(plan: &Arc<Plan>, id: WorkerId, closing: &Barrier, report: &SyncSender<Report>) {
    // Machines and policies are the application's. Where one panics its worker is lost, and a net
    // that goes on without it would leave the worker's flows waiting: so the net stops.
    let made = catch_unwind(AssertUnwindSafe(|| {
        let domain = plan.domain_of(id);
        domain.begin(id.index() - domain.first)?;
        Worker::new(plan, id)
    }));
    let mut worker = match made.unwrap_or_else(|_| Err("its machine panicked".into())) {
        Ok(worker) => worker,
        Err(error) => {
            let _ = report.send(Err((id, error)));
            closing.wait();
            return;
        }
    };
    let _ = report.send(Ok(()));
    if catch_unwind(AssertUnwindSafe(|| work(&mut worker))).is_err() {
        let domain = plan.domain_of(id);
        let worker = id.index() - domain.first;
        plan.fail(StopError::Worker { domain: domain.name.clone(), worker });
    }
    // No handler runs any more once all have come here, so what is closed stays closed.
    closing.wait();
    worker.close();
}

fn work(worker: &mut Worker) {
    loop {
        match worker.turn(RUNS) {
            Turn::Busy => {}
            Turn::Idle(until) => worker.wait(until),
            // Nobody unparks the thread, and if anybody did it would only rest for less.
            Turn::Rest(time) => thread::park_timeout(time),
            Turn::Stopped => return,
        }
    }
}
