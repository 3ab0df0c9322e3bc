//! The plan: a checked net laid out over workers, shared by all threads that run it.

use crate::desk::Desk;
use crate::event::{StageId, WorkerId};
use crate::gone::Gone;
use crate::net::{
    BoxError, BuildReplica, Declared, EntryCounts, Kind, LETTERS, MachineFactory, Net,
    PolicyFactory, Routing, StageKind, ThreadStart, WireSpec, Wiring, exit_order, is_made_by,
};
use crate::observe::{Stats, Traces};
use crate::part::Parts;
use crate::queue::{Probe, route};
use crate::run::{
    Bell, Breaker, Crew, Current, Directives, GROUP, Mailbox, Make, NEWS, OnStall, PolicySettings,
    Pool, READY_BITS, Ring, Runnable, Seats, Seen, Stall, Stalled, StopError, Told,
};
use crate::settings::Changes;
use crate::stage::{Stage, Window};
use crate::time::Clock;
use std::any::Any;
use std::cell::Cell;
use std::ops::Range;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};

/// A net laid out over workers.
pub(crate) struct Plan {
    pub name: String,
    pub domains: Vec<PlannedDomain>,
    pub stages: Vec<PlannedStage>,
    pub wires: Vec<WireSpec>,
    wiring: Wiring,
    /// By stage: whether a wire that is fused leads to it; and whether one leads from it.
    fused: Vec<(bool, bool)>,
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
    /// Whether distributions are measured.
    pub measures: AtomicBool,
    /// What was changed from outside.
    pub changes: Changes,
    /// Single flows that are kept.
    pub traces: Arc<Traces>,
    /// The parts that are attached to its slots.
    pub parts: Parts,
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
    /// Whether its workers trace flows.
    pub traces: bool,
    /// `None`: the exit first.
    pub policy: Option<PolicyFactory>,
    pub policy_settings: PolicySettings,
    /// Its stages, nearest to the exit first: the place is the number of the ready bit, unless
    /// they are in groups.
    pub stages: Vec<StageId>,
    /// By worker: the mailboxes of its groups of replicas; none where there is a bit for each.
    groups: Vec<Vec<Arc<Mailbox>>>,
}

pub(crate) struct PlannedStage {
    pub id: StageId,
    pub spec: Declared,
    pub ports: &'static [&'static str],
    pub domain: usize,
    /// The place in its domain.
    pub cell: u16,
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
        let simulated = matches!(clock, Clock::Virtual(_));
        let Net { name, domains, stages, mut wires, entries, on_stall, .. } = net;
        let (measures, tracing) = (net.measures, net.tracing);
        wires.shrink_to_fit();
        // Letters are no part of the way.
        let parts = wires.iter().filter(|w| w.from.1 < stages[w.from.0.index()].ports.len());
        let edges: Vec<_> = parts.map(|w| (w.from.0.index(), w.to.index())).collect();
        let mut fused = vec![(false, false); stages.len()];
        for wire in wires.iter().filter(|wire| wire.fused) {
            fused[wire.from.0.index()].1 = true;
            fused[wire.to.index()].0 = true;
        }
        let order = exit_order(stages.len(), &edges);
        let mut first = 0;
        let mut mailboxes = Vec::new();
        let domains: Vec<_> = domains
            .into_iter()
            .enumerate()
            .map(|(n, domain)| {
                let stages: Vec<_> = order
                    .iter()
                    .filter(|&&s| stages[s].domain.is_some_and(|d| d.0 == n))
                    .map(|&s| StageId(s as u16))
                    .collect();
                first += domain.threads;
                mailboxes.resize_with(first, Arc::default);
                let own = &mailboxes[first - domain.threads..];
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
                    traces: domain.traces,
                    policy: domain.policy,
                    policy_settings: PolicySettings::default(),
                    groups: own.iter().map(|worker| groups(worker, stages.len())).collect(),
                    stages,
                }
            })
            .collect();
        let stages: Vec<_> = stages
            .into_iter()
            .enumerate()
            .map(|(n, stage)| PlannedStage::new(StageId(n as u16), stage, &domains))
            .collect();
        let workers: Vec<_> = stages.iter().map(|stage| domains[stage.domain].workers()).collect();
        let senders: Vec<_> =
            wires.iter().map(|wire| workers[wire.from.0.index()].clone()).collect();
        let stats = Stats::new(first, &workers, &senders);
        let plan = Arc::new(Self {
            name,
            domains,
            fused,
            wiring: Wiring::new(stages.iter().map(|stage| stage.ports.len()), &wires),
            stages,
            wires,
            mailboxes,
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
            measures: AtomicBool::new(measures),
            changes: Changes::default(),
            traces: Arc::new(Traces::new(first, tracing, simulated)),
            parts: Parts::default(),
        });
        for entry in &entries {
            entry.open(&plan);
        }
        plan.listen();
        plan
    }

    /// Has gauges tell the stages that hear of their levels, and the queues beyond the ports of
    /// stages that hear of pressure tell these of it.
    fn listen(&self) {
        for stage in &self.stages {
            for worker in self.domains[stage.domain].workers() {
                stage
                    .spec
                    .hears_levels
                    .iter()
                    .for_each(|gauge| gauge.listen(&self.mailboxes[worker]));
            }
        }
        for wire in &self.wires {
            let from = &self.stages[wire.from.0.index()];
            if !from.spec.hears_pressure || wire.from.1 == from.ports.len() {
                continue;
            }
            let to = &self.stages[wire.to.index()];
            let first = self.domains[to.domain].first;
            // Copies go the way of what they are copied from.
            let way = wire.copy_of.as_ref().map_or(wire, |of| &self.wires[of.wire]);
            for worker in self.domains[from.domain].workers() {
                let home = route(to.probes.len(), first, WorkerId(worker as u16));
                let leads = |&queue: &usize| way.routing != Routing::Home || queue == home;
                for queue in (0..to.probes.len()).filter(leads) {
                    to.probes[queue].listen(&self.mailboxes[worker]);
                }
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
        self.wiring.wire(port)
    }

    /// Bits of those of a domain's `stages` that are not among `gates`, and from which flows come
    /// to one that is; not by answers.
    pub fn leading_to(&self, stages: &[StageId], gates: u64) -> u64 {
        let mut leads = vec![false; self.stages.len()];
        let is_gate = |cell: usize| gates & 1 << cell != 0;
        for (cell, stage) in stages.iter().enumerate() {
            leads[stage.index()] = is_gate(cell);
        }
        let mut more = true;
        while std::mem::take(&mut more) {
            // Mostly from entry to exit: backwards most of a way is found at once.
            for wire in self.wires.iter().rev().filter(|wire| wire.returns.is_none()) {
                let from = wire.from.0.index();
                more |= leads[wire.to.index()] && !leads[from];
                leads[from] |= leads[wire.to.index()];
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
        match domain.kind {
            Kind::Pinned => {
                let (mailbox, bit) = self.address(stage, domain.first + n);
                Bell::Worker(Arc::clone(mailbox), bit)
            }
            Kind::Pool => Bell::Pool(Arc::clone(&domain.pool), 1 << stage.cell),
        }
    }

    /// The mailbox of a stage's replica on a worker, and its bit in there.
    fn address(&self, stage: &PlannedStage, worker: usize) -> (&Arc<Mailbox>, u64) {
        let domain = &self.domains[stage.domain];
        let (cell, member) = domain.seat(stage.cell);
        match domain.groups[worker - domain.first].get(cell) {
            Some(group) => (group, 1 << member),
            None => (&self.mailboxes[worker], 1 << cell),
        }
    }

    /// Where a stage's replica is in its worker: its place there, or that of its group and its own
    /// in the group.
    pub fn seat(&self, stage: StageId) -> (usize, usize) {
        let stage = &self.stages[stage.index()];
        self.domains[stage.domain].seat(stage.cell)
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
        for worker in self.domains[planned.domain].workers() {
            let (mailbox, bit) = self.address(planned, worker);
            mailbox.notify(bit);
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

    /// The place of the replica with this number, or that of its group and its own in the group.
    pub fn seat(&self, cell: u16) -> (usize, usize) {
        let cell = usize::from(cell);
        if self.stages.len() <= READY_BITS { (cell, 0) } else { (cell / GROUP, cell % GROUP) }
    }

    /// The mailboxes of the groups of a worker.
    pub fn groups_of(&self, worker: WorkerId) -> &[Arc<Mailbox>] {
        &self.groups[worker.index() - self.first]
    }

    /// The numbers of its workers.
    pub fn workers(&self) -> Range<usize> {
        self.first..self.first + self.threads
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
            cell: u16::try_from(cell).expect("check() bounds the stages of a domain"),
            queues: queues.typed,
            probes: queues.probes,
            slept: AtomicBool::new(false),
            breakers,
            directives: Arc::default(),
            kind: stage.kind,
            build: stage.build,
        }
    }

    /// Whether its replicas are made by this.
    pub fn is_made_by<S: Stage>(&self, make: &Make<S>) -> bool {
        is_made_by(&self.kind, make)
    }

    /// The name of a port; the one after the last is that for letters.
    pub fn port(&self, port: usize) -> &'static str {
        self.ports.get(port).copied().unwrap_or(LETTERS)
    }

    pub fn build(&self, build: &Build<'_>) -> Box<dyn Runnable> {
        (self.build)(build)
    }
}

/// The mailboxes of the groups of a worker with so many replicas: none if it has a bit for each.
fn groups(worker: &Arc<Mailbox>, replicas: usize) -> Vec<Arc<Mailbox>> {
    let groups = if replicas <= READY_BITS { 0 } else { replicas.div_ceil(GROUP) };
    (0..groups).map(|n| Arc::new(Mailbox::below(worker, 1 << n))).collect()
}

/// What a replica is made from, on its worker's thread.
pub(crate) struct Build<'a> {
    pub plan: &'a Arc<Plan>,
    pub worker: WorkerId,
    pub spec: &'a PlannedStage,
    pub desk: &'a Rc<Desk>,
    pub ready: &'a Rc<Cell<u64>>,
    /// The ready bits of each group, if there are any.
    groups: &'a [Rc<Cell<u64>>],
    pub mailbox: &'a Arc<Mailbox>,
    pub bit: u64,
    /// By port; none where no wire of the stage has one.
    pub windows: Vec<Option<Window>>,
    pub seats: &'a Seats,
}

impl<'a> Build<'a> {
    pub fn new(
        plan: &'a Arc<Plan>,
        stage: StageId,
        desk: &'a Rc<Desk>,
        (ready, groups): (&'a Rc<Cell<u64>>, &'a [Rc<Cell<u64>>]),
        seats: &'a Seats,
    ) -> Self {
        let (worker, spec) = (desk.worker, &plan.stages[stage.index()]);
        let (mailbox, bit) = plan.address(spec, worker.index());
        let windows = (0..spec.ports.len()).map(|port| {
            let wire = plan.wire_from((stage, port))?;
            let window = Window::new(port, plan.wires[wire].window?, stage, worker);
            Some(window.counted(plan.stats.wire(worker, wire)))
        });
        let windows: Vec<_> = windows.collect();
        let windows = if windows.iter().any(Option::is_some) { windows } else { Vec::new() };
        Self { plan, worker, spec, desk, ready, groups, mailbox, bit, windows, seats }
    }

    /// Whether a wire that is fused leads to the stage; and whether one leads from it.
    pub fn fused(&self) -> (bool, bool) {
        self.plan.fused[self.spec.id.index()]
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
            let (cell, member) = domain.seat(to.cell);
            let ready = Rc::clone(self.ready);
            return match self.groups.get(cell) {
                None => Ring::Here(ready, 1 << cell),
                Some(group) => Ring::Member((ready, 1 << cell), (Rc::clone(group), 1 << member)),
            };
        }
        Ring::There(self.plan.remote_bell(stage, n))
    }
}
