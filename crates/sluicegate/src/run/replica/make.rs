//! How a replica is made when its net starts, and its stage then and after each panic.

use super::{PRESSURE, Replica};
use crate::control::Level;
use crate::event::{Copies, MakeCopy, Work};
use crate::net::Kind;
use crate::observe::Happening;
use crate::queue::{Aside, InletQueue};
use crate::run::{Build, Context, Letters, Maker};
use crate::stage::{Binder, Flag, Hand, OutSpec, Ports, Stage, message};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What an event is taken to cost before any was handled, in nanoseconds.
const DEAR: u64 = 100_000;

impl<S: Stage> Replica<S> {
    pub fn new(maker: Arc<Maker<S>>, copy: Option<MakeCopy<S::In>>, build: &Build<'_>) -> Self {
        let spec = build.spec;
        let queues: &Vec<Arc<InletQueue<S::In>>> =
            spec.queues.downcast_ref().expect("the queues of a stage carry its input type");
        let kind = build.plan.domains[spec.domain].kind;
        let own = build.worker.index() - build.plan.domains[spec.domain].first;
        let shared = if own < queues.len() { own } else { 0 };
        let queue = Arc::clone(&queues[shared]);
        let gate_cell = match kind {
            Kind::Pinned => queue.cell(0),
            Kind::Pool => queue.cell(own),
        };
        let Build { plan, .. } = build;
        let mut link = |port| {
            let wire = plan.wire_from((spec.id, port))?;
            Some((plan.wires[wire].link)(build, wire))
        };
        let declared = &spec.spec;
        let batch = declared.batch_in(kind);
        let bound = batch.saturating_mul(declared.emits);
        let spare = build.places().saturating_mul(declared.emits);
        let spec_of_out = OutSpec { bound, spare, batch, home: build.worker, sealed: true };
        let out = S::Out::bind(&mut Binder { link: &mut link, spec: spec_of_out });
        let letters = link(spec.ports.len()).map(|link| {
            build.desk.set_lettered(spec.id);
            let link = link.downcast().expect("the port carries letters of the stage's input");
            Box::new(Letters::new(*link, &declared.name))
        });
        if declared.hears_finished {
            build.desk.hear_finished(spec.id);
        }
        let mut work = Work::new(declared.slice);
        work.copies = copy.filter(|_| letters.is_some()).map(Copies::new);
        // A queue that chooses has looked already, and counts what it dropped.
        work.drops_late = !declared.keeps_late && !queue.is_gated();
        work.windows.clone_from(&build.windows);
        let hand = Hand::new(queue.is_gated(), declared.keeps_late);
        Self {
            id: spec.id,
            stage: None,
            make: maker.get(),
            maker,
            queue,
            gate_cell,
            aside: Aside::default(),
            others: (kind == Kind::Pool).then(|| plan.remote_bell(spec.id, 0)),
            work,
            out,
            ended: VecDeque::new(),
            timers: VecDeque::new(),
            signals: 0,
            flag: Flag::new(build.mailbox, build.bit),
            hand,
            again: false,
            parked: false,
            fuses: build.fused().1,
            starved: false,
            held: 0,
            stats: plan.stats.stage(build.worker, spec.id),
            batch,
            emits: declared.emits,
            places: declared.flows,
            outbox: (bound, spare),
            cell: spec.cell,
            ports: spec.ports,
            // In the run of another its own time is not known.
            cost: if build.fused().0 { 0 } else { DEAR },
            breaker: Arc::clone(&spec.breakers[shared]),
            supervision: declared.supervision,
            trying: false,
            flag_panics: 0,
            panic: Arc::from(""),
            letters,
            started: false,
            hears_pressure: declared.hears_pressure,
            hears_finished: declared.hears_finished,
            tenth: 0,
            levels: declared
                .hears_levels
                .iter()
                .map(|gauge| (Arc::clone(gauge), Level::Calm))
                .collect(),
            directives: Arc::clone(&spec.directives),
            heard: 0,
            numbers: 0,
            replaced: 0,
            paused: false,
            own: Vec::new(),
        }
    }

    pub(super) fn make_stage(&mut self, cx: &mut Context<'_>) {
        let make = &self.make;
        match catch_unwind(AssertUnwindSafe(|| make())) {
            Ok(stage) => {
                self.stage = Some(stage);
                self.note(cx, Happening::Built, 0);
                self.begin_own(cx);
                self.start_stage(cx);
            }
            Err(panic) => {
                self.count_panics(1, message(&*panic), cx);
                self.count_lost(false, cx);
            }
        }
    }

    pub(super) fn start_stage(&mut self, cx: &mut Context<'_>) {
        self.tenth = 0;
        self.levels.iter_mut().for_each(|heard| heard.1 = Level::Calm);
        self.signals |= PRESSURE;
        self.call_aside(cx, |stage, _, cx| stage.start(cx));
        if self.started {
            self.call_aside(cx, |stage, _, cx| stage.started(cx));
        }
        if cx.draining {
            self.call_aside(cx, |stage, _, cx| stage.drain(cx));
        }
    }
}
