//! What happens, as events of `tracing`: a program that has installed a subscriber gets them.
//!
//! Each is told once. What somebody changes over an admin listener, and a handler that keeps its
//! thread, are told at once; all else by whoever looks at the net once a second.

use crate::answer::Steer;
use crate::watcher::Incident;
use sluicegate::{Stall, Stalled, Value};
use tracing::Level;
use tracing::dispatcher::get_default;
use tracing::subscriber::NoSubscriber;

/// Tells an event at a level that is not known before.
macro_rules! told {
    ($level:expr, target: $target:literal, $($rest:tt)+) => {
        match $level {
            Level::ERROR => tracing::error!(target: $target, $($rest)+),
            Level::WARN => tracing::warn!(target: $target, $($rest)+),
            Level::INFO => tracing::info!(target: $target, $($rest)+),
            _ => tracing::debug!(target: $target, $($rest)+),
        }
    };
}

/// Tells what was seen of a net.
pub(crate) fn incident(incident: &Incident) {
    let Incident { kind, stage, words, over, .. } = incident;
    let level = match (*kind, over) {
        // Told when it was done, by `set`, `frozen` and `steered`; when it began, by `stalled`; by
        // who writes the log.
        ("setting" | "frozen" | "paused" | "resumed" | "log", _) | ("stall", false) => return,
        (_, true) => Level::INFO,
        ("ledger" | "stopped", _) => Level::ERROR,
        ("panic" | "breaker", _) => Level::WARN,
        ("bound" | "threads", _) => Level::DEBUG,
        _ => Level::INFO,
    };
    let stage = stage.as_deref();
    told!(level, target: "sluicegate::incident", kind, stage, over, "{words}");
}

/// Tells that a handler keeps its thread for too long: for
/// [`Net::on_stall`](sluicegate::Net::on_stall).
///
/// That it slept is seen in debug builds, for who writes it: where there is no subscriber that is
/// said on stderr.
pub fn stalled(stall: &Stall) {
    let Stall { stage, domain, worker, time, .. } = stall;
    let time_ms = time.as_millis() as u64;
    if stall.what == Stalled::Hangs {
        tracing::warn!(target: "sluicegate::stall", stage, domain, worker, time_ms, "{stall}");
    } else if get_default(|subscriber| subscriber.is::<NoSubscriber>()) {
        eprintln!("sluicegate: {stall}");
    } else {
        tracing::warn!(target: "sluicegate::slept", stage, domain, worker, time_ms, "{stall}");
    }
}

/// Tells who set what.
pub(crate) fn set(by: &str, path: &str, value: Value) {
    let to = value.to_string();
    tracing::info!(
        target: "sluicegate::settings",
        by, path, to, "a setting was changed over admin",
    );
}

/// Tells who froze a law, or had it go on.
pub(crate) fn frozen(by: &str, stage: &str, law: &str, frozen: bool) {
    let done = if frozen { "frozen" } else { "let go on" };
    tracing::info!(target: "sluicegate::settings", by, stage, law, "a law was {done} over admin");
}

/// Tells who had a stage do what.
pub(crate) fn steered(by: &str, stage: &str, how: Steer) {
    let done = match how {
        Steer::Pause => "paused",
        Steer::Step => "stepped",
        Steer::Resume => "resumed",
    };
    tracing::info!(target: "sluicegate::settings", by, stage, "a stage was {done} over admin");
}

#[cfg(test)]
#[path = "events_tests.rs"]
mod tests;
