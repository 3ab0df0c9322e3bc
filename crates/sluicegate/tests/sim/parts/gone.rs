//! A flow whose client leaves while it is in a part is gone there too, and no other is.

use super::{adds, attach, part};
use crate::common::{Log, STEPS, settle, settle_empty, sink};
use sluicegate::{
    Batch, Cx, Ended, Entering, Event, Flag, Net, Out, Sim, Stage, Why, bounded, ms, slot, stage,
};
use std::sync::{Arc, Mutex};

/// Lets one flow in, and leaves after 5 ms.
struct Leaves(Log);

impl Stage for Leaves {
    type In = u64;
    type Out = Out<u64>;

    fn start(&mut self, cx: &mut Cx<'_, Out<u64>>) {
        let tag = cx.enter(7, Entering::default()).unwrap();
        cx.out.emit(tag.with(7));
        cx.after(ms(5), 0);
    }

    fn handle(&mut self, batch: Batch<'_, u64>, _: &mut Cx<'_, Out<u64>>) {
        batch.for_each(drop);
    }

    fn timer(&mut self, _: u64, cx: &mut Cx<'_, Out<u64>>) {
        cx.gone(7);
    }

    fn ended(&mut self, ended: Ended, _: &mut Cx<'_, Out<u64>>) {
        self.0.get().ended.push((ended.flow, ended.why));
    }
}

#[test]
fn a_flow_whose_client_leaves_is_gone_in_the_part_too() {
    for paused in ["door", "only"] {
        let log = Log::default();
        let mut net = Net::new("host");
        let cpu = net.domain("cpu").pinned(1);
        let source = log.clone();
        let front = stage("front", move || Leaves(source.clone())).on(cpu).flows(1);
        let front = net.add(front);
        let (spec, numbers) = slot::<u64, u64>("numbers");
        let slot = net.add(spec.on(cpu));
        net.wire(front.out, slot.inlet);
        net.wire(slot.out.answers, front.inlet).returns(front.out);
        net.seal(slot.out.bare);
        let mut sim = Sim::new(net, 1).unwrap();
        let part = attach(&mut sim, part("part", &numbers, || adds(0)));
        part.observer().pause("", paused).unwrap();
        assert!(sim.run_for(ms(10), STEPS));
        assert_eq!((part.inside(), log.get().ended.len()), (1, 0));
        part.observer().resume("", paused).unwrap();
        settle_empty(&mut sim);
        assert_eq!(log.get().ended, [(7, Why::Gone)]);
        assert_eq!(sim.remove(part).ended[Why::Gone], 1);
    }
}

/// Lets flow `n` in when `n` comes, and has its client leave when `n` and a hundred comes.
struct Clients(Log);

impl Stage for Clients {
    type In = u64;
    type Out = Out<u64>;

    fn handle(&mut self, batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>) {
        for event in batch {
            let (tag, n) = event.split();
            tag.finish();
            match n.checked_sub(100) {
                Some(leaves) => cx.gone(leaves),
                None => {
                    let tag = cx.enter(n, Entering::default()).unwrap();
                    cx.out.emit(tag.with(n));
                }
            }
        }
    }

    fn ended(&mut self, ended: Ended, _: &mut Cx<'_, Out<u64>>) {
        self.0.get().ended.push((ended.flow, ended.why));
    }
}

/// Sends on what comes: on the first worker nothing until the gate is open, on the second none of
/// seven before nine.
struct Uneven {
    gate: Arc<Mutex<Option<Flag>>>,
    kept: Option<Event<u64>>,
}

impl Stage for Uneven {
    type In = u64;
    type Out = Out<u64>;

    fn start(&mut self, cx: &mut Cx<'_, Out<u64>>) {
        if cx.worker().index() == 0 {
            *self.gate.lock().unwrap() = Some(cx.flag());
        }
    }

    fn handle(&mut self, batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>) {
        if cx.worker().index() == 0 && self.gate.lock().unwrap().is_some() {
            return;
        }
        for event in batch {
            match *event {
                7 => self.kept = Some(event),
                9 => {
                    cx.out.emit(self.kept.take().unwrap());
                    cx.out.emit(event);
                }
                _ => cx.out.emit(event),
            }
        }
    }
}

#[test]
fn nobody_takes_a_flow_for_one_that_was_gone_long_before() {
    let (log, gate) = (Log::default(), Arc::new(Mutex::new(None)));
    let mut net = Net::new("host");
    let cpu = net.domain("cpu").pinned(1);
    let (source, out) = (log.clone(), log.clone());
    let clients = net.add(stage("clients", move || Clients(source.clone())).on(cpu).flows(50));
    let (spec, numbers) = slot::<u64, u64>("numbers");
    let slot = net.add(spec.on(cpu).batch(1));
    let last = net.add(stage("last", move || sink("last", &out)).on(cpu));
    net.wire(clients.out, slot.inlet);
    net.wire(slot.out.answers, last.inlet);
    net.seal(slot.out.bare);
    let entry = net.entry(clients.inlet);
    let mut sim = Sim::new(net, 1).unwrap();
    // Flows go to its two workers by turns.
    let mut part = Net::new("part");
    let cpu = part.domain("cpu").pinned(2);
    let (spec, door) = numbers.door("door");
    let node = part.add(spec.on(cpu).batch(1));
    let of = Arc::clone(&gate);
    let uneven = move || Uneven { gate: Arc::clone(&of), kept: None };
    let uneven = part.add(stage("uneven", uneven).on(cpu).queue(bounded(1)).emits(2));
    part.wire(node.out, uneven.inlet);
    part.wire(uneven.out, node.inlet).returns(node.out);
    let part = attach(&mut sim, (door, part));
    let send = |sim: &mut Sim, numbers: &[u64]| {
        for &n in numbers {
            entry.send(n).unwrap();
            settle(sim);
        }
    };
    send(&mut sim, &[1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(log.noted("last"), [1, 3, 5]);
    send(&mut sim, &[107, 8, 9]);
    assert_eq!(log.noted("last"), [1, 3, 5, 9]);
    send(&mut sim, &(10..=20).collect::<Vec<u64>>());
    gate.lock().unwrap().take().unwrap().raise();
    settle_empty(&mut sim);
    assert_eq!(log.get().ended, [(7, Why::Gone)], "nobody else has left");
    assert_eq!(log.noted("last").len(), 19);
    sim.remove(part);
}
