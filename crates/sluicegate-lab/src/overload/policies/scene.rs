//! What is asked of a worker: a dear batch among cheap ones, two tenants, bursts into short queues, a
//! row.

use std::time::Duration;

use super::net::Step;
use crate::plan::{Piece, Rate};

/// Seconds of a scene.
const SECONDS: usize = 20;
const SECONDS_QUICK: usize = 3;

const fn us(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

/// A stage whose batches cost nothing beside their events, with room for many.
const fn step(name: &'static str, cost: Duration) -> Step {
    Step { name, startup: Duration::ZERO, cost, queue: 256, batch: 16 }
}

/// A stage with little room.
const fn short(name: &'static str) -> Step {
    Step { queue: 64, batch: 8, ..step(name, us(200)) }
}

const JOURNAL: Step = Step { startup: us(500), batch: 64, ..step("journal", us(10)) };
const DEAR: &[Step] = &[step("parse", us(20)), step("page", us(100)), JOURNAL];
const TENANTS: &[Step] = &[step("quick", us(100)), step("bulk", us(1000))];
const SHORT: &[Step] = &[
    short("red"),
    short("green"),
    short("blue"),
    Step { queue: 64, batch: 8, ..step("rare", us(50)) },
];
const ROW: &[Step] =
    &[step("read", us(50)), step("parse", us(50)), step("make", us(50)), step("write", us(50))];

/// What is asked of a worker.
pub(super) struct Scene {
    pub name: String,
    pub about: &'static str,
    pub steps: &'static [Step],
    pub kinds: Vec<Kind>,
    /// Of its stages, for the policies that go by them.
    pub shares: &'static [(&'static str, u32)],
    pub order: &'static [&'static str],
    pub seconds: usize,
}

/// Requests of one kind.
pub(super) struct Kind {
    pub name: &'static str,
    pub way: &'static [usize],
    /// A second, over all.
    pub per_second: f64,
    /// Where they come in bursts of 20 ms: the time from one to the next.
    pub bursts: Option<Duration>,
}

impl Kind {
    /// When they come.
    pub fn rate(&self, seconds: usize) -> Rate {
        let time = Duration::from_secs(seconds as u64);
        let Some(period) = self.bursts else { return Rate::steady(self.per_second, time) };
        let burst = us(20_000);
        let rate = self.per_second * period.as_secs_f64() / burst.as_secs_f64();
        let pause = Piece { rate: 0.0, time: period - burst };
        let bursts = time.as_micros() / period.as_micros();
        let pieces = (0..bursts).flat_map(|_| [pause, Piece { rate, time: burst }]).collect();
        Rate { pieces, poisson: true }
    }
}

const fn kind(name: &'static str, way: &'static [usize], per_second: f64) -> Kind {
    Kind { name, way, per_second, bursts: None }
}

pub(super) fn all(quick: bool) -> Vec<Scene> {
    let mut all = vec![
        dear("quiet", 400.0),
        dear("dear batches", 3000.0),
        dear("dear batches, more", 6000.0),
        tenants("two tenants", 1000.0),
        tenants("a flood", 15_000.0),
        bursts(),
        row(0.8),
        row(2.0),
    ];
    if quick {
        all.iter_mut().for_each(|scene| scene.seconds = SECONDS_QUICK);
    }
    all
}

/// One in four is written to a journal, a batch of which costs half a millisecond.
fn dear(name: &str, per_second: f64) -> Scene {
    Scene {
        name: format!("{name}: {per_second} a second"),
        about: "One in four is written to a journal, at 500 us for a batch and 10 us for each; the \
                others are pages at 100 us.",
        steps: DEAR,
        kinds: vec![
            kind("page", &[0, 1], per_second * 0.75),
            kind("journal", &[0, 2], per_second * 0.25),
        ],
        shares: &[],
        order: &["parse", "page"],
        seconds: SECONDS,
    }
}

/// Requests that are quick, beside more of another kind than the worker can do.
fn tenants(name: &str, per_second: f64) -> Scene {
    Scene {
        name: format!("{name}: {per_second} a second beside too much"),
        about: "Of `bulk` 2,000 a second are asked at 1 ms each, twice what the worker can do, \
                beside `quick` at 0.1 ms. Shares: quick 300, bulk 100. Priority: quick.",
        steps: TENANTS,
        kinds: vec![kind("quick", &[0], per_second), kind("bulk", &[1], 2000.0)],
        shares: &[("quick", 300), ("bulk", 100)],
        order: &["quick"],
        seconds: SECONDS,
    }
}

/// Three kinds in bursts at 0.9 of the capacity together, and one that is rare.
fn bursts() -> Scene {
    let burst = |name, way, millis: u64| {
        let bursts = Some(Duration::from_millis(millis));
        Kind { bursts, ..kind(name, way, 1450.0) }
    };
    Scene {
        name: "bursts into short queues".to_owned(),
        about: "Three kinds at 0.2 ms, each in bursts of 20 ms, every 97, 113 and 131 ms, together \
                0.9 of what the worker can do; queues of 64. Beside them a rare kind at 50 us. \
                Priority: rare.",
        steps: SHORT,
        kinds: vec![
            burst("red", &[0], 97),
            burst("green", &[1], 113),
            burst("blue", &[2], 131),
            kind("rare", &[3], 50.0),
        ],
        shares: &[],
        order: &["rare"],
        seconds: SECONDS,
    }
}

/// Four stages one after the other.
fn row(load: f64) -> Scene {
    let work: Duration = ROW.iter().map(|step| step.cost).sum();
    let per_second = load / work.as_secs_f64();
    Scene {
        name: format!("a row, {load} of what the worker can do"),
        about: "Four stages of 50 us, one after the other, with queues of 256. Priority: the \
                entrance first.",
        steps: ROW,
        kinds: vec![kind("all", &[0, 1, 2, 3], per_second)],
        shares: &[],
        order: &["read", "parse", "make"],
        seconds: SECONDS,
    }
}
