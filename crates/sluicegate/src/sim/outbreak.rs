//! How the troubles of a plan befall a simulated net.

use crate::event::StageId;
use crate::net::Kind;
use crate::observe::Happening;
use crate::run::{Plan, StartError};
use crate::sim::Simulated;
use crate::sim::trouble::{Begins, Trouble, Troubles};
use crate::time::Time;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

/// What befalls the handlers of one stage; workers look at it before each batch.
#[derive(Default)]
pub(crate) struct Befallen {
    /// How many events are handled before a handler panics.
    pub panics: Cell<Option<usize>>,
    /// What each event costs beside what it does.
    pub slow: Cell<Duration>,
}

/// Troubles under way, and those that are still to come.
pub(super) struct Outbreak {
    /// Those that have not begun.
    planned: Vec<Planned>,
    /// Those that are not over, and until when.
    under_way: Vec<(Planned, Time)>,
    batches: u64,
    befallen: Rc<[Befallen]>,
    /// Places taken in each queue of each stage, while it is to be full.
    occupied: Vec<Vec<usize>>,
}

/// A trouble whose names have been found.
#[derive(Clone, Copy)]
struct Planned {
    number: usize,
    begins: Begins,
    kind: &'static str,
    what: What,
}

#[derive(Clone, Copy)]
enum What {
    Panic(StageId, usize),
    Stall(usize, Duration),
    Slow(StageId, Duration, Duration),
    Full(StageId, Duration),
    Dead(usize),
}

impl Outbreak {
    /// Finds what the troubles name.
    pub fn new(troubles: Troubles, plan: &Plan) -> Result<Self, StartError> {
        let planned: Result<Vec<_>, _> =
            troubles.0.into_iter().map(|one| find(one, plan)).collect();
        Ok(Self {
            planned: planned?,
            under_way: Vec::new(),
            batches: 0,
            befallen: plan.stages.iter().map(|_| Befallen::default()).collect(),
            occupied: plan.stages.iter().map(|stage| vec![0; stage.probes.len()]).collect(),
        })
    }

    pub fn befallen(&self) -> Rc<[Befallen]> {
        Rc::clone(&self.befallen)
    }

    /// When the next trouble begins or is over by itself.
    pub fn next(&self) -> Option<Time> {
        let begin = self.planned.iter().filter_map(|planned| match planned.begins {
            Begins::At(at) => Some(at),
            Begins::Batch(_) => None,
        });
        begin.chain(self.under_way.iter().map(|(_, until)| *until)).min()
    }

    /// Has those begin and end for which it is time. A batch is about to run, if any can.
    pub fn look(&mut self, now: Time, plan: &Plan, workers: &mut [Simulated]) {
        if self.planned.is_empty() && self.under_way.is_empty() {
            return;
        }
        for over in self.under_way.extract_if(.., |(_, until)| *until <= now).collect::<Vec<_>>() {
            self.end(over.0, plan, workers);
        }
        let batches = self.batches;
        let is_due = |planned: &mut Planned| match planned.begins {
            Begins::Batch(batch) => batch <= batches,
            Begins::At(at) => at <= now,
        };
        for due in self.planned.extract_if(.., is_due).collect::<Vec<_>>() {
            self.begin(due, now, plan, workers);
        }
        self.fill(plan);
    }

    /// A batch has run.
    pub fn count(&mut self) {
        self.batches += 1;
    }

    fn begin(&mut self, due: Planned, now: Time, plan: &Plan, workers: &mut [Simulated]) {
        let lasts = match due.what {
            What::Panic(stage, after) => {
                self.befallen[stage.index()].panics.set(Some(after));
                None
            }
            What::Stall(worker, lasts) => {
                let worker = &mut workers[worker];
                worker.busy = worker.busy.max(now + lasts);
                None
            }
            What::Slow(stage, by, lasts) => {
                self.befallen[stage.index()].slow.set(by);
                Some(lasts)
            }
            What::Full(_, lasts) => Some(lasts),
            What::Dead(worker) => {
                let domain = plan.domains.iter().find(|d| worker < d.first + d.threads);
                let of_pool = domain.map_or(0..0, |d| d.first..d.first + d.threads);
                let alive = of_pool.filter(|&n| !workers[n].dying).count();
                workers[worker].dying |= alive > 1;
                None
            }
        };
        note(Happening::Troubled, due, workers);
        self.under_way.extend(lasts.map(|lasts| (due, now + lasts)));
    }

    fn end(&mut self, over: Planned, plan: &Plan, workers: &mut [Simulated]) {
        match over.what {
            What::Slow(stage, ..) => self.befallen[stage.index()].slow.set(Duration::ZERO),
            What::Full(stage, _) => {
                let probes = &plan.stages[stage.index()].probes;
                for (probe, taken) in probes.iter().zip(&mut self.occupied[stage.index()]) {
                    probe.vacate(std::mem::take(taken));
                }
            }
            What::Panic(..) | What::Stall(..) | What::Dead(_) => {}
        }
        note(Happening::Recovered, over, workers);
    }

    /// Takes the places that have become free in queues that are to be full.
    fn fill(&mut self, plan: &Plan) {
        for (planned, _) in &self.under_way {
            let What::Full(stage, _) = planned.what else { continue };
            let probes = &plan.stages[stage.index()].probes;
            for (probe, taken) in probes.iter().zip(&mut self.occupied[stage.index()]) {
                *taken += probe.occupy();
            }
        }
    }
}

/// In the trace of the worker that it befalls, or of the first.
fn note(what: Happening, trouble: Planned, workers: &mut [Simulated]) {
    let (worker, stage) = match trouble.what {
        What::Stall(worker, _) | What::Dead(worker) => (worker, None),
        What::Panic(stage, _) | What::Slow(stage, ..) | What::Full(stage, _) => (0, Some(stage)),
    };
    workers[worker].worker.befell(stage, what, trouble.number as u64, trouble.kind);
}

fn find(
    (number, begins, trouble): (usize, Begins, Trouble),
    plan: &Plan,
) -> Result<Planned, StartError> {
    let kind = trouble.kind();
    let what = match trouble {
        Trouble::Panic { stage, after } => What::Panic(stage_of(&stage, plan)?, after),
        Trouble::Slow { stage, by, lasts } => What::Slow(stage_of(&stage, plan)?, by, lasts),
        Trouble::Full { stage, lasts } => What::Full(stage_of(&stage, plan)?, lasts),
        Trouble::Stall { domain, worker, lasts } => {
            What::Stall(worker_of(&domain, worker, plan, None)?, lasts)
        }
        Trouble::Dead { domain, worker } => {
            What::Dead(worker_of(&domain, worker, plan, Some(Kind::Pool))?)
        }
    };
    Ok(Planned { number, begins, kind, what })
}

fn stage_of(name: &str, plan: &Plan) -> Result<StageId, StartError> {
    let found = plan.stages.iter().find(|stage| stage.spec.name == name);
    let names = || plan.stages.iter().map(|s| &*s.spec.name).collect::<Vec<_>>().join("`, `");
    found.map(|stage| stage.id).ok_or_else(|| {
        StartError::Trouble(format!("no stage is named `{name}`; there are `{}`", names()))
    })
}

fn worker_of(
    name: &str,
    worker: usize,
    plan: &Plan,
    kind: Option<Kind>,
) -> Result<usize, StartError> {
    let fits = |kind: Kind, wanted: Option<Kind>| wanted.is_none_or(|wanted| wanted == kind);
    let mut found = plan.domains.iter().filter(|domain| domain.name == name);
    let found = found.find(|d| worker < d.threads && fits(d.kind, kind));
    found.map(|domain| domain.first + worker).ok_or_else(|| {
        let all = plan.domains.iter().filter(|domain| fits(domain.kind, kind));
        let all: Vec<_> = all.map(|d| format!("{} workers in `{}`", d.threads, d.name)).collect();
        let all = all.join(", ");
        StartError::Trouble(format!("there is no worker {name}/{worker} for it; there are {all}"))
    })
}
