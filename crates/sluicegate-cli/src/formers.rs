//! Services that were succeeded by others: each answers what it has begun, and ends.

use sluicegate_web::{Former, Served};
use std::io;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The most services that may still be answering when another one is to succeed: each has its
/// threads and its cache.
pub const FORMERS_MAX: usize = 8;

/// All of them, and what those did that have ended.
#[derive(Default)]
pub struct Formers {
    draining: Vec<JoinHandle<Option<Served>>>,
    served: Option<Served>,
    /// When the process ends: then they do.
    end: Arc<OnceLock<Instant>>,
}

impl Formers {
    /// Whether there is no room for another one now.
    pub fn are_many(&mut self) -> bool {
        let draining = std::mem::take(&mut self.draining);
        let (ended, draining) = draining.into_iter().partition(JoinHandle::is_finished);
        self.draining = draining;
        ended.into_iter().for_each(|thread| self.join(thread));
        self.draining.len() >= FORMERS_MAX
    }

    /// Makes the thread on which a former service will drain beside its successor, for as long as
    /// it takes: asked for before the service is succeeded, so that nothing can fail after it.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn place(&mut self) -> io::Result<Place> {
        let end = Arc::clone(&self.end);
        let enough = move || end.get().is_some_and(|end| Instant::now() >= *end);
        let (place, former) = sync_channel::<Former>(1);
        let thread = std::thread::Builder::new().name("former".to_owned());
        // Where no service is succeeded after all, nothing comes and the thread ends.
        let drain = move || former.recv().ok().map(|former| former.drain_until(enough));
        self.draining.push(thread.spawn(drain)?);
        Ok(Place(place))
    }

    /// Waits for all of them, at most so long, and adds what they did to what the last one did.
    pub fn end(mut self, limit: Duration, last: impl FnOnce() -> Served) -> Served {
        let _ = self.end.set(Instant::now() + limit);
        let last = last();
        let draining = std::mem::take(&mut self.draining);
        draining.into_iter().for_each(|thread| self.join(thread));
        match self.served {
            Some(served) => last.with(served),
            None => last,
        }
    }

    fn join(&mut self, thread: JoinHandle<Option<Served>>) {
        // One that panicked has said so on stderr; what it did is not known.
        let Ok(Some(served)) = thread.join() else { return };
        self.served = Some(match self.served.take() {
            Some(others) => others.with(served),
            None => served,
        });
    }
}

/// A thread that waits for the former service that it is to drain.
pub struct Place(SyncSender<Former>);

impl Place {
    /// Has the former service drain there.
    pub fn take(self, former: Former) {
        // There is room for one, and the thread ends only when it has come or this is dropped.
        let _ = self.0.send(former);
    }
}
