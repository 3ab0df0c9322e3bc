//! Which lines show what a profile did: over the load where it stays the same, else over time.

use std::time::Duration;

use super::figures::{Values, at, median};
use super::plot::{Line, Panel, Plot};
use super::{Capacity, Phase, Point, Profile, Shown};

/// The pictures of a profile, each with the name of its file.
pub(super) fn plots(
    profile: Profile,
    system: &str,
    capacities: &[Capacity],
    target: Duration,
    all: &[(Point, Shown)],
) -> Vec<(String, Plot)> {
    let plot = |name: &str, x, curves: Vec<Curve>| {
        let title = format!("{system}: {name}");
        (format!("{system}-{name}.svg"), picture(title, x, &curves, target))
    };
    if profile.is_steady() {
        let curves = by_load(capacities, all);
        return vec![plot(profile.name(), "load, as a multiple of the capacity", curves)];
    }
    let each = all.iter();
    let each =
        each.map(|(point, shown)| plot(&point.name, "seconds", by_time(capacities, point, shown)));
    each.collect()
}

/// What is drawn of clients of one kind.
struct Curve {
    name: String,
    points: Vec<Place>,
}

/// The figures at one place of the axis.
struct Place {
    x: f64,
    good: Option<f64>,
    possible: Option<f64>,
    p99: Option<f64>,
}

/// A curve for each way in which the points differ beside their load.
fn by_load(capacities: &[Capacity], all: &[(Point, Shown)]) -> Vec<Curve> {
    let mut curves: Vec<Curve> = Vec::new();
    for (point, shown) in all {
        for (phase, runs) in &shown.phases {
            let part = match (capacities.len(), phase.part) {
                (1, _) => "",
                (_, 0) => ", first",
                _ => ", then",
            };
            let gate = if point.gated { "" } else { ", without the gate" };
            let name = format!("clients{gate}{part}");
            let x = point.clients[phase.clients].load(phase.seconds.start);
            let place = place(x, phase, runs, capacities);
            match curves.iter_mut().find(|curve| curve.name == name) {
                Some(curve) => curve.points.push(place),
                None => curves.push(Curve { name, points: vec![place] }),
            }
        }
    }
    curves
}

/// A curve for each kind of clients.
fn by_time(capacities: &[Capacity], point: &Point, shown: &Shown) -> Vec<Curve> {
    let of = |(n, clients): (usize, &super::Clients)| {
        let seconds = shown.seconds.iter().filter(|(phase, _)| phase.clients == n);
        let middle = |phase: &Phase| phase.seconds.start as f64 + 0.5;
        let place =
            |(phase, runs): &(Phase, Vec<Values>)| place(middle(phase), phase, runs, capacities);
        Curve { name: clients.name.clone(), points: seconds.map(place).collect() }
    };
    point.clients.iter().enumerate().map(of).collect()
}

fn place(x: f64, phase: &Phase, runs: &[Values], capacities: &[Capacity]) -> Place {
    let figure = |name| {
        let known: Vec<f64> = runs.iter().filter_map(|run| run[at(name)]).collect();
        median(&known)
    };
    // As shares of the capacity, so that parts of a handler can be compared.
    let rate = capacities[phase.part].rate;
    let possible = figure("asked/s").map(|asked| (asked / rate).min(phase.room));
    let good = figure("good/s").map(|good| good / rate);
    Place { x, good, possible, p99: figure("p99 ms") }
}

fn picture(title: String, x: &'static str, curves: &[Curve], target: Duration) -> Plot {
    let line = |curve: &Curve, y: fn(&Place) -> Option<f64>| {
        let points = curve.points.iter().filter_map(|place| Some((place.x, y(place)?))).collect();
        Line { name: curve.name.clone(), points }
    };
    let lines = |y| curves.iter().map(|curve| line(curve, y)).collect();
    let bound = |name: &str, points| Some(Line { name: name.to_owned(), points });
    // What is possible for several kinds at once cannot be told by one line.
    let possible = match curves {
        [one] => bound("possible", line(one, |place| place.possible).points),
        _ => None,
    };
    let ends = curves.iter().flat_map(|curve| &curve.points).map(|place| place.x);
    let target = target.as_secs_f64() * 1e3;
    let within = vec![(0.0, target), (ends.fold(0.0, f64::max), target)];
    let good = Panel {
        y: "in time, share of the capacity",
        bound: possible,
        lines: lines(|place| place.good),
    };
    let p99 = Panel {
        y: "99th percentile, ms",
        bound: bound("target", within),
        lines: lines(|place| place.p99),
    };
    Plot { title, x, panels: [good, p99] }
}

#[cfg(test)]
mod tests {
    use super::super::figures::COLUMNS;
    use super::super::profile::Times;
    use super::*;

    const TARGET: Duration = Duration::from_millis(50);

    fn run(asked: f64, good: f64, p99: Option<f64>) -> Values {
        let mut values: Values = [None; COLUMNS.len()];
        (values[at("asked/s")], values[at("good/s")]) = (Some(asked), Some(good));
        values[at("p99 ms")] = p99;
        values
    }

    fn capacities() -> Vec<Capacity> {
        vec![Capacity::known(100.0)]
    }

    fn shown(point: &Point, of: impl Fn(&Phase) -> Values) -> Shown {
        let mut shown = Shown::new(point, 1);
        for (phase, runs) in shown.phases.iter_mut().chain(&mut shown.seconds) {
            runs.push(of(phase));
        }
        shown
    }

    #[test]
    fn steady_loads_are_points_of_one_line() {
        let all: Vec<(Point, Shown)> = Profile::Steps
            .points(&Times::QUICK)
            .into_iter()
            .map(|point| {
                let asked = point.clients[0].load(0) * 100.0;
                let shown = shown(&point, |_| run(asked, asked.min(90.0), Some(7.0)));
                (point, shown)
            })
            .collect();
        let plots = plots(Profile::Steps, "x", &capacities(), TARGET, &all);
        let [(file, plot)] = &plots[..] else { panic!("{plots:?}") };
        assert_eq!(file, "x-steps.svg");
        let [good, p99] = &plot.panels;
        let wanted = [(0.5, 0.5), (0.8, 0.8), (1.0, 0.9), (2.0, 0.9), (5.0, 0.9), (10.0, 0.9)];
        assert_eq!(good.lines[0].points, wanted);
        assert_eq!(good.bound.as_ref().unwrap().points.last(), Some(&(10.0, 1.0)));
        assert_eq!(p99.bound.as_ref().unwrap().points, [(0.0, 50.0), (10.0, 50.0)]);
    }

    #[test]
    fn whether_there_is_a_gate_makes_two_lines() {
        let points = Profile::Calm.points(&Times::QUICK);
        let all: Vec<(Point, Shown)> = points
            .into_iter()
            .map(|point| {
                let shown = shown(&point, |_| run(1.0, 1.0, None));
                (point, shown)
            })
            .collect();
        let plots = plots(Profile::Calm, "x", &capacities(), TARGET, &all);
        let good = &plots[0].1.panels[0];
        let names: Vec<&str> = good.lines.iter().map(|line| line.name.as_str()).collect();
        assert_eq!(names, ["clients", "clients, without the gate"]);
        assert_eq!(good.lines[1].points, [(0.5, 0.01), (0.8, 0.01)]);
    }

    #[test]
    fn other_loads_are_lines_over_time_one_for_each_kind() {
        let point = Profile::Greedy.points(&Times::QUICK).remove(1);
        let of = |phase: &Phase| {
            let p99 = (phase.seconds.start == 1).then_some(9.0);
            run(10.0, phase.clients as f64, p99)
        };
        let shown = shown(&point, of);
        let plots = plots(Profile::Greedy, "x", &capacities(), TARGET, &[(point, shown)]);
        let [(file, plot)] = &plots[..] else { panic!("{plots:?}") };
        assert_eq!(file, "x-greedy.svg");
        let [good, p99] = &plot.panels;
        assert_eq!(good.lines[0].points, [(0.5, 0.0), (1.5, 0.0)]);
        assert_eq!(good.lines[1].points, [(0.5, 0.01), (1.5, 0.01)]);
        assert_eq!(p99.lines[1].points, [(1.5, 9.0)]);
        assert_eq!(good.bound, None);
    }
}
