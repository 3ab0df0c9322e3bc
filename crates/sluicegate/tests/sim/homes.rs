//! A flow's answer returns to the worker on which it entered.

use crate::common::{Front, Log, PER_WORKER, Random, pass, settle_empty, stage_of};
use sluicegate::{Net, Sim, bounded, stage};

#[test]
fn answers_come_home_from_a_pool_and_from_another_domain() {
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let workers = 2 + random.below(2);
        let log = Log::default();
        let mut net = Net::new("homes");
        // So that the workers of the sources do not begin at number 0.
        let aside = net.domain("aside").pinned(1 + random.below(3));
        let cpu = net.domain("cpu").pinned(workers);
        let pool = net.domain("pool").pool(1 + random.below(3));
        let source = log.clone();
        let front = net.add(stage("front", move || Front::new(40, &source)).on(cpu).flows(8));
        let a = net.add(stage("a", pass).on(cpu).queue(bounded(4)));
        let b = net.add(stage("b", pass).on(pool).queue(bounded(4)));
        let c = net.add(stage("c", pass).on(aside).queue(bounded(4)));
        let d = net.add(stage("d", pass).on(cpu).queue(bounded(4)));
        net.wire(front.out, a.inlet);
        net.wire(a.out, b.inlet);
        net.wire(b.out, c.inlet);
        net.wire(c.out, d.inlet);
        net.wire(d.out, front.inlet).returns(front.out);
        let mut sim = Sim::new(net, seed).unwrap();
        settle_empty(&mut sim);
        let seen = log.get();
        assert_eq!(seen.answered.len(), 40 * workers);
        for &(flow, answer, worker) in &seen.answered {
            assert_eq!((flow / PER_WORKER) as usize, worker, "seed {seed}");
            assert_eq!(flow % PER_WORKER, answer);
        }
        drop(seen);
        assert_eq!(stage_of(&mut sim, "d").served as usize, 40 * workers);
    }
}
