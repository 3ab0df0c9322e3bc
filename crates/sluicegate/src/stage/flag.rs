//! A stage's flag in the hands of others: of a thread, a task, or a callback outside the net.

use crate::run::Mailbox;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

/// Raises the flag of one replica of a stage, from any thread and at any time: its
/// [`signal`](crate::Stage::signal) is called, and its worker is woken for that. However often it
/// is raised before it is heard, it is heard once; what it was raised for lies elsewhere.
///
/// A stage gets its own by [`Cx::flag`](crate::Cx::flag). One whose net has ended does nothing.
#[derive(Clone)]
pub struct Flag(Arc<Raisable>);

struct Raisable {
    raised: AtomicBool,
    mailbox: Arc<Mailbox>,
    /// The replica's ready bit.
    bit: u64,
}

impl Flag {
    pub(crate) fn new(mailbox: &Arc<Mailbox>, bit: u64) -> Self {
        let mailbox = Arc::clone(mailbox);
        Self(Arc::new(Raisable { raised: AtomicBool::new(false), mailbox, bit }))
    }

    /// Raises it.
    pub fn raise(&self) {
        // Where it was raised already, the replica has yet to hear of that.
        if !self.0.raised.swap(true, SeqCst) {
            self.0.mailbox.notify(self.0.bit);
        }
    }

    /// Whether it is raised.
    pub(crate) fn is_raised(&self) -> bool {
        self.0.raised.load(SeqCst)
    }

    /// Whether it was raised since it was last taken down; it is taken down.
    pub(crate) fn take(&self) -> bool {
        // The read alone is much cheaper than the exchange, and mostly enough.
        self.is_raised() && self.0.raised.swap(false, SeqCst)
    }
}

impl fmt::Debug for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flag").field("raised", &self.0.raised).finish_non_exhaustive()
    }
}
