//! Wires: from one port to one inlet, with the answer to a refusal.

use crate::event::StageId;
use crate::net::links::make_link;
use crate::queue::KeyOf;
use crate::run::Build;
use crate::stage::{Inlet, Outlet};
use std::any::Any;
use std::hash::Hash;
use std::marker::PhantomData;

/// What a wire does with an event for which the queue beyond has no room.
///
/// ```
/// use sluicegate::{Batch, Cx, Net, OnFull, Out, Sim, bounded, from_fn, stage};
///
/// let mut net = Net::new("full");
/// let cpu = net.domain("cpu").pinned(1);
/// let relay = || {
///     from_fn(|batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
///         batch.for_each(|event| cx.out.emit(event));
///     })
/// };
/// let end = || {
///     from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
///         batch.for_each(|event| event.split().0.finish());
///     })
/// };
/// let relay = net.add(stage("relay", relay).on(cpu));
/// let end = net.add(stage("end", end).on(cpu).queue(bounded(1)));
/// net.wire(relay.out, end.inlet).on_full(OnFull::ShedNewest);
/// let entry = net.entry(relay.inlet);
/// let mut sim = Sim::new(net, 1)?;
/// (0..3).for_each(|n| entry.send(n).expect("there is room"));
/// assert!(sim.settle(100));
/// assert_eq!((sim.ledger().finished, sim.snapshot().wires[0].refused), (1, 2));
/// # Ok::<(), sluicegate::StartError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFull {
    /// Holds it: the emitting stage is parked until there is room.
    #[default]
    Wait,
    /// Sheds it; its source is told.
    ShedNewest,
    /// Sheds what has waited longest in the queue, and takes it.
    ShedOldest,
    /// Sends it over the wire of another port of the same stage; set by [`Wire::divert`].
    Divert,
}

impl OnFull {
    /// The name in graphs and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::ShedNewest => "shed newest",
            Self::ShedOldest => "shed oldest",
            Self::Divert => "divert",
        }
    }
}

/// Which replica of a stage gets an event, where the stage is in a pinned domain of several
/// workers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Routing {
    /// That of the worker at which the event's flow is at home.
    #[default]
    Home,
    /// The same one for each key; see [`Wire::keyed`].
    Keyed,
    /// One for which few events wait; see [`Wire::balanced`].
    Balanced,
}

impl Routing {
    /// The name in graphs and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Home => "home",
            Self::Keyed => "keyed",
            Self::Balanced => "balanced",
        }
    }
}

/// How a wire gets the copies of another's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copies {
    /// All stages get an event, or none; see [`Wire::tee`].
    Tee,
    /// It gets what there is room for; see [`Wire::tap`].
    Tap,
}

impl Copies {
    /// The name in graphs and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tee => "tee",
            Self::Tap => "tap",
        }
    }
}

/// A wire under declaration.
///
/// ```
/// use sluicegate::{Batch, Cx, Net, OnFull, Out, from_fn, stage};
///
/// let mut net = Net::new("sharded");
/// let cpu = net.domain("cpu").pinned(2);
/// let pass = || {
///     from_fn(|batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
///         batch.for_each(|event| cx.out.emit(event));
///     })
/// };
/// let end = || {
///     from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
///         batch.for_each(|event| event.split().0.finish());
///     })
/// };
/// let pass = net.add(stage("pass", pass).on(cpu));
/// let end = net.add(stage("end", end).on(cpu));
/// // The same number goes to the same worker; what finds no room there is shed.
/// net.wire(pass.out, end.inlet).keyed(|n| *n).on_full(OnFull::ShedNewest);
/// net.entry(pass.inlet);
/// assert!(net.check().is_ok());
/// ```
pub struct Wire<'a, T> {
    wires: &'a mut Vec<WireSpec>,
    at: usize,
    kind: PhantomData<fn(T)>,
}

impl<'a, T> Wire<'a, T> {
    /// The wire declared last.
    pub(crate) fn last(wires: &'a mut Vec<WireSpec>) -> Self {
        let at = wires.len() - 1;
        Self { wires, at, kind: PhantomData }
    }

    fn spec(&mut self) -> &mut WireSpec {
        &mut self.wires[self.at]
    }

    /// What becomes of events for which there is no room; they wait unless declared.
    pub fn on_full(mut self, on_full: OnFull) -> Self {
        self.set_on_full(on_full);
        self
    }

    /// Sends events for which there is no room, and what a gate refuses, over the wire of `other`,
    /// a port of this stage; but not what comes too late for its deadline, which ends.
    /// [`Tag::diverted`](crate::Tag::diverted) says why.
    pub fn divert(mut self, other: Outlet<T>) -> Self {
        self.set_on_full(OnFull::Divert);
        self.spec().divert = Some((other.stage, other.port));
        self
    }

    /// Of the wire and of its tees, for an event goes to all or to none.
    fn set_on_full(&mut self, on_full: OnFull) {
        self.spec().on_full = on_full;
        for n in self.spec().branches.clone() {
            let branch = &mut self.wires[n];
            if branch.is_tee() {
                branch.on_full = on_full;
            }
        }
    }

    /// Sends all events of one key to the same replica of the stage, which so may keep state by
    /// key without a lock. Other wires and [entries](crate::Entry::keyed) with the same keys find
    /// the same replicas. Events of a key keep their order.
    ///
    /// The replica is found by the hash of the key, which is not seeded: where clients choose
    /// their keys and may be hostile, make the key a hash with a seed of your own. A key that is
    /// busier than its worker fills the queue of one replica; what finds no room there waits, sheds
    /// or goes elsewhere as the wire says, and while it waits the sending stage is parked for all
    /// keys. [`try_emit`](crate::Out::try_emit) and [`reserve`](crate::Out::reserve) take a place
    /// at each replica, as nobody knows the keys of what will come. A key function that panics
    /// costs the event, which ends as [`Why::Failed`](crate::Why::Failed).
    ///
    /// ```
    /// use sluicegate::{Batch, Cx, Net, Out, Sim, from_fn, stage};
    /// use std::collections::HashMap;
    ///
    /// let mut net = Net::new("count");
    /// let cpu = net.domain("cpu").pinned(4);
    /// let words = net.add(
    ///     stage("words", || {
    ///         from_fn(|batch: Batch<'_, String>, cx: &mut Cx<'_, Out<String>>| {
    ///             for event in batch {
    ///                 cx.out.emit(event);
    ///             }
    ///         })
    ///     })
    ///     .on(cpu),
    /// );
    /// let count = net.add(
    ///     stage("count", || {
    ///         let mut seen = HashMap::new();
    ///         from_fn(move |batch: Batch<'_, String>, _: &mut Cx<'_, ()>| {
    ///             for event in batch {
    ///                 let (tag, word) = event.split();
    ///                 *seen.entry(word).or_insert(0) += 1;
    ///                 tag.finish();
    ///             }
    ///         })
    ///     })
    ///     .on(cpu),
    /// );
    /// net.wire(words.out, count.inlet).keyed(|word: &String| word.clone());
    /// # let entry = net.entry(words.inlet);
    /// # let mut sim = Sim::new(net, 1)?;
    /// # entry.send("to be".to_owned()).unwrap();
    /// # assert!(sim.settle(100));
    /// # assert_eq!(sim.ledger().finished, 1);
    /// # Ok::<(), sluicegate::StartError>(())
    /// ```
    pub fn keyed<K: Hash>(mut self, key: impl Fn(&T) -> K + Send + Sync + 'static) -> Self
    where
        T: 'static,
    {
        let spec = self.spec();
        spec.routing = Routing::Keyed;
        spec.key = Some(Box::new(KeyOf::new(key)));
        self
    }

    /// Sends each event to that of two replicas of the stage for which fewer events wait: the one
    /// of the own worker, if it has one, and another by chance. Where both are full it goes to any
    /// that has room, and only where none has, it is full to the wire.
    ///
    /// For dear events that may be handled anywhere. Cheap ones are better off where they are: the
    /// way to another worker costs more than they do. Events do not keep their order, and what a
    /// replica has in hand is not seen, so give the stage small [batches](crate::Spec::batch).
    /// Answers go home as ever.
    pub fn balanced(mut self) -> Self {
        let spec = self.spec();
        spec.routing = Routing::Balanced;
        spec.key = None;
        self
    }

    /// Sends a copy of each event to `to` too: to all of the wire's stages or to none. While one
    /// has no room, the event has none, and it is as [`on_full`](Wire::on_full) says. The event
    /// keeps its tag on this wire; a copy has a second one ([`Tag::fork`](crate::Tag::fork)), of
    /// whose end nobody is told.
    ///
    /// ```
    /// # use sluicegate::{Inlet, Net, Outlet};
    /// # fn join(net: &mut Net, relay: Outlet<u64>, store: Inlet<u64>, index: Inlet<u64>,
    /// #     monitor: Inlet<u64>) {
    /// net.wire(relay, store).tee(index).tap(monitor);
    /// # }
    /// ```
    pub fn tee<U>(self, to: Inlet<U>) -> Self
    where
        T: Clone + 'static,
        U: From<T> + Send + 'static,
    {
        let on_full = self.wires[self.at].on_full;
        self.branch(to, Copies::Tee, on_full)
    }

    /// Sends a copy of each event to `to` when it is first to be sent, whatever becomes of the
    /// event: for who watches, and must not hold up what is watched. A copy for which there is no
    /// room is dropped and counted as refused by its wire. It has a second tag, as that of a
    /// [`tee`](Wire::tee). What another wire diverts here is copied at each try.
    pub fn tap<U>(self, to: Inlet<U>) -> Self
    where
        T: Clone + 'static,
        U: From<T> + Send + 'static,
    {
        self.branch(to, Copies::Tap, OnFull::ShedNewest)
    }

    fn branch<U>(self, to: Inlet<U>, copies: Copies, on_full: OnFull) -> Self
    where
        T: Clone + 'static,
        U: From<T> + Send + 'static,
    {
        let (stage, port) = self.wires[self.at].from;
        let copy: fn(&T) -> T = T::clone;
        let mut spec = WireSpec::new::<T, U>(Outlet::new(stage, port), to);
        spec.on_full = on_full;
        spec.copy_of = Some(CopyOf { wire: self.at, copies, copy: Box::new(copy) });
        let n = self.wires.len();
        self.wires.push(spec);
        self.wires[self.at].branches.push(n);
        self
    }

    /// Makes what is sent here questions, of which each replica has at most `places` unanswered.
    /// Each is answered once over the wire that [`returns`](Wire::returns) to this port, or
    /// comes back by [`Stage::ended`](crate::Stage::ended).
    pub fn window(mut self, places: usize) -> Self {
        self.spec().window = Some(places);
        self
    }

    /// Says that this wire brings the answers to what was sent on `asked`. They arrive in a lane
    /// of their own, in places that are taken already: by the window of `asked`, or by the
    /// entering of the flow when the stage that asked is its source.
    ///
    /// Such a wire never waits, since it closes a circle: what else is sent over it, a note or a
    /// fork, has no such place, and is shed when there is no room among what is asked.
    pub fn returns<Q>(mut self, asked: Outlet<Q>) -> Self {
        self.spec().returns = Some((asked.stage, asked.port));
        self
    }

    /// Fuses the stage that the wire leads to with the one that it comes from: what is emitted is
    /// handled at once, in the same run, in place of a queue, a run of its own and a look at the
    /// clock. It saves half of what a hop costs when batches are small.
    ///
    /// Both must be in one pinned domain, the inlet must have neither gate nor order, the wire no
    /// window, and fused wires must make no circle; [`Net::check`](crate::Net::check) says so.
    /// Each flow fares as without. What cannot be handled at once takes the queue: what is at home
    /// on another worker, more than a batch, and all that comes while the stage holds output. An
    /// async stage always takes from its queue. The time that is used counts for the stage that
    /// emitted, as does its slice; [`Cx::now`](crate::Cx::now) is when that one's batch began.
    pub fn fused(mut self) -> Self {
        self.spec().fused = true;
        self
    }
}

type MakeLink = Box<dyn Fn(&Build<'_>, usize) -> Box<dyn Any> + Send + Sync>;

/// A wire as declared, its types erased.
pub(crate) struct WireSpec {
    pub from: (StageId, usize),
    pub to: StageId,
    pub on_full: OnFull,
    pub divert: Option<(StageId, usize)>,
    pub window: Option<usize>,
    pub returns: Option<(StageId, usize)>,
    pub fused: bool,
    pub routing: Routing,
    /// The `KeyOf<T>` of a keyed wire.
    pub key: Option<Box<dyn Any + Send + Sync>>,
    /// Those that get copies, by their numbers among the wires of the net.
    pub branches: Vec<usize>,
    /// For one that gets copies: of what.
    pub copy_of: Option<CopyOf>,
    /// Makes a `Box<dyn Link<T>>` for one replica.
    pub link: MakeLink,
}

/// The wire of which another gets copies.
pub(crate) struct CopyOf {
    pub wire: usize,
    pub copies: Copies,
    /// `fn(&T) -> T`.
    pub copy: Box<dyn Any + Send + Sync>,
}

impl WireSpec {
    pub fn new<T: 'static, U: From<T> + Send + 'static>(from: Outlet<T>, to: Inlet<U>) -> Self {
        Self {
            from: (from.stage, from.port),
            to: to.stage,
            on_full: OnFull::Wait,
            divert: None,
            window: None,
            returns: None,
            fused: false,
            routing: Routing::Home,
            key: None,
            branches: Vec::new(),
            copy_of: None,
            link: Box::new(|build, wire| Box::new(make_link::<T, U>(build, wire))),
        }
    }

    /// Whether it gets copies of all of another's events.
    pub fn is_tee(&self) -> bool {
        self.copy_of.as_ref().is_some_and(|of| of.copies == Copies::Tee)
    }
}
