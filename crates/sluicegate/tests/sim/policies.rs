//! Which stage runs next is the application's choice.

use crate::common::{Log, settle_empty};
use sluicegate::{Batch, Cx, ExitFirst, Fifo, Net, Out, Policy, Ready, Sim, from_fn, stage};

/// The order in which three events pass the stages 0 -> 1 -> 2, as stage * 10 + event.
fn order<P: Policy>(policy: impl Fn() -> P + Send + Sync + 'static) -> Vec<u64> {
    let log = Log::default();
    let mut net = Net::new("policy");
    let cpu = net.domain("cpu").policy(policy).pinned(1);
    let mut noting = |number: u64| {
        let log = log.clone();
        let name = format!("stage {number}");
        let handle = move || {
            let log = log.clone();
            from_fn(move |batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
                for event in batch {
                    log.note("run", number * 10 + *event);
                    cx.out.emit(event);
                }
            })
        };
        net.add(stage(&name, handle).on(cpu).batch(1))
    };
    let (first, second) = (noting(0), noting(1));
    let out = log.clone();
    let last = net.add(
        stage("last", move || {
            let out = out.clone();
            from_fn(move |batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
                for event in batch {
                    out.note("run", 20 + *event);
                    event.split().0.finish();
                }
            })
        })
        .on(cpu)
        .batch(1),
    );
    net.wire(first.out, second.inlet);
    net.wire(second.out, last.inlet);
    let entry = net.entry(first.inlet);
    let mut sim = Sim::new(net, 1).unwrap();
    sim.settle(100);
    for n in 0..3 {
        entry.send(n).unwrap();
    }
    settle_empty(&mut sim);
    log.noted("run")
}

#[test]
fn the_exit_goes_first() {
    assert_eq!(order(|| ExitFirst), [0, 10, 20, 1, 11, 21, 2, 12, 22]);
}

#[test]
fn first_come_first_served() {
    assert_eq!(order(Fifo::default), [0, 10, 1, 20, 11, 2, 21, 12, 22]);
}

/// The stage that is farthest from the exit, but not before it was asked twice.
#[derive(Default)]
struct Patient {
    asked: usize,
}

impl Policy for Patient {
    fn next(&mut self, ready: Ready) -> Option<usize> {
        self.asked += 1;
        match self.asked % 3 {
            0 => ready.iter().last(),
            1 => None,
            _ => Some(usize::MAX),
        }
    }
}

#[test]
fn an_application_has_its_own() {
    assert_eq!(order(Patient::default), [0, 1, 2, 10, 11, 12, 20, 21, 22]);
}
