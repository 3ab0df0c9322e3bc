//! Letters: what a panic leaves of an event, given to another stage instead of being lost.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

/// The most bytes of a panic's message that are kept.
const MESSAGE_MAX: usize = 1024;

/// What is left of an event that a stage could not handle, for the stage that the wire from its
/// [`letters`](crate::Node::letters) port leads to: to note it, to answer in its place, to
/// try again.
///
/// A letter carries the tag of the flow, alive: it ends by whoever handles the letter, once, like
/// any flow. Letters are sent of all flows that a panic costs: those in hand, and
/// those that the replica held. With [`Supervision::divert`](crate::Supervision::divert) they are
/// also sent of what comes while the breaker is open.
///
/// A wire for letters never waits. What finds no room beyond it ends as
/// [`Why::Shed`](crate::Why::Shed), counted at that wire. Events of no flow, and panics with no
/// flow in hand, send none; they are counted in `panics` of the [`StageView`](crate::StageView).
///
/// ```
/// use sluicegate::{Batch, Cause, Cx, Letter, Net, Sim, from_fn, stage};
///
/// let mut net = Net::new("letters");
/// let cpu = net.domain("cpu").pinned(1);
/// let halve = stage("halve", || {
///     from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
///         for event in batch {
///             assert!(*event % 2 == 0, "{} is odd", *event);
///             event.split().0.finish();
///         }
///     })
/// });
/// let halve = net.add(halve.on(cpu).keep_copies());
/// let note = stage("note", || {
///     from_fn(|batch: Batch<'_, Letter<u64>>, _: &mut Cx<'_, ()>| {
///         for event in batch {
///             let (tag, letter) = event.split();
///             assert_eq!(letter.to_string(), "stage `halve` panicked: 3 is odd");
///             assert_eq!(letter.cause, Cause::Panicked("3 is odd".into()));
///             assert_eq!(letter.body, Some(3));
///             tag.finish();
///         }
///     })
/// });
/// let note = net.add(note.on(cpu));
/// net.wire(halve.letters, note.inlet);
/// let entry = net.entry(halve.inlet);
///
/// let mut sim = Sim::new(net, 1)?;
/// [2, 3, 4].into_iter().for_each(|n| entry.send(n).expect("there is room"));
/// assert!(sim.settle(100));
/// assert_eq!(sim.ledger().finished, 3, "one by the stage for letters");
/// # Ok::<(), sluicegate::StartError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter<T> {
    /// The name of the stage that could not handle the event.
    pub stage: Arc<str>,
    /// Why it could not.
    pub cause: Cause,
    /// What had been sent to it: as it came where the handler was not called; a copy where
    /// the stage [keeps copies](crate::Spec::keep_copies) and had taken the event in the batch that
    /// panicked; else `None`, for the handler has it, and it is lost with the handler.
    pub body: Option<T>,
}

/// Why a stage could not handle an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Its handler panicked, with this message; the first 1,024 bytes of it. Empty where the
    /// message is no text, or the handler caught the panic itself.
    Panicked(Arc<str>),
    /// Its breaker was open, or its replica could not be built.
    Broken,
}

impl Cause {
    /// Its name in traces.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Panicked(_) => "panicked",
            Self::Broken => "broken",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked(message) if message.is_empty() => f.write_str("panicked"),
            Self::Panicked(message) => write!(f, "panicked: {message}"),
            Self::Broken => f.write_str("is broken"),
        }
    }
}

impl<T> fmt::Display for Letter<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stage `{}` {}", self.stage, self.cause)
    }
}

/// The message of a panic, as far as it is text.
pub(crate) fn message(panic: &(dyn Any + Send)) -> Arc<str> {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or_default();
    text[..text.floor_char_boundary(MESSAGE_MAX)].into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_text_and_not_too_long() {
        assert_eq!(&*message(&"static"), "static");
        assert_eq!(&*message(&"é".repeat(600)), "é".repeat(512));
        assert_eq!(&*message(&format!("a{}", "é".repeat(600))), format!("a{}", "é".repeat(511)));
        assert_eq!(&*message(&7_u32), "");
    }
}
