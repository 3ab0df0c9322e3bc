//! Wires: from one port to one inlet, with the answer to a refusal.

use crate::event::StageId;
use crate::queue::{Fusing, InletQueue, Leftover, Waiter, WireLink, route};
use crate::run::Build;
use crate::stage::{Inlet, Link, Outlet};
use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;

/// What a wire does with an event for which the queue beyond has no room.
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

/// A wire under declaration.
pub struct Wire<'a, T> {
    spec: &'a mut WireSpec,
    kind: PhantomData<fn(T)>,
}

impl<'a, T> Wire<'a, T> {
    pub(crate) fn new(spec: &'a mut WireSpec) -> Self {
        Self { spec, kind: PhantomData }
    }

    /// What becomes of events for which there is no room; they wait unless declared.
    pub fn on_full(self, on_full: OnFull) -> Self {
        self.spec.on_full = on_full;
        self
    }

    /// Sends events for which there is no room, and what a gate refuses, over the wire of `other`,
    /// a port of this stage; but not what comes too late for its deadline, which ends.
    /// [`Tag::diverted`](crate::Tag::diverted) says why.
    pub fn divert(self, other: Outlet<T>) -> Self {
        self.spec.on_full = OnFull::Divert;
        self.spec.divert = Some((other.stage, other.port));
        self
    }

    /// Makes what is sent here questions, of which each replica has at most `places` unanswered.
    /// Each is answered once over the wire that [`returns`](Wire::returns) to this port, or
    /// comes back by [`Stage::ended`](crate::Stage::ended).
    pub fn window(self, places: usize) -> Self {
        self.spec.window = Some(places);
        self
    }

    /// Says that this wire brings the answers to what was sent on `asked`. They arrive in a lane
    /// of their own, in places that are taken already: by the window of `asked`, or by the
    /// entering of the flow when the stage that asked is its source.
    ///
    /// Such a wire never waits, since it closes a circle: what else is sent over it, a note or a
    /// fork, has no such place, and is shed when there is no room among what is asked.
    pub fn returns<Q>(self, asked: Outlet<Q>) -> Self {
        self.spec.returns = Some((asked.stage, asked.port));
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
    pub fn fused(self) -> Self {
        self.spec.fused = true;
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
    /// Makes a `Box<dyn Link<T>>` for one replica.
    pub link: MakeLink,
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
            link: Box::new(|build, wire| Box::new(make_link::<T, U>(build, wire))),
        }
    }
}

fn make_link<T: 'static, U: From<T> + Send + 'static>(
    build: &Build<'_>,
    wire: usize,
) -> Box<dyn Link<T>> {
    let plan = build.plan;
    let spec = &plan.wires[wire];
    let consumer = &plan.stages[spec.to.index()];
    let queues: &Vec<Arc<InletQueue<U>>> =
        consumer.queues.downcast_ref().expect("inlets carry the type of their queue");
    let targets = queues
        .iter()
        .enumerate()
        .map(|(n, queue)| (Arc::clone(queue), build.bell(spec.to, n)))
        .collect();
    let first = plan.domains[consumer.domain].first;
    let divert = spec.divert.and_then(|other| plan.wire_from(other)).map(|other| {
        let link = (plan.wires[other].link)(build, other);
        *link.downcast::<Box<dyn Link<T>>>().expect("diverted outlets have the same type")
    });
    let fusing = spec.fused.then(|| Fusing {
        seat: build.seats.of::<U>(spec.to),
        own: build.worker.index() - plan.domains[consumer.domain].first,
        spilled: false,
    });
    Box::new(WireLink {
        targets,
        fusing,
        first,
        consumer: spec.to,
        on_full: spec.on_full,
        divert,
        returns: spec.returns.is_some(),
        window: build.window(spec.from.1),
        me: Waiter { mailbox: Arc::clone(build.mailbox), bit: build.bit },
        desk: build.desk.clone(),
        stats: plan.stats.wire(build.worker, wire),
        reserved_in: route(queues.len(), first, build.worker),
        left: Leftover::default(),
    })
}
