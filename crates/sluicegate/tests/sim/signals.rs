//! Flags and timers: outside the ledger, idempotent, in time.

use crate::common::{Log, STEPS, settle, sink, stage_of};
use sluicegate::{
    Batch, Cx, Event, Flag, Machine, Net, Out, Raised, Sim, Stage, StageId, Time, TimerKey, Wait,
    Waker, bounded, from_fn, stage,
};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const MILLI: Duration = Duration::from_millis(1);

/// A machine to which something happens at each of these times.
struct Clockwork {
    due: Vec<Time>,
    happened: u64,
    listener: Option<StageId>,
}

impl Machine for Clockwork {
    fn poll(&mut self, now: Time, _: Wait, raised: &mut Raised) {
        let Some(listener) = self.listener else { return };
        while self.due.first().is_some_and(|&due| due <= now) {
            self.due.remove(0);
            self.happened += 1;
            raised.raise(listener);
        }
    }

    fn waker(&self) -> Waker {
        Arc::new(|| {})
    }

    fn due(&self) -> Option<Time> {
        self.due.first().copied()
    }
}

/// Notes what its machine collected whenever its flag is raised.
struct Listener {
    log: Log,
}

impl Stage for Listener {
    type In = u64;
    type Out = ();

    fn start(&mut self, cx: &mut Cx<'_, ()>) {
        let stage = cx.stage();
        cx.local.get::<Clockwork>().listener = Some(stage);
    }

    fn handle(&mut self, batch: Batch<'_, u64>, _: &mut Cx<'_, ()>) {
        for event in batch {
            event.split().0.finish();
        }
    }

    fn signal(&mut self, cx: &mut Cx<'_, ()>) {
        let happened = std::mem::take(&mut cx.local.get::<Clockwork>().happened);
        self.log.note("heard", happened);
        self.log.note("at", cx.now().0 / 1_000_000);
    }
}

#[test]
fn a_machine_raises_a_flag_that_is_heard_once() {
    let log = Log::default();
    let mut net = Net::new("machine");
    let times = [5, 5, 5, 7, 90].map(|ms| Time(ms * 1_000_000));
    let cpu = net
        .domain("cpu")
        .machine(move |_| Ok(Clockwork { due: times.into(), happened: 0, listener: None }))
        .pinned(1);
    let out = log.clone();
    net.add(stage("listener", move || Listener { log: out.clone() }).on(cpu));
    let mut sim = Sim::new(net, 1).unwrap();
    assert!(sim.run_for(100 * MILLI, STEPS));
    assert_eq!(log.noted("heard"), [3, 1, 1]);
    assert_eq!(log.noted("at"), [5, 7, 90]);
    assert_eq!(sim.now(), Time(100_000_000));
    assert_eq!(sim.ledger(), sluicegate::Ledger::default(), "flags are no flows");
}

/// Gives its flag away, and notes when that is raised.
struct Flagged {
    log: Log,
    flags: Arc<Mutex<Vec<Flag>>>,
}

impl Stage for Flagged {
    type In = u64;
    type Out = ();

    fn start(&mut self, cx: &mut Cx<'_, ()>) {
        self.flags.lock().unwrap().push(cx.flag());
    }

    fn handle(&mut self, _: Batch<'_, u64>, _: &mut Cx<'_, ()>) {}

    fn signal(&mut self, cx: &mut Cx<'_, ()>) {
        self.log.note("heard", cx.worker().index() as u64);
    }
}

#[test]
fn a_flag_that_others_raise_wakes_its_replica_and_is_heard_once() {
    for pool in [false, true] {
        let (log, flags) = (Log::default(), Arc::<Mutex<Vec<_>>>::default());
        let mut net = Net::new("flagged");
        let cpu = net.domain("cpu");
        let cpu = if pool { cpu.pool(2) } else { cpu.pinned(2) };
        let (out, own) = (log.clone(), Arc::clone(&flags));
        let make = move || Flagged { log: out.clone(), flags: Arc::clone(&own) };
        net.add(stage("flagged", make).on(cpu));
        let mut sim = Sim::new(net, 1).unwrap();
        settle(&mut sim);
        let flags = flags.lock().unwrap().clone();
        for (at, times) in [(1, 3), (0, 1), (1, 1)] {
            (0..times).for_each(|_| flags[at].raise());
            settle(&mut sim);
        }
        assert_eq!(log.noted("heard"), [1, 0, 1]);
        drop(sim);
        flags[0].raise();
    }
}

/// Sets timers when it starts, one of which cancels another.
struct Alarms {
    log: Log,
    victim: Option<TimerKey>,
}

impl Stage for Alarms {
    type In = u64;
    type Out = ();

    fn start(&mut self, cx: &mut Cx<'_, ()>) {
        for (delay, token) in [(300, 3), (1, 1), (70_000, 5), (20, 2), (5000, 4)] {
            cx.after(delay * MILLI, token);
        }
        self.victim = Some(cx.after(400 * MILLI, 9));
    }

    fn handle(&mut self, _: Batch<'_, u64>, _: &mut Cx<'_, ()>) {}

    fn timer(&mut self, token: u64, cx: &mut Cx<'_, ()>) {
        self.log.note("rang", token);
        self.log.note("at", cx.now().0 / 1_000_000);
        if token == 3 {
            let victim = self.victim.take().unwrap();
            assert!(cx.cancel(victim));
            assert!(!cx.cancel(victim), "it is cancelled already");
        }
    }
}

#[test]
fn timers_run_out_in_order_and_in_time() {
    let log = Log::default();
    let mut net = Net::new("alarms");
    let cpu = net.domain("cpu").pinned(1);
    let out = log.clone();
    net.add(stage("alarms", move || Alarms { log: out.clone(), victim: None }).on(cpu));
    let mut sim = Sim::new(net, 1).unwrap();
    assert!(sim.run_for(60_000 * MILLI, STEPS));
    assert_eq!(log.noted("rang"), [1, 2, 3, 4]);
    assert_eq!(log.noted("at"), [1, 20, 300, 5000]);
    assert!(sim.run_for(60_000 * MILLI, STEPS));
    assert_eq!(log.noted("rang"), [1, 2, 3, 4, 5]);
    assert_eq!(sim.next(), None);
}

/// Raises its own flag each time it hears it, and sends a note.
struct Restless {
    log: Log,
}

impl Stage for Restless {
    type In = u64;
    type Out = Out<u64>;

    fn start(&mut self, cx: &mut Cx<'_, Out<u64>>) {
        cx.again();
        cx.again();
    }

    fn handle(&mut self, _: Batch<'_, u64>, _: &mut Cx<'_, Out<u64>>) {}

    fn signal(&mut self, cx: &mut Cx<'_, Out<u64>>) {
        self.log.note("heard", 0);
        let home = cx.worker();
        cx.out.emit(Event::note(home, 1));
        cx.again();
    }
}

#[test]
fn a_flag_of_its_own_waits_while_a_stage_is_parked() {
    let log = Log::default();
    let mut net = Net::new("again");
    let cpu = net.domain("cpu").pinned(1);
    let out = log.clone();
    let restless = net.add(stage("restless", move || Restless { log: out.clone() }).on(cpu));
    let wall = net.add(
        stage("wall", || {
            from_fn(|mut batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
                if let Some(event) = batch.next() {
                    batch.put_back(event);
                }
            })
        })
        .on(cpu)
        .queue(bounded(3)),
    );
    net.wire(restless.out, wall.inlet);
    let entry = net.entry(restless.inlet);
    let mut sim = Sim::new(net, 1).unwrap();
    settle(&mut sim);
    assert_eq!(log.noted("heard").len(), 4, "three notes fit, the fourth is held");
    entry.send(1).unwrap();
    settle(&mut sim);
    assert_eq!(log.noted("heard").len(), 4, "whatever else has it run");
    assert_eq!(stage_of(&mut sim, "restless").parked_now, 1);
}

/// A flag that nobody lowers, beside work that must go on.
#[test]
fn a_restless_stage_does_not_keep_others_from_their_turn() {
    let log = Log::default();
    let mut net = Net::new("beside");
    let cpu = net.domain("cpu").policy(sluicegate::Fifo::default).pinned(1);
    let (seen, out) = (Log::default(), log.clone());
    let restless = net.add(stage("restless", move || Restless { log: seen.clone() }).on(cpu));
    let gone = net.add(stage("gone", || sink("gone", &Log::default())).on(cpu));
    let last = net.add(stage("last", move || sink("last", &out)).on(cpu));
    net.wire(restless.out, gone.inlet);
    let entry = net.entry(last.inlet);
    let mut sim = Sim::new(net, 1).unwrap();
    entry.send(5).unwrap();
    for _ in 0..20 {
        sim.step();
    }
    assert_eq!(log.noted("last"), [5]);
}
