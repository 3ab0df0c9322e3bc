//! The plan: a checked net laid out over workers, shared by all threads that run it.

use crate::desk::Desk;
use crate::event::{StageId, WorkerId};
use crate::gone::Gone;
use crate::net::{
    BoxError, BuildReplica, Declared, EntryCounts, Kind, LETTERS, MachineFactory, Net,
    PolicyFactory, StageKind, ThreadStart, WireSpec, exit_order,
};
use crate::observe::Stats;
use crate::queue::{Probe, route};
use crate::run::{
    Bell, Breaker, Crew, Current, Directives, Mailbox, NEWS, OnStall, PolicySettings, Pool, Ring,
    Runnable, Seats, Seen, Stall, Stalled, StopError, Told,
};
use crate::settings::Changes;
use crate::stage::Window;
use crate::time::Clock;
use std::any::Any;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};

/// A net laid out over workers.
pub(crate) struct Plan {
    pub name: String,
    pub domains: Vec<PlannedDomain>,
    pub stages: Vec<PlannedStage>,
    pub wires: Vec<WireSpec>,
    /// One for each worker, over all domains.
    pub mailboxes: Vec<Arc<Mailbox>>,
    /// What each worker runs.
    pub currents: Vec<Arc<Current>>,
    pub stats: Stats,
    pub entries: Vec<Arc<EntryCounts>>,
    pub gone: Arc<Gone>,
    pub clock: Clock,
    pub draining: AtomicBool,
    pub stopping: AtomicBool,
    /// Whether all workers have started.
    pub started: AtomicBool,
    /// What stopped the net, if it was not who runs it.
    pub stopped: OnceLock<StopError>,
    /// Whether workers note all that happens.
    pub traced: bool,
    /// Who is told of stalls, if anybody wants to be.
    pub on_stall: Option<OnStall>,
    /// What was changed from outside.
    pub changes: Changes,
}

pub(crate) struct PlannedDomain {
    pub name: String,
    pub kind: Kind,
    /// Its workers are `first..first + threads`.
    pub first: usize,
    pub threads: usize,
    /// How many of them are on duty at least, as declared.
    pub least: usize,
    /// For a pool: what its threads share.
    pub pool: Arc<Pool>,
    /// For a pool whose size is not fixed.
    pub crew: Option<Arc<Crew>>,
    /// What each of its threads does first.
    pub starts: Vec<ThreadStart>,
    pub machine: MachineFactory,
    /// `None`: the exit first.
    pub policy: Option<PolicyFactory>,
    pub policy_settings: PolicySettings,
    /// Its stages, nearest to the exit first: the place is the number of the ready bit.
    pub stages: Vec<StageId>,
}

pub(crate) struct PlannedStage {
    pub id: StageId,
    pub spec: Declared,
    pub ports: &'static [&'static str],
    pub domain: usize,
    /// The place in its domain.
    pub cell: u8,
    /// `Vec<Arc<InletQueue<In>>>`.
    pub queues: Box<dyn Any + Send + Sync>,
    pub probes: Vec<Arc<dyn Probe>>,
    /// Whether one of its handlers slept and was named.
    pub slept: AtomicBool,
    /// One a queue.
    pub breakers: Vec<Arc<Breaker>>,
    pub directives: Arc<Directives>,
    pub kind: StageKind,
    build: BuildReplica,
}

impl Plan {
    pub fn new(net: Net, clock: Clock, traced: bool) -> Arc<Self> {
        let Net { name, domains, stages, wires, entries, on_stall, sealed: _ } = net;
        // Letters are no part of the way.
        let parts = wires.iter().filter(|w| w.from.1 < stages[w.from.0.index()].ports.len());
        let edges: Vec<_> = parts.map(|w| (w.from.0.index(), w.to.index())).collect();
        let order = exit_order(stages.len(), &edges);
        let mut first = 0;
        let domains: Vec<_> = domains
            .into_iter()
            .enumerate()
            .map(|(n, domain)| {
                let stages = order
                    .iter()
                    .filter(|&&s| stages[s].domain.is_some_and(|d| d.0 == n))
                    .map(|&s| StageId(s as u16))
                    .collect();
                first += domain.threads;
                let crew = domain.least < domain.threads;
                PlannedDomain {
                    name: domain.name,
                    kind: domain.kind,
                    first: first - domain.threads,
                    threads: domain.threads,
                    least: domain.least,
                    pool: Arc::new(Pool::new(domain.least, domain.policy.is_some())),
                    crew: crew.then(|| Arc::new(Crew::new(domain.least..=domain.threads))),
                    starts: domain.starts,
                    machine: domain.machine,
                    policy: domain.policy,
                    policy_settings: PolicySettings::default(),
                    stages,
                }
            })
            .collect();
        let stages: Vec<_> = stages
            .into_iter()
            .enumerate()
            .map(|(n, stage)| PlannedStage::new(StageId(n as u16), stage, &domains))
            .collect();
        let stats = Stats::new(first, stages.len(), wires.len());
        let plan = Arc::new(Self {
            name,
            domains,
            stages,
            wires,
            mailboxes: (0..first).map(|_| Arc::default()).collect(),
            currents: (0..first).map(|_| Arc::default()).collect(),
            stats,
            entries: entries.iter().map(|entry| entry.counts()).collect(),
            gone: Arc::new(Gone::new(first)),
            clock,
            draining: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            started: AtomicBool::new(false),
            stopped: OnceLock::new(),
            traced,
            on_stall,
            changes: Changes::default(),
        });
        for entry in &entries {
            entry.open(&plan);
        }
        plan.listen();
        plan
    }

    /// Has the queues beyond the ports of stages that hear of pressure tell these of it.
    fn listen(&self) {
        for wire in &self.wires {
            let from = &self.stages[wire.from.0.index()];
            if !from.spec.hears_pressure || wire.from.1 == from.ports.len() {
                continue;
            }
            let to = &self.stages[wire.to.index()];
            let (from, first) = (&self.domains[from.domain], self.domains[to.domain].first);
            for worker in from.first..from.first + from.threads {
                let queue = route(to.probes.len(), first, WorkerId(worker as u16));
                to.probes[queue].listen(&self.mailboxes[worker]);
            }
        }
    }

    pub fn workers(&self) -> usize {
        self.mailboxes.len()
    }

    /// The domain of a worker.
    pub fn domain_of(&self, worker: WorkerId) -> &PlannedDomain {
        let holds = |d: &&PlannedDomain| worker.index() < d.first + d.threads;
        self.domains.iter().find(holds).expect("workers are counted over all domains")
    }

    /// What the threads of a domain have seen of its stages.
    pub fn seen(&self, domain: &PlannedDomain) -> Seen {
        let mut seen = Seen::default();
        for &id in &domain.stages {
            let stage = &self.stages[id.index()];
            let stands = stage.probes.iter().any(|probe| probe.stands());
            // What waits at a paused stage waits for no thread.
            seen.stands |= stands && !stage.directives.pause().0;
            for stats in self.stats.of_stage(id) {
                seen.served += stats.served.get();
                seen.busy += stats.busy.get();
            }
        }
        seen
    }

    /// The stage with this name.
    pub fn stage(&self, name: &str) -> Option<&PlannedStage> {
        self.stages.iter().find(|stage| stage.spec.name == name)
    }

    /// The wire from a port; not those that get copies.
    pub fn wire_from(&self, port: (StageId, usize)) -> Option<usize> {
        self.wires.iter().position(|wire| wire.from == port && wire.copy_of.is_none())
    }

    /// Bits of those of a domain's `stages` that are not among `gates`, and from which flows come
    /// to one that is; not by answers.
    pub fn leading_to(&self, stages: &[StageId], gates: u64) -> u64 {
        let mut leads = vec![false; self.stages.len()];
        let is_gate = |cell: usize| gates & 1 << cell != 0;
        for (cell, stage) in stages.iter().enumerate() {
            leads[stage.index()] = is_gate(cell);
        }
        // As often as there are stages is enough for the longest way.
        for _ in 0..self.stages.len() {
            for wire in self.wires.iter().filter(|wire| wire.returns.is_none()) {
                leads[wire.from.0.index()] |= leads[wire.to.index()];
            }
        }
        let cells = stages.iter().enumerate();
        let leading = cells.filter(|(cell, stage)| leads[stage.index()] && !is_gate(*cell));
        leading.fold(0, |bits, (cell, _)| bits | 1 << cell)
    }

    /// The bell of the `n`th queue of a stage, for other threads.
    pub fn remote_bell(&self, stage: StageId, n: usize) -> Bell {
        let stage = &self.stages[stage.index()];
        let domain = &self.domains[stage.domain];
        let bit = 1 << stage.cell;
        match domain.kind {
            Kind::Pinned => Bell::Worker(Arc::clone(&self.mailboxes[domain.first + n]), bit),
            Kind::Pool => Bell::Pool(Arc::clone(&domain.pool), bit),
        }
    }

    /// Has all workers look whether the net has started, drains or stops.
    pub fn tell_all(&self) {
        for mailbox in &self.mailboxes {
            mailbox.notify(NEWS);
        }
    }

    /// Tells of a stall. A handler that slept is said on stderr where nobody wants to be told: this
    /// is seen in debug builds alone, by who can mend it.
    pub fn tell(&self, stall: &Stall) {
        match &self.on_stall {
            Some(tell) => tell(stall),
            None if stall.what == Stalled::Slept => eprintln!("{}: {stall}", self.name),
            None => {}
        }
    }

    /// All workers have started.
    pub fn start(&self) {
        self.started.store(true, SeqCst);
        self.tell_all();
    }

    /// Stops the net for something that nobody asked for.
    pub fn fail(&self, error: StopError) {
        // What comes later comes of that.
        let _ = self.stopped.set(error);
        self.stop();
    }

    /// Tells the replicas of a stage something, and has each of them hear it.
    pub fn direct<R>(&self, stage: StageId, tell: impl FnOnce(&mut Told) -> R) -> R {
        let planned = &self.stages[stage.index()];
        let done = planned.directives.tell(tell);
        let domain = &self.domains[planned.domain];
        for mailbox in &self.mailboxes[domain.first..domain.first + domain.threads] {
            mailbox.notify(1 << planned.cell);
        }
        done
    }

    pub fn drain(&self) {
        self.draining.store(true, SeqCst);
        // What waits at a paused stage has to end.
        for stage in self.stages.iter().filter(|stage| stage.directives.pause().0) {
            self.direct(stage.id, |told| (told.paused, told.steps) = (false, 0));
        }
        self.tell_all();
    }

    /// Whether no new work is taken.
    pub fn is_closing(&self) -> bool {
        self.draining.load(SeqCst) || self.stopping.load(SeqCst)
    }

    pub fn stop(&self) {
        self.stopping.store(true, SeqCst);
        self.tell_all();
    }
}

impl PlannedDomain {
    /// What a thread does first, by its number in the domain.
    pub fn begin(&self, thread: usize) -> Result<(), BoxError> {
        self.starts.iter().try_for_each(|start| start(thread))
    }

    /// How many of its threads take events now.
    pub fn on_duty(&self) -> usize {
        match self.kind {
            Kind::Pinned => self.threads,
            Kind::Pool => self.pool.on_duty(),
        }
    }

    /// The fewest and the most of its threads that are on duty, as set.
    pub fn range(&self) -> (usize, usize) {
        match &self.crew {
            Some(crew) => crew.range(),
            None => (self.on_duty(), self.on_duty()),
        }
    }

    /// Sets how many threads of a pool are on duty at least and at most.
    pub fn set_range(&self, (least, most): (usize, usize)) {
        let threads = match &self.crew {
            Some(crew) => crew.set_range(least..=most),
            None => most,
        };
        self.pool.set_on_duty(threads);
    }
}

impl PlannedStage {
    fn new(id: StageId, stage: crate::net::StageSpec, domains: &[PlannedDomain]) -> Self {
        let number = stage.domain.expect("check() found every stage a domain").0;
        let domain = &domains[number];
        let (queues, replicas) = match domain.kind {
            Kind::Pinned => (domain.threads, 1),
            Kind::Pool => (1, domain.threads),
        };
        let breaker = |_| Arc::new(Breaker::new(stage.supervision));
        let breakers = (0..queues).map(breaker).collect();
        let queues = stage.queues.make(queues, replicas, &stage.declared);
        let cell = domain.stages.iter().position(|&s| s == id).expect("a stage of this domain");
        Self {
            id,
            spec: stage.declared,
            ports: stage.ports,
            domain: number,
            cell: u8::try_from(cell).expect("check() bounds the stages of a domain"),
            queues: queues.typed,
            probes: queues.probes,
            slept: AtomicBool::new(false),
            breakers,
            directives: Arc::default(),
            kind: stage.kind,
            build: stage.build,
        }
    }

    /// The name of a port; the one after the last is that for letters.
    pub fn port(&self, port: usize) -> &'static str {
        self.ports.get(port).copied().unwrap_or(LETTERS)
    }

    pub fn build(&self, build: &Build<'_>) -> Box<dyn Runnable> {
        (self.build)(build)
    }
}

/// What a replica is made from, on its worker's thread.
pub(crate) struct Build<'a> {
    pub plan: &'a Arc<Plan>,
    pub worker: WorkerId,
    pub spec: &'a PlannedStage,
    pub desk: &'a Rc<Desk>,
    pub ready: &'a Rc<Cell<u64>>,
    pub mailbox: &'a Arc<Mailbox>,
    pub bit: u64,
    pub windows: Vec<Option<Window>>,
    pub seats: &'a Seats,
}

impl<'a> Build<'a> {
    pub fn new(
        plan: &'a Arc<Plan>,
        stage: StageId,
        desk: &'a Rc<Desk>,
        ready: &'a Rc<Cell<u64>>,
        seats: &'a Seats,
    ) -> Self {
        let (worker, spec) = (desk.worker, &plan.stages[stage.index()]);
        let windows = (0..spec.ports.len()).map(|port| {
            let places = plan.wires[plan.wire_from((stage, port))?].window?;
            Some(Window::new(port, places, stage, worker))
        });
        Self {
            plan,
            worker,
            spec,
            desk,
            ready,
            mailbox: &plan.mailboxes[worker.index()],
            bit: 1 << spec.cell,
            windows: windows.collect(),
            seats,
        }
    }

    /// Whether a wire that is fused leads to the stage; and whether one leads from it.
    pub fn fused(&self) -> (bool, bool) {
        let fused = || self.plan.wires.iter().filter(|wire| wire.fused);
        let id = self.spec.id;
        (fused().any(|wire| wire.to == id), fused().any(|wire| wire.from.0 == id))
    }

    pub fn window(&self, port: usize) -> Option<Window> {
        // The port for letters, which is none of these, has none.
        self.windows.get(port)?.clone()
    }

    /// The most events that this replica's answers and returns can be at once.
    pub fn places(&self) -> usize {
        let windows = self.windows.iter().flatten().map(Window::room).sum::<usize>();
        windows.saturating_add(self.spec.spec.flows)
    }

    /// The bell of the `n`th queue of `stage`, as this replica rings it.
    pub fn bell(&self, stage: StageId, n: usize) -> Ring {
        let to = &self.plan.stages[stage.index()];
        let domain = &self.plan.domains[to.domain];
        if domain.kind == Kind::Pinned && domain.first + n == self.worker.index() {
            return Ring::Here(Rc::clone(self.ready), 1 << to.cell);
        }
        Ring::There(self.plan.remote_bell(stage, n))
    }
}
