//! Events, their tags, and the batches in which stages take them.

mod batch;
mod copies;
mod tag;
mod tags;

pub use batch::Batch;
pub(crate) use batch::Work;
pub(crate) use copies::{Copies, MakeCopy};
pub use tag::{Ended, StageId, Tag, WorkerId};
pub(crate) use tag::{FlowKey, NO_SOURCE, Notice, OUTSIDE};
pub use tags::Tags;

use std::ops::{Deref, DerefMut};

/// What waits in queues: a body, and the tag of the flow that it belongs to.
///
/// ```
/// use sluicegate::{Batch, Cx, Out, Rig, from_fn};
///
/// let lengths = from_fn(|batch: Batch<'_, String>, cx: &mut Cx<'_, Out<usize>>| {
///     for event in batch {
///         // The tag goes with the new body.
///         cx.out.emit(event.map(|text| text.len()));
///     }
/// });
/// let mut rig = Rig::of(lengths);
/// rig.feed(["four".to_owned()]).batch(1);
/// assert_eq!(*rig.out.take()[0], 4);
/// ```
#[derive(Debug)]
pub struct Event<T> {
    pub(crate) tag: Tag,
    pub(crate) body: T,
}

impl<T> Event<T> {
    /// An event that belongs to no flow, for the worker `home`: pieces of a body, news of a
    /// connection. The ledger does not count it.
    pub fn note(home: WorkerId, body: T) -> Self {
        Self { tag: Tag::none(home), body }
    }

    /// The tag and the body apart.
    pub fn split(self) -> (Tag, T) {
        (self.tag, self.body)
    }

    /// The same event with another body.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Event<U> {
        Event { tag: self.tag, body: f(self.body) }
    }

    /// The tag of the flow.
    pub fn tag(&self) -> &Tag {
        &self.tag
    }
}

impl<T> Deref for Event<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.body
    }
}

impl<T> DerefMut for Event<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.body
    }
}
