//! A net between two moments, with what is asked of it again and again.

use crate::model::{Net, Stage, Wire};
use crate::rates::{DomainRates, Rates, StageRates};
use std::collections::HashMap;

/// From this share of the time on threads are busy: less leaves room for more work.
pub const BUSY: f64 = 0.85;
/// From this share of the time parked on a stage is held up.
pub const PARKED: f64 = 0.2;
/// From this share of its places on a queue is as good as full.
pub const FULL: f64 = 0.9;

pub struct Look<'a> {
    before: &'a Net,
    pub now: &'a Net,
    pub rates: &'a Rates,
    stages: HashMap<&'a str, usize>,
    domains: HashMap<&'a str, usize>,
    /// The wires that leave each stage.
    out: Vec<Vec<usize>>,
}

impl<'a> Look<'a> {
    pub fn new(before: &'a Net, now: &'a Net, rates: &'a Rates) -> Self {
        let named = now.stages.iter().enumerate();
        let stages: HashMap<_, _> = named.map(|(n, stage)| (stage.name.as_str(), n)).collect();
        let domains = rates.domains.iter().enumerate();
        let domains = domains.map(|(n, domain)| (domain.name.as_str(), n)).collect();
        let mut out = vec![Vec::new(); now.stages.len()];
        for (n, wire) in now.wires.iter().enumerate() {
            if let Some(&from) = stages.get(wire.from.as_str()) {
                out[from].push(n);
            }
        }
        Self { before, now, rates, stages, domains, out }
    }

    pub fn stage(&self, n: usize) -> &'a Stage {
        &self.now.stages[n]
    }

    pub fn rates(&self, n: usize) -> &'a StageRates {
        &self.rates.stages[n]
    }

    pub fn name(&self, n: usize) -> &'a str {
        &self.now.stages[n].name
    }

    pub fn number(&self, name: &str) -> Option<usize> {
        self.stages.get(name).copied()
    }

    pub fn domain(&self, n: usize) -> Option<&'a DomainRates> {
        let domain = self.domains.get(self.stage(n).domain.as_str())?;
        self.rates.domains.get(*domain)
    }

    /// The wires that leave a stage, with their numbers.
    pub fn wires(&self, n: usize) -> impl Iterator<Item = (usize, &'a Wire)> + '_ {
        self.out[n].iter().map(|&wire| (wire, &self.now.wires[wire]))
    }

    /// Where a wire leads.
    pub fn target(&self, wire: &Wire) -> Option<usize> {
        self.number(&wire.to)
    }

    /// Whether so many of the questions of a wire are out that its asker may ask no more.
    pub fn is_out(&self, wire: &Wire) -> bool {
        let (Some(window), Some(unanswered)) = (wire.window, wire.unanswered) else { return false };
        let askers = self.number(&wire.from).map_or(1, |from| self.stage(from).replicas.max(1));
        unanswered > 0 && unanswered as f64 >= FULL * (window * askers) as f64
    }

    /// Whether they were out before.
    pub fn was_out(&self, number: usize) -> bool {
        let now = &self.now.wires[number];
        let same = |was: &&Wire| (&was.from, &was.port, &was.to) == (&now.from, &now.port, &now.to);
        self.before.wires.get(number).filter(same).is_some_and(|was| self.is_out(was))
    }

    /// Whether a stage is held up by what it sends to.
    pub fn is_parked(&self, n: usize) -> bool {
        let told = self.stage(n).parked_us.is_some();
        self.rates(n).parked >= PARKED || (!told && self.stage(n).parked_now)
    }

    pub fn is_stalled(&self, n: usize) -> bool {
        self.now.stalls.iter().any(|stall| stall.stage == self.name(n))
    }

    /// The busiest stage of the domain of a stage.
    pub fn busiest(&self, n: usize) -> usize {
        let domain = &self.stage(n).domain;
        let of_it = |one: &usize| self.stage(*one).domain == *domain;
        let by = |one: &usize, other: &usize| {
            self.rates(*one).utilisation.total_cmp(&self.rates(*other).utilisation)
        };
        (0..self.now.stages.len()).filter(of_it).max_by(by).unwrap_or(n)
    }

    /// Whether work waits for a stage whose threads were all at something and handled none of it:
    /// handlers that take longer than the time between two looks are not counted yet.
    pub fn is_at_something(&self, n: usize) -> bool {
        let stage = self.stage(n);
        let mut of_it = self.now.workers.iter().filter(|one| one.domain == stage.domain).peekable();
        let waits = stage.queued > 0 && self.rates(n).served_s == 0.0;
        waits && of_it.peek().is_some() && of_it.all(|worker| !worker.asleep)
    }

    /// Flows that are neither in queues, nor held, nor kept by a window: in the hands of stages.
    pub fn in_hand(&self) -> u64 {
        let Some(ledger) = &self.now.ledger else { return 0 };
        let queued: u64 = self.now.stages.iter().map(|stage| stage.queued).sum();
        let wires = self.now.wires.iter();
        let kept: u64 = wires.map(|wire| wire.held + wire.unanswered.unwrap_or_default()).sum();
        // Who watches waits for nothing that the net could do sooner.
        let kept = kept + self.now.viewers.unwrap_or_default();
        u64::try_from(ledger.in_flight).unwrap_or_default().saturating_sub(queued + kept)
    }
}
