//! A row of stages that gets dearer, and a fork of which one way is overloaded; on one worker, and
//! with threads for each stage.

use std::time::Duration;

use super::net::{Became, Gates, On, Shape, Step};
use super::{Played, SEED};
use crate::overload::capacity::Capacity;
use crate::overload::figures;
use crate::overload::profile::Phase;
use crate::record::Row;

/// Multiples of the capacity that are asked of a row.
const LOADS: [f64; 3] = [0.8, 2.0, 10.0];
/// Seconds of a scene.
const SECONDS: usize = 20;
const SECONDS_QUICK: usize = 2;
const TARGET: Duration = Duration::from_millis(50);

const fn us(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

const ROW: [Step; 3] = [
    Step { name: "parse", cost: us(100), threads: 1 },
    Step { name: "read", cost: us(400), threads: 1 },
    Step { name: "render", cost: us(2000), threads: 4 },
];
const FORK: [Step; 3] = [
    Step { name: "parse", cost: us(100), threads: 1 },
    Step { name: "fast", cost: us(400), threads: 1 },
    Step { name: "slow", cost: us(5000), threads: 4 },
];
const ONE_WAY: &[&[usize]] = &[&[0, 1, 2]];
const TWO_WAYS: &[&[usize]] = &[&[0, 1], &[0, 2]];

const ROWS: [(&Shape, &[Gates]); 2] = {
    use Gates::{Blind, Door, Nowhere, Stages};
    static ONE: Shape = shape(&ROW, ONE_WAY, On::One);
    static APART: Shape = shape(&ROW, ONE_WAY, On::Apart);
    [(&ONE, &[Nowhere, Door, Stages]), (&APART, &[Nowhere, Blind, Door, Stages])]
};
static FORKED: Shape = shape(&FORK, TWO_WAYS, On::Apart);
const FORK_GATES: &[Gates] =
    &[Gates::Nowhere, Gates::Blind, Gates::Door, Gates::Stages, Gates::Known];
/// What the two ways of the fork can do a second, each by itself, and the multiples of that which
/// are asked.
const ROOM: [f64; 2] = [2500.0, 800.0];
const FORK_LOADS: [f64; 2] = [0.5, 5.0];

const fn shape(steps: &'static [Step], ways: &'static [&'static [usize]], on: On) -> Shape {
    Shape { steps, ways, on, target: TARGET }
}

/// What is asked of a net.
pub(super) struct Scene {
    pub name: String,
    pub shape: &'static Shape,
    /// With which it is played.
    pub gates: &'static [Gates],
    pub kinds: Vec<Kind>,
    seconds: usize,
}

/// Requests of one kind.
pub(super) struct Kind {
    pub name: &'static str,
    /// A second: what is asked, and what could be served of it.
    rate: f64,
    room: f64,
}

pub(super) fn all(quick: bool) -> Vec<Scene> {
    let seconds = if quick { SECONDS_QUICK } else { SECONDS };
    let rows = ROWS.iter().flat_map(|which| LOADS.map(|load| row(*which, load, seconds)));
    rows.chain([fork(seconds)]).collect()
}

fn row((shape, gates): (&'static Shape, &'static [Gates]), load: f64, seconds: usize) -> Scene {
    let room = capacity(shape);
    let kinds = vec![Kind { name: "all", rate: load * room, room }];
    let name = format!("row, {}: {load}x", shape.on.name());
    Scene { name, shape, gates, kinds, seconds }
}

fn fork(seconds: usize) -> Scene {
    let kind = |name, way: usize| Kind { name, rate: FORK_LOADS[way] * ROOM[way], room: ROOM[way] };
    let kinds = vec![kind("fast", 0), kind("slow", 1)];
    let [fast, slow] = FORK_LOADS;
    let name = format!("fork, {}: fast {fast}x, slow {slow}x", FORKED.on.name());
    Scene { name, shape: &FORKED, gates: FORK_GATES, kinds, seconds }
}

/// What a row can do a second.
fn capacity(shape: &Shape) -> f64 {
    if shape.on != On::Apart {
        return 1.0 / shape.work(0).as_secs_f64();
    }
    let each = shape.steps.iter().map(|step| step.threads as f64 / step.cost.as_secs_f64());
    each.fold(f64::INFINITY, f64::min)
}

impl On {
    fn name(self) -> &'static str {
        match self {
            Self::One => "one worker",
            Self::Apart => "threads for each stage",
        }
    }
}

impl Scene {
    pub fn play(&self, gates: Gates) -> Result<Played, String> {
        let rates: Vec<f64> = self.kinds.iter().map(|kind| kind.rate).collect();
        let Became { rows, busy } = self.shape.play(gates, &rates, self.seconds, SEED)?;
        let mut useful = 0.0;
        let each = self.kinds.iter().zip(&rows).enumerate().map(|(n, (kind, rows))| {
            let good: u64 = rows.iter().map(|row: &Row| row.good).sum();
            useful += good as f64 * self.shape.work(n).as_secs_f64();
            let phase = Phase::new(kind.name.to_owned(), n, 0..self.seconds);
            figures::values(rows, &phase, &Capacity::known(kind.room), None, self.shape.target)
        });
        let values = each.collect();
        let busy = busy.as_secs_f64();
        // Sums of fractions are not exact.
        let wasted = if busy > 0.0 { (1.0 - useful / busy).max(0.0) } else { 0.0 };
        Ok(Played { gates, values, wasted })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::overload::figures::at;

    fn share(scene: &Scene, gates: Gates, kind: usize) -> (f64, f64) {
        let played = scene.play(gates).expect("it comes to rest");
        (played.values[kind][at("share")].expect("something is possible"), played.wasted)
    }

    #[test]
    fn one_gate_keeps_the_goodput_that_is_lost_without() {
        for which in ROWS {
            let scene = row(which, 10.0, 2);
            let (none, wasted) = share(&scene, Gates::Nowhere, 0);
            assert!(none < 0.2 && wasted > 0.8, "{none} {wasted}");
            let (door, wasted) = share(&scene, Gates::Door, 0);
            assert!(door > 0.95 && wasted < 0.02, "{door} {wasted}");
        }
    }

    #[test]
    fn work_is_wasted_by_gates_behind_work_that_is_done() {
        let (share, wasted) = share(&row(ROWS[1], 10.0, 2), Gates::Stages, 0);
        assert!(share > 0.95 && wasted > 0.1, "{share} {wasted}");
    }

    #[test]
    fn one_gate_refuses_nothing_where_all_can_be_served() {
        for which in ROWS {
            let scene = row(which, 0.5, 2);
            for gates in [Gates::Nowhere, Gates::Door] {
                assert_eq!(share(&scene, gates, 0), (1.0, 0.0), "{gates:?}");
            }
        }
    }

    #[test]
    fn a_door_that_does_not_know_the_way_has_the_fast_pay_for_the_slow() {
        let scene = fork(2);
        let [door, known] = [Gates::Door, Gates::Known].map(|gates| share(&scene, gates, 0).0);
        assert!(known == 1.0 && door < 0.5, "{known} {door}");
    }
}
