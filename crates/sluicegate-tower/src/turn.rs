//! Whose turn it is on a thread: services behind gates have 500 us, then its other tasks.
//!
//! A handler that computes keeps its thread while the requests of other connections wait unread,
//! where no queue shows them and nobody can refuse them. So between two handlers that took a slice
//! together the thread reads what has come: `yield_now` of tokio comes back when it has asked for
//! events, and a task that wakes itself goes behind those that were woken by them. It is the
//! kernel's rule that what leads to a gate runs before the stage behind it.

use std::cell::Cell;
use std::pin::pin;
use std::task::Context;
use std::time::{Duration, Instant};

/// The time that services may take of a thread before it is to look round.
const SLICE: Duration = Duration::from_micros(500);

thread_local! {
    /// What they have taken since.
    static TAKEN: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// Whether the thread is to look round before it serves another one.
pub(crate) fn is_over() -> bool {
    TAKEN.get() >= SLICE
}

/// Has the task of `cx` polled again when the thread has asked for events.
pub(crate) fn pass(cx: &mut Context<'_>) {
    // It has left a waker when it is polled once; there is nothing to keep of it.
    let _ = pin!(tokio::task::yield_now()).poll(cx);
}

/// The thread has looked round.
pub(crate) fn renew() {
    TAKEN.set(Duration::ZERO);
}

/// Counts what `serve` takes of this thread, and says it.
pub(crate) fn count<T>(serve: impl FnOnce() -> T) -> (T, Duration) {
    let before = Instant::now();
    let served = serve();
    let took = before.elapsed();
    TAKEN.set(TAKEN.get() + took);
    (served, took)
}
