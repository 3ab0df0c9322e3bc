//! Has what was hot in volumes be read again when a service starts, a few at a time; and writes
//! down what is hot. On a thread of its own, which may wait.
use crate::volume::{Memory, OpenVolume, Warm as Wanted, read_hot};
use sluicegate::{Batch, Cx, Event, Out, Stage};
use std::sync::Arc;
use std::time::Duration;

/// Objects that are asked for at once, and the time between.
const AT_ONCE: usize = 32;
const BETWEEN: Duration = Duration::from_millis(20);
/// Time between two lists.
const SAVE: Duration = Duration::from_secs(60);

const ASK: u64 = 0;
const WRITE: u64 = 1;

/// The stage; nothing comes to it.
#[derive(Debug)]
pub struct Warm {
    memory: Arc<Memory>,
    volumes: Vec<Arc<OpenVolume>>,
    /// What is to be read, the first last.
    wanted: Vec<Wanted>,
}

impl Warm {
    /// By the list of `memory`, of these volumes.
    pub fn new(memory: Arc<Memory>, volumes: Vec<Arc<OpenVolume>>) -> Warm {
        Warm { memory, volumes, wanted: Vec::new() }
    }
}

impl Stage for Warm {
    type In = ();
    type Out = Out<Wanted>;

    fn started(&mut self, cx: &mut Cx<'_, Out<Wanted>>) {
        let Some(path) = self.memory.list() else { return };
        match read_hot(path, &self.volumes) {
            Ok(wanted) => self.wanted = wanted,
            Err(error) => tracing::error!(
                target: "sluicegate::volume",
                list = %path.display(), %error, "what was hot is not known; the memory begins cold",
            ),
        }
        self.wanted.reverse();
        cx.after(BETWEEN, ASK);
        cx.after(SAVE, WRITE);
    }

    fn handle(&mut self, _: Batch<'_, ()>, _: &mut Cx<'_, Out<Wanted>>) {}

    fn timer(&mut self, which: u64, cx: &mut Cx<'_, Out<Wanted>>) {
        if which == WRITE {
            self.memory.save();
            cx.after(SAVE, WRITE);
            return;
        }
        for _ in 0..AT_ONCE.min(cx.out.room()) {
            let Some(wanted) = self.wanted.pop() else { return };
            cx.out.emit(Event::note(cx.worker(), wanted));
        }
        cx.after(BETWEEN, ASK);
    }
}
