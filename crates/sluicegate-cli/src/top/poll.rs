//! Asks the service again and again, beside the terminal, so that keys are heard while it is slow.

use crate::ask::{Admin, wait};
use sluicegate_admin::model::{Net, Setting};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Answers that wait for the terminal.
const SEEN_MAX: usize = 1;

/// What was answered.
pub struct Seen {
    pub net: Result<Net, String>,
    /// Those of the stage that is wanted.
    pub settings: Vec<Setting>,
}

/// Who asks.
pub struct Poll {
    seen: Receiver<Seen>,
    wanted: Arc<Mutex<Option<String>>>,
}

impl Poll {
    /// Begins to ask; it ends with the process, or when nobody listens.
    pub fn start(admin: Admin, every: Duration) -> Self {
        let (sender, seen) = sync_channel(SEEN_MAX);
        let wanted = Arc::<Mutex<Option<String>>>::default();
        let stage = Arc::clone(&wanted);
        thread::spawn(move || {
            loop {
                let wanted = stage.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let net = admin.net().map(|(_, net)| net);
                let settings = wanted.filter(|_| net.is_ok()).map(|stage| admin.settings(&stage));
                // A service without settings is shown all the same.
                let settings = settings.and_then(Result::ok).unwrap_or_default();
                if sender.send(Seen { net, settings }).is_err() {
                    return;
                }
                wait(every);
            }
        });
        Self { seen, wanted }
    }

    /// The stage whose settings are wanted.
    pub fn want(&self, stage: Option<&str>) {
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        if wanted.as_deref() != stage {
            *wanted = stage.map(str::to_owned);
        }
    }

    /// What was answered since the last time.
    pub fn next(&self) -> Option<Seen> {
        self.seen.try_recv().ok()
    }
}
