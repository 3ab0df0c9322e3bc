//! What a wire becomes for one replica: a link, or one over several.

use crate::net::{Routing, WireSpec};
use crate::queue::{
    Answer, BalancedLink, Branch, Fusing, InletQueue, KeyOf, KeyedLink, Lanes, Leftover, TeeLink,
    Waiter, WireLink, route,
};
use crate::run::Build;
use crate::sim::Random;
use crate::stage::Link;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

/// The link of a wire as one replica sees it, with its copies.
pub(super) fn make_link<T: 'static, U: From<T> + Send + 'static>(
    build: &Build<'_>,
    wire: usize,
) -> Box<dyn Link<T>> {
    let spec = &build.plan.wires[wire];
    let routed = routed_link::<T, U>(build, wire);
    if spec.branches.is_empty() {
        return routed;
    }
    let answer = Answer {
        on_full: spec.on_full,
        divert: divert_link(build, spec),
        diverted: VecDeque::new(),
        stats: build.plan.stats.wire(build.worker, wire),
        desk: build.desk.clone(),
    };
    let mut tee = TeeLink::new(routed, answer);
    for &branch in &spec.branches {
        let to = &build.plan.wires[branch];
        let of = to.copy_of.as_ref().expect("a branch says of what it gets copies");
        let copy = of.copy.downcast_ref().expect("branches carry the type of their port");
        tee.add(Branch::new(link(build, branch), *copy), to.is_tee());
    }
    Box::new(tee)
}

/// A link as its wire says, without copies.
fn routed_link<T: 'static, U: From<T> + Send + 'static>(
    build: &Build<'_>,
    wire: usize,
) -> Box<dyn Link<T>> {
    let plan = build.plan;
    let spec = &plan.wires[wire];
    // Copies go the way of what they are copied from.
    let routed = spec.copy_of.as_ref().map_or(spec, |of| &plan.wires[of.wire]);
    let consumer = &plan.stages[spec.to.index()];
    let queues: &Vec<Arc<InletQueue<U>>> =
        consumer.queues.downcast_ref().expect("inlets carry the type of their queue");
    let first = plan.domains[consumer.domain].first;
    let plain = |targets: Range<usize>| WireLink {
        reserved_in: route(targets.len(), first, build.worker),
        targets: targets.map(|n| (Arc::clone(&queues[n]), build.bell(spec.to, n))).collect(),
        fusing: spec.fused.then(|| Fusing {
            seat: build.seats.of::<U>(spec.to),
            own: build.worker.index() - first,
            spilled: false,
        }),
        first,
        consumer: spec.to,
        on_full: spec.on_full,
        divert: divert_link(build, spec),
        returns: spec.returns.is_some(),
        window: spec.copy_of.is_none().then(|| build.window(spec.from.1)).flatten(),
        me: Waiter { mailbox: Arc::clone(build.mailbox), bit: build.bit },
        desk: build.desk.clone(),
        stats: plan.stats.wire(build.worker, wire),
        left: Leftover::default(),
    };
    if routed.routing == Routing::Home || queues.len() == 1 {
        return Box::new(plain(0..queues.len()));
    }
    let lanes = Lanes::new((0..queues.len()).map(|n| plain(n..n + 1)));
    if let Some(key) = &routed.key {
        let key: &KeyOf<T> = key.downcast_ref().expect("keys carry the type of their port");
        return Box::new(KeyedLink { lanes, key: key.clone(), desk: build.desk.clone() });
    }
    let domain = &plan.domains[consumer.domain];
    let own = build.worker.index().checked_sub(domain.first).filter(|&n| n < domain.threads);
    let random = Random::stream(build.worker.index() as u64, wire as u64);
    Box::new(BalancedLink::new(lanes, own, random))
}

fn divert_link<T: 'static>(build: &Build<'_>, spec: &WireSpec) -> Option<Box<dyn Link<T>>> {
    let other = spec.divert.and_then(|other| build.plan.wire_from(other))?;
    Some(link(build, other))
}

/// The link of another wire from the same type of port.
fn link<T: 'static>(build: &Build<'_>, wire: usize) -> Box<dyn Link<T>> {
    let link = (build.plan.wires[wire].link)(build, wire);
    *link.downcast::<Box<dyn Link<T>>>().expect("outlets have the same type")
}
