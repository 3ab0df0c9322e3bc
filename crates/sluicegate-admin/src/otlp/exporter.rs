//! The thread that reads the flows that a net keeps and sends them.

use super::Export;
use super::counts::{Counts, Dropped};
use super::pace::pause;
use super::queue::Queue;
use super::send::{Sender, Sent};
use super::spans::{Timed, request};
use sluicegate::{Observer, Time};
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The time between two looks at what is kept.
const EVERY: Duration = Duration::from_secs(1);
/// How long a collector may take at the end, before it is left alone.
const FAREWELL: Duration = Duration::from_secs(1);

/// Sends the flows that a net keeps to a collector, until it is [stopped](Self::stop). Which are
/// kept the settings of the net say: see [`Observer::flows`].
///
/// Each flow is a span that serves a request, with one for each of its steps within it. While the
/// collector is away the newest 1024 flows wait.
pub struct Exporter {
    counts: Arc<Counts>,
    observer: Observer,
    /// Dropped when it is to stop.
    go_on: Option<SyncSender<()>>,
    /// Ends with the thread.
    over: Receiver<()>,
}

impl Exporter {
    /// Begins to send what `observer` sees, on a thread of its own.
    ///
    /// # Errors
    /// Where there is no thread to be had; or always, where this was built without the feature
    /// `otlp`.
    pub fn start(export: &Export, observer: Observer) -> io::Result<Self> {
        let counts = Arc::<Counts>::default();
        let (go_on, stop) = sync_channel(0);
        let (running, over) = sync_channel(0);
        let before = observer.flows().first().map_or(0, |flow| flow.number - 1);
        let own = Thread {
            queue: Queue::after(before, Arc::clone(&counts)),
            sender: Sender::new(export),
            export: export.clone(),
            observer: observer.clone(),
            counts: Arc::clone(&counts),
            failures: 0,
            next: Instant::now(),
            is_told: false,
        };
        thread::Builder::new().name("otlp".to_owned()).spawn(move || {
            own.run(&stop);
            drop(running);
        })?;
        Ok(Self { counts, observer, go_on: Some(go_on), over })
    }

    /// What was sent and what was dropped.
    pub fn counts(&self) -> &Arc<Counts> {
        &self.counts
    }

    /// Sends what is left once, and ends. A collector that takes more than a second for that is
    /// left alone.
    pub fn stop(mut self) {
        self.go_on.take();
        let _ = self.over.recv_timeout(FAREWELL);
        let left = self.left();
        if left > 0 {
            tracing::warn!(target: "sluicegate::otlp", flows = left, "some flows were not sent");
        }
    }

    /// Flows that were not sent: those that wait, and those that came while the collector was
    /// waited for.
    fn left(&self) -> u64 {
        let newest = self.observer.flows().last().map_or(0, |flow| flow.number);
        self.counts.waiting() + newest.saturating_sub(self.counts.read.load(Relaxed))
    }
}

impl fmt::Debug for Exporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exporter").field("counts", &self.counts).finish_non_exhaustive()
    }
}

/// What the thread has.
struct Thread {
    export: Export,
    sender: Sender,
    observer: Observer,
    queue: Queue,
    counts: Arc<Counts>,
    /// Failures in a row.
    failures: u32,
    /// When to send again.
    next: Instant,
    /// Whether it was told that not all is taken.
    is_told: bool,
}

impl Thread {
    fn run(mut self, stop: &Receiver<()>) {
        loop {
            let stopped = stop.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout);
            self.collect();
            if stopped {
                // Whoever stopped it waits no longer, and has said that the rest was not sent.
                let end = Instant::now() + FAREWELL;
                while Instant::now() < end && self.send_some() {}
                return;
            }
            if self.next <= Instant::now() {
                while self.send_some() {}
            }
        }
    }

    fn collect(&mut self) {
        // A clock that is set meanwhile moves whole flows.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let (wall, now) = (since.as_nanos() as u64, self.observer.now());
        let began = wall.saturating_sub(now.0);
        self.queue.take(self.observer.flows(), |time: Time| began + time.0);
    }

    /// Sends what is sent at once; whether there may be more to send now.
    fn send_some(&mut self) -> bool {
        let batch = self.queue.batch();
        let flows = batch.len();
        if flows == 0 {
            return false;
        }
        let spans: usize = self.queue.batch().map(Timed::spans).sum();
        match self.sender.send(&request(&self.export, batch)) {
            Sent::Taken { rejected, why } => {
                let rejected = rejected.min(spans as u64);
                self.counts.spans.fetch_add(spans as u64 - rejected, Relaxed);
                self.counts.spans_rejected.fetch_add(rejected, Relaxed);
                self.counts.flows.fetch_add(flows as u64, Relaxed);
                self.queue.done(flows);
                match rejected {
                    0 => self.tell_well(),
                    _ => self.tell(&format!("it rejects {rejected} of {spans} spans: {why}")),
                }
                self.failures = 0;
                true
            }
            Sent::Refused { why } => {
                self.counts.drop_flows(Dropped::Refused, flows);
                self.queue.done(flows);
                self.tell(&why);
                true
            }
            Sent::Later { why, after } => {
                self.failures = self.failures.saturating_add(1);
                self.queue.in_vain(flows);
                self.next = Instant::now() + pause(self.failures, after);
                self.tell(&why);
                false
            }
        }
    }

    /// Says what is wrong, once until all is well again.
    fn tell(&mut self, why: &str) {
        if !std::mem::replace(&mut self.is_told, true) {
            let collector = self.export.url();
            let hint = match collector.contains(":4317/") {
                true => "; 4317 is the port for gRPC, and 4318 that for HTTP",
                false => "",
            };
            tracing::warn!(
                target: "sluicegate::otlp",
                collector,
                "the collector does not take all spans: {why}{hint}; it is asked again, and this \
                 is said once",
            );
        }
    }

    fn tell_well(&mut self) {
        if std::mem::take(&mut self.is_told) {
            tracing::info!(
                target: "sluicegate::otlp",
                collector = self.export.url(),
                dropped = self.counts.dropped_in_all(),
                "the collector takes spans again",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate::{Batch, Cx, Net, Sim, from_fn, stage};

    #[test]
    fn what_comes_while_the_collector_is_waited_for_is_left_too() {
        let mut net = Net::new("service");
        let cpu = net.domain("cpu").pinned(1);
        let end = || {
            from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
                batch.for_each(|event| event.split().0.finish());
            })
        };
        let end = net.add(stage("end", end).on(cpu));
        let entry = net.entry(end.inlet);
        net.change(&[("traces.one_in", 1.into())]).expect("it is a setting");
        let mut sim = Sim::new(net, 1).expect("no faults");
        let pass = |sim: &mut Sim, n: u64| {
            (0..n).for_each(|n| entry.send(n).expect("there is room"));
            assert!(sim.settle(100));
        };
        // It is reached, and never answers.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("an address");
        let address = listener.local_addr().expect("it is bound");
        let export = Export::to(&format!("http://{address}")).expect("an address");
        pass(&mut sim, 3);
        let exporter = Exporter::start(&export, sim.observer()).expect("a thread");
        let _asked = listener.accept().expect("it asks");
        pass(&mut sim, 4);
        assert_eq!((exporter.counts().waiting(), exporter.left()), (3, 7));
    }
}
