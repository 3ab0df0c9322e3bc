//! Permits: places in a queue that are taken before the events for them exist.

use super::window::Promises;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Places that [`Out::reserve`](crate::Out::reserve) took: the queue cannot refuse what is sent
/// with it by [`Out::emit_with`](crate::Out::emit_with), now or batches later. Dropping it is the
/// abort: what was not used goes back to the queue, so that nothing can dangle.
///
/// A stage that prepares in one batch and commits in another keeps the permit in its state:
///
/// ```
/// use sluicegate::{Batch, Cx, Out, Permit, Rig, Stage, Why};
///
/// /// Sends pairs: it takes the second of two only if there is room for both.
/// #[derive(Default)]
/// struct Pairs(Option<Permit<u64>>);
///
/// impl Stage for Pairs {
///     type In = u64;
///     type Out = Out<u64>;
///
///     fn handle(&mut self, batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>) {
///         for event in batch {
///             let permit = self.0.take().or_else(|| cx.out.reserve(2));
///             let Some(mut permit) = permit else {
///                 event.split().0.refuse(Why::Refused);
///                 continue;
///             };
///             cx.out.emit_with(&mut permit, event).expect("a place is left");
///             self.0 = Some(permit).filter(|permit| permit.left() > 0);
///         }
///     }
/// }
///
/// let mut rig = Rig::of(Pairs::default());
/// rig.out.set_credit(3);
/// rig.feed([1_u64, 2]).batch(1).batch(1);
/// rig.feed([3_u64, 4]).batch(2);
/// let sent: Vec<u64> = rig.out.take().iter().map(|event| **event).collect();
/// assert_eq!(sent, [1, 2], "there is no room for another pair");
/// ```
pub struct Permit<T> {
    grant: Grant,
    left: usize,
    kind: PhantomData<fn(T)>,
}

/// A queue whose places can be given back.
pub(crate) trait Places: Send + Sync {
    fn give_back(&self, n: usize);
    /// What tells it from others.
    fn address(&self) -> usize;
}

/// Where the places of a permit are.
pub(crate) struct Grant {
    pub places: Arc<dyn Places>,
    /// Of a wire with a window: there is room in it for as many.
    pub window: Option<Promises>,
}

/// How many places a permit is to have.
#[derive(Clone, Copy)]
pub(crate) struct Wanted {
    pub n: usize,
    /// Those among them that were taken for this batch and are not used.
    pub spare: usize,
    /// Events of the port that will be sent before.
    pub waits: usize,
}

impl Grant {
    /// Whether its places are those at this address.
    pub fn is_at(&self, address: usize) -> bool {
        self.places.address() == address
    }

    /// Gives `n` places of it back.
    pub fn give_back(&self, n: usize) {
        if let Some(window) = &self.window {
            window.take_back(n);
        }
        self.places.give_back(n);
    }
}

impl<T> Permit<T> {
    pub(crate) fn new(grant: Grant, left: usize) -> Self {
        Self { grant, left, kind: PhantomData }
    }

    /// How many events may still be sent with it.
    pub fn left(&self) -> usize {
        self.left
    }

    pub(crate) fn grant(&self) -> &Grant {
        &self.grant
    }

    /// Takes `n` places out, for which somebody else answers from now on.
    pub(crate) fn spend(&mut self, n: usize) {
        self.left -= n;
        if let Some(window) = &self.grant.window {
            window.take_back(n);
        }
    }
}

impl<T> Drop for Permit<T> {
    fn drop(&mut self) {
        if self.left > 0 {
            self.grant.give_back(self.left);
        }
    }
}

impl<T> fmt::Debug for Permit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("left", &self.left).finish_non_exhaustive()
    }
}

/// What permits keep beyond a port without a wire: of a rig, or a sealed one.
#[derive(Debug, Default)]
pub(crate) struct Kept(AtomicUsize);

impl Kept {
    pub fn get(&self) -> usize {
        self.0.load(Relaxed)
    }

    pub fn keep(&self, n: usize) {
        self.0.fetch_add(n, Relaxed);
    }
}

impl Places for Kept {
    fn give_back(&self, n: usize) {
        self.0.fetch_sub(n, Relaxed);
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}
