//! Places beyond several ports at once, all or none.

use super::{Out, Permit};

/// Takes places beyond several ports, each so many; or none beyond any, and the stage runs again
/// when there may be room where it lacked.
///
/// What Sandstorm did by `enqueue_prepare` on one queue after the other (SEDA, Welsh 2002), where
/// nothing gave a prepared place back. Nothing waits with places in its hands, and never are two
/// queues locked at once; and all take them in one order, so that two who want the same cannot
/// refuse each other for ever.
///
/// Ports go in a tuple of two to six.
///
/// ```
/// use sluicegate::{Batch, Cx, Out, Rig, from_fn, reserve_all};
/// use sluicegate_macros::Ports;
///
/// #[derive(Ports)]
/// struct Order {
///     bill: Out<u64>,
///     parcels: Out<&'static str>,
/// }
///
/// // A bill and two parcels, or nothing.
/// let split = from_fn(|mut batch: Batch<'_, u64>, cx: &mut Cx<'_, Order>| {
///     while let Some(event) = batch.next() {
///         let Order { bill, parcels } = &mut *cx.out;
///         let Some((mut one, mut two)) = reserve_all(((&mut *bill, 1), (&mut *parcels, 2))) else {
///             return batch.put_back(event);
///         };
///         for parcel in ["books", "pens"] {
///             let sent = parcels.emit_with(&mut two, event.tag().fork().with(parcel));
///             sent.expect("a place was taken");
///         }
///         bill.emit_with(&mut one, event).expect("a place was taken");
///     }
/// });
/// let mut rig = Rig::of(split);
/// rig.out.parcels.set_credit(3);
/// rig.feed([7_u64, 8]).batch(2);
/// assert_eq!((rig.out.bill.take().len(), rig.out.parcels.take().len()), (1, 2));
/// assert_eq!(rig.queued(), 1, "there was room for one parcel more");
/// ```
pub fn reserve_all<W: WantedPlaces>(wanted: W) -> Option<W::Permits> {
    wanted.reserve()
}

/// Ports, and how many places are wanted beyond each: tuples of `(&mut Out<T>, usize)`, for
/// [`reserve_all`].
pub trait WantedPlaces: sealed::Sealed {
    /// A [`Permit`] for each, in the same order.
    type Permits;
    #[doc(hidden)]
    fn reserve(self) -> Option<Self::Permits>;
}

mod sealed {
    pub trait Sealed {}
}

/// What is wanted beyond one port, and got so far.
struct Ask<'a, T> {
    out: &'a mut Out<T>,
    n: usize,
    got: Option<Permit<T>>,
}

/// The same, whatever the port's events are.
trait AnyAsk {
    fn rank(&self) -> usize;
    fn take(&mut self) -> bool;
    fn retract(&mut self);
}

impl<T: 'static> AnyAsk for Ask<'_, T> {
    fn rank(&self) -> usize {
        self.out.rank()
    }

    fn take(&mut self) -> bool {
        self.got = self.out.reserve(self.n);
        self.got.is_some()
    }

    fn retract(&mut self) {
        if let Some(permit) = self.got.take() {
            self.out.retract(permit);
        }
    }
}

/// Takes all in the order of their queues, or gives back what was taken.
fn take_all(asks: &mut [&mut dyn AnyAsk]) -> bool {
    asks.sort_unstable_by_key(|ask| ask.rank());
    let all = asks.iter_mut().all(|ask| ask.take());
    if !all {
        asks.iter_mut().for_each(|ask| ask.retract());
    }
    all
}

macro_rules! wanted_places {
    ($($kind:ident $n:tt),+) => {
        impl<$($kind: 'static),+> sealed::Sealed for ($((&mut Out<$kind>, usize),)+) {}

        impl<$($kind: 'static),+> WantedPlaces for ($((&mut Out<$kind>, usize),)+) {
            type Permits = ($(Permit<$kind>,)+);

            fn reserve(self) -> Option<Self::Permits> {
                let mut asks = ($(Ask { out: self.$n.0, n: self.$n.1, got: None },)+);
                take_all(&mut [$(&mut asks.$n),+]).then_some(())?;
                Some(($(asks.$n.got?,)+))
            }
        }
    };
}

wanted_places!(A 0, B 1);
wanted_places!(A 0, B 1, C 2);
wanted_places!(A 0, B 1, C 2, D 3);
wanted_places!(A 0, B 1, C 2, D 3, E 4);
wanted_places!(A 0, B 1, C 2, D 3, E 4, F 5);
