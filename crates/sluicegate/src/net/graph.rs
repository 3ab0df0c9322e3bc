//! The graph of a net: circles of waiting wires, and the distance of each stage to the exit.

use crate::event::StageId;
use crate::net::{Net, OnFull, Wiring};
use std::collections::{BTreeSet, VecDeque};

/// The shortest circle of wires that wait for each other through each stage that is on one;
/// every circle is named once, by its smallest stage.
pub(super) fn circles_of_waits(net: &Net, wiring: &Wiring) -> Vec<Vec<usize>> {
    let mut waits = vec![Vec::new(); net.stages.len()];
    for wire in &net.wires {
        if wire.on_full == OnFull::Wait && wire.returns.is_none() {
            waits[wire.from.0.index()].push(wire.to.index());
        }
        // What is diverted waits if the wire that takes it does.
        if let Some(other) = wire.divert
            && let Some(other) = wiring.wire(other).map(|wire| &net.wires[wire])
            && other.on_full == OnFull::Wait
        {
            waits[wire.from.0.index()].push(other.to.index());
        }
    }
    circles(waits)
}

/// The same, of wires that are fused.
pub(super) fn fused_circles(net: &Net) -> Vec<Vec<usize>> {
    circles(Fused::of(net).0)
}

/// Which stages are fused to each.
pub(super) struct Fused(Vec<Vec<usize>>);

impl Fused {
    pub fn of(net: &Net) -> Self {
        let mut fused = vec![Vec::new(); net.stages.len()];
        for wire in net.wires.iter().filter(|wire| wire.fused) {
            fused[wire.from.0.index()].push(wire.to.index());
        }
        Self(fused)
    }

    /// Fuses a stage to another, unless this closes a circle.
    pub fn join(&mut self, from: StageId, to: StageId) -> bool {
        let (from, to) = (from.index(), to.index());
        let fits = !self.leads(to, from);
        if fits {
            self.0[from].push(to);
        }
        fits
    }

    fn leads(&self, from: usize, to: usize) -> bool {
        let (mut seen, mut todo) = (BTreeSet::from([from]), vec![from]);
        while let Some(at) = todo.pop() {
            if at == to {
                return true;
            }
            todo.extend(self.0[at].iter().filter(|&&next| seen.insert(next)));
        }
        false
    }
}

fn circles(mut edges: Vec<Vec<usize>>) -> Vec<Vec<usize>> {
    keep_circles(&mut edges);
    let mut circles: Vec<Vec<usize>> = Vec::new();
    for start in 0..edges.len() {
        if edges[start].is_empty() || circles.iter().any(|circle| circle.contains(&start)) {
            continue;
        }
        if let Some(circle) = shortest_circle(&edges, start) {
            circles.push(circle);
        }
    }
    circles
}

/// Takes the edges away that lead to where no circle is: to what waits for nothing, or only for
/// that. To look for a circle from each stage costs the square of a large net.
fn keep_circles(edges: &mut [Vec<usize>]) {
    let mut into = vec![Vec::new(); edges.len()];
    for (from, to) in edges.iter().enumerate() {
        to.iter().for_each(|&to| into[to].push(from));
    }
    let mut left: Vec<usize> = edges.iter().map(Vec::len).collect();
    let mut ends: Vec<usize> = (0..edges.len()).filter(|&stage| left[stage] == 0).collect();
    while let Some(end) = ends.pop() {
        for &from in &into[end] {
            left[from] -= 1;
            if left[from] == 0 {
                ends.push(from);
            }
        }
    }
    for edges in edges {
        edges.retain(|&to| left[to] > 0);
    }
}

fn shortest_circle(edges: &[Vec<usize>], start: usize) -> Option<Vec<usize>> {
    let mut came_from = vec![None; edges.len()];
    let mut todo = VecDeque::from([start]);
    while let Some(at) = todo.pop_front() {
        for &next in &edges[at] {
            if next == start {
                let mut circle = vec![at];
                while let Some(before) = came_from[*circle.last().unwrap_or(&start)] {
                    circle.push(before);
                }
                circle.reverse();
                return Some(circle);
            }
            if came_from[next].is_none() {
                came_from[next] = Some(at);
                todo.push_back(next);
            }
        }
    }
    None
}

/// The stages in order of their distance to an exit (a stage that sends nowhere, or only answers),
/// nearest first. Stages that are as near stand in reverse order of declaration, since nets are
/// declared from entry to exit.
pub(crate) fn exit_order(stages: usize, wires: &[(usize, usize)]) -> Vec<usize> {
    let mut distance = vec![usize::MAX; stages];
    let (mut into, mut sends) = (vec![Vec::new(); stages], vec![false; stages]);
    for &(from, to) in wires {
        into[to].push(from);
        sends[from] = true;
    }
    let mut todo: VecDeque<usize> = (0..stages).filter(|&stage| !sends[stage]).collect();
    for &exit in &todo {
        distance[exit] = 0;
    }
    while let Some(at) = todo.pop_front() {
        for &from in &into[at] {
            if distance[from] == usize::MAX {
                distance[from] = distance[at] + 1;
                todo.push_back(from);
            }
        }
    }
    let mut order: Vec<usize> = (0..stages).collect();
    order.sort_by_key(|&stage| (distance[stage], usize::MAX - stage));
    order
}
