//! Nets whose trouble is planned, in virtual time.

use sluicegate::sim::{Arrivals, Crowd, Gaps, Outside, Random, ServiceTime, Setup};
use sluicegate::{
    Batch, Capacity, Cx, Domain, Inlet, Net, Node, Out, Outlet, Sim, Spec, Stage, VirtualTime,
    bounded, from_fn, ms, stage,
};
use sluicegate_admin::model;
use std::time::Duration;

/// Steps that no run needs.
const STEPS: usize = 200_000;
/// How long flows come.
const LONG: Duration = Duration::from_secs(60);

pub const fn us(us: u64) -> Duration {
    Duration::from_micros(us)
}

/// A stage of numbers.
#[derive(Clone, Copy)]
pub struct Part {
    pub inlet: Inlet<u64>,
    pub out: Outlet<u64>,
}

impl<S: Stage<In = u64, Out = Out<u64>>> From<Node<S>> for Part {
    fn from(node: Node<S>) -> Self {
        Self { inlet: node.inlet, out: node.out }
    }
}

/// A net that is made: a crowd asks, and stages of numbers answer.
pub struct Made {
    pub net: Net,
    pub time: VirtualTime,
    /// Where what was asked comes from.
    pub asked: Outlet<u64>,
    crowd: Part,
}

impl Made {
    /// So many flows a second, of which so many may be in the net at once. They come to `listen`,
    /// which has room for all of them: a crowd that is parked has a simulation look again and
    /// again whether more have come.
    pub fn new(gaps: Gaps, rate: f64, flows: usize, seed: u64) -> Self {
        let arrivals = Arrivals::open(gaps, rate, LONG, seed);
        let mut net = Net::new("made");
        let outside = move |_| Ok(Outside::new(arrivals.clone()));
        let door = net.domain("door").machine(outside).pinned(1);
        let crowd = stage("crowd", || Crowd::<u64, u64, _>::new(|n| n));
        let crowd: Part = net.add(crowd.on(door).flows(flows)).into();
        let hall = net.domain("hall").pinned(1);
        let mut made = Self { net, time: VirtualTime::default(), asked: crowd.out, crowd };
        let listen = made.add("listen", hall, bounded(flows), ServiceTime::Fixed(us(1)));
        made.net.wire(crowd.out, listen.inlet);
        made.asked = listen.out;
        made
    }

    /// A stage that spends `cost` on each event and sends it on.
    pub fn add(&mut self, name: &str, on: Domain, queue: Capacity, cost: ServiceTime) -> Part {
        let spec = self.spec(name, cost);
        self.net.add(spec.on(on).queue(queue)).into()
    }

    pub fn spec(
        &self,
        name: &str,
        cost: ServiceTime,
    ) -> Spec<impl Stage<In = u64, Out = Out<u64>> + use<>> {
        let clock = self.time.clone();
        stage(name, move || {
            let (clock, mut random) = (clock.clone(), Random::new(7));
            from_fn(move |batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
                for event in batch {
                    clock.spend(cost.draw(&mut random));
                    cx.out.emit(event);
                }
            })
        })
    }

    /// Joins the crowd and these stages in a row, whose last answers.
    pub fn row(&mut self, row: &[Part]) {
        let mut from = self.asked;
        for stage in row {
            self.net.wire(from, stage.inlet);
            from = stage.out;
        }
        self.answer(from);
    }

    /// Has what is sent there come back to the crowd.
    pub fn answer(&mut self, from: Outlet<u64>) {
        self.net.wire(from, self.crowd.inlet).returns(self.crowd.out);
    }

    pub fn sim(self, seed: u64) -> Sim {
        Sim::with(self.net, Setup::seed(seed).time(&self.time)).expect("no faults")
    }
}

/// What the admin listener would show now.
pub fn shown(sim: &mut Sim) -> model::Net {
    (&sim.snapshot()).into()
}

/// What it would show at two moments: a second apart, after a second.
pub fn looks(sim: &mut Sim) -> [model::Net; 2] {
    [(); 2].map(|()| {
        assert!(sim.run_for(ms(1000), STEPS), "it comes to an end");
        shown(sim)
    })
}
