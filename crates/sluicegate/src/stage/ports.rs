//! Ports: the typed ends of a stage to which wires are attached.

use crate::event::StageId;
use crate::run::Context;
use crate::stage::out::{Link, Out, OutSpec};
use std::any::Any;
use std::fmt;
use std::marker::PhantomData;

/// A set of output ports. Implemented for `()`, for [`Out`], and by `#[derive(Ports)]` for
/// structs whose fields are all [`Out`]s.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no set of ports",
    note = "a stage sends on `()`, on one `Out<T>`, or on a struct of these with `#[derive(Ports)]`"
)]
pub trait Ports: 'static {
    /// The same ports seen from outside: what [`Net::wire`](crate::Net::wire) takes.
    type Outlets: Copy;
    /// The ports' names, in order.
    const NAMES: &'static [&'static str];
    /// The outlets of a stage with these ports.
    fn outlets(of: StageId) -> Self::Outlets;
    /// The ports, each bound to its wire.
    fn bind(binder: &mut Binder<'_>) -> Self;
    /// Calls `f` for each port, in order.
    fn each(&mut self, f: &mut dyn FnMut(&mut dyn AnyOut));
}

/// What the runtime does with a port whatever its kind.
pub trait AnyOut {
    /// Has a stage that is fused to this port handle what was emitted, if it can now. The rest is
    /// for [`deliver`](AnyOut::deliver).
    fn pass(&mut self, cx: &mut Context<'_>);
    /// Sends what was emitted, as far as the wire takes it.
    fn deliver(&mut self);
    /// Events that wait in the outbox.
    fn len(&self) -> usize;
    /// Whether nothing waits.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// How many more events of new work the outbox takes.
    fn room(&self) -> usize;
    /// Flows that wait in the outbox.
    fn flows(&self) -> usize;
    /// The pressure of the inlet that the port leads to.
    fn pressure(&self) -> f64;
    /// Flows emitted since this was last called.
    fn take_emitted(&mut self) -> usize;
    /// Sets how many events of new work wait at most, how many of others beyond that, and for how
    /// many places are taken at once.
    fn resize(&mut self, bound: usize, spare: usize, batch: usize);
    /// Drops what waits; returns how many flows that were.
    fn discard(&mut self) -> usize;
}

/// Binds the ports of a replica to the wires of its net.
pub struct Binder<'a> {
    pub(crate) link: &'a mut dyn FnMut(usize) -> Option<Box<dyn Any>>,
    pub(crate) spec: OutSpec,
}

impl Binder<'_> {
    /// The port with number `port`.
    pub fn out<T: 'static>(&mut self, port: usize) -> Out<T> {
        let link = (self.link)(port).map(|link| {
            *link.downcast::<Box<dyn Link<T>>>().expect("outlets carry the type of their port")
        });
        Out::new(link, self.spec)
    }
}

/// An output port of a stage, to be wired.
///
/// ```
/// use sluicegate::{Inlet, Net, Outlet};
///
/// /// Joins many ports to one stage.
/// fn gather(net: &mut Net, from: &[Outlet<u64>], to: Inlet<u64>) {
///     for &outlet in from {
///         net.wire(outlet, to);
///     }
/// }
/// ```
pub struct Outlet<T> {
    pub(crate) stage: StageId,
    pub(crate) port: usize,
    kind: PhantomData<fn() -> T>,
}

impl<T> Outlet<T> {
    /// The port with number `port` of `stage`; for `#[derive(Ports)]`.
    #[doc(hidden)]
    pub fn new(stage: StageId, port: usize) -> Self {
        Self { stage, port, kind: PhantomData }
    }
}

impl<T> Clone for Outlet<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Outlet<T> {}

impl<T> fmt::Debug for Outlet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outlet({}, {})", self.stage.0, self.port)
    }
}

/// The input of a stage, to be wired.
///
/// ```
/// # use sluicegate::{Batch, Cx, Net, from_fn, stage};
/// # let mut net = Net::new("one");
/// # let cpu = net.domain("cpu").pinned(1);
/// # let end = || {
/// #     from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
/// #         batch.for_each(|event| event.split().0.finish());
/// #     })
/// # };
/// # let end = net.add(stage("end", end).on(cpu));
/// # let entry = net.entry(end.inlet);
///
/// // Threads outside the net may send to it too.
/// let other_door = net.entry(end.inlet);
/// ```
pub struct Inlet<T> {
    pub(crate) stage: StageId,
    kind: PhantomData<fn(T)>,
}

impl<T> Inlet<T> {
    pub(crate) fn new(stage: StageId) -> Self {
        Self { stage, kind: PhantomData }
    }
}

impl<T> Clone for Inlet<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Inlet<T> {}

impl<T> fmt::Debug for Inlet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Inlet({})", self.stage.0)
    }
}

impl Ports for () {
    type Outlets = ();
    const NAMES: &'static [&'static str] = &[];
    fn outlets(_: StageId) {}
    fn bind(_: &mut Binder<'_>) {}
    fn each(&mut self, _: &mut dyn FnMut(&mut dyn AnyOut)) {}
}

impl<T: 'static> Ports for Out<T> {
    type Outlets = Outlet<T>;
    const NAMES: &'static [&'static str] = &["out"];
    fn outlets(of: StageId) -> Outlet<T> {
        Outlet::new(of, 0)
    }
    fn bind(binder: &mut Binder<'_>) -> Self {
        binder.out(0)
    }
    fn each(&mut self, f: &mut dyn FnMut(&mut dyn AnyOut)) {
        f(self);
    }
}
