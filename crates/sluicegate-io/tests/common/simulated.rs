//! The simulated world: one thread, virtual time, chances from a seed.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use sluicegate::{Ledger, Net, Sim};
use sluicegate_io::sim::{SimNet, SimOptions, SimPeer};
use sluicegate_io::{Addr, Addresses, ConnCounts, ConnLedger, Io};

use crate::common::{Rest, Setup, World, bounded, service};

/// Runs of each behaviour.
pub const SEEDS: u64 = 20;
/// Batches that any wait may take.
const STEPS: usize = 2_000_000;
/// Virtual time that passes between two looks at what is waited for.
const LOOK: Duration = Duration::from_micros(50);
/// After so much virtual time a test has failed.
const LOST: Duration = Duration::from_secs(120);

thread_local! {
    static SEED: Cell<u64> = const { Cell::new(0) };
}

/// Runs `f`, in which all worlds are made with `seed`.
pub fn with_seed(seed: u64, f: impl FnOnce()) {
    SEED.set(seed);
    f();
}

pub struct Simulated {
    pub network: SimNet,
    pub addr: Addr,
    ledgers: Vec<Arc<ConnLedger>>,
    waiting: Option<Net>,
    pub sim: Option<Sim>,
    workers: usize,
}

impl World for Simulated {
    type Client = SimPeer;

    fn new(setup: Setup) -> Self {
        let network = SimNet::new(SEED.get(), SimOptions::default());
        let addr: Addr = if setup.unix { "unix:/service" } else { "10.0.0.1:80" }.parse().unwrap();
        let listeners = network.listen(&[(addr.clone(), 0)], setup.workers);
        let ledgers: Vec<_> = (0..setup.workers).map(|_| ConnLedger::new()).collect();
        let addresses = setup.per_address.map(Addresses::new);
        let (settings, for_workers) = (setup.settings.clone(), ledgers.clone());
        let backends = network.clone();
        let machine = move |worker: usize| {
            let ledger = Arc::clone(&for_workers[worker]);
            Ok(bounded(Io::new(backends.backend(), settings.clone(), ledger), &addresses))
        };
        let net = service::net(listeners, setup.workers, setup.when_full, machine);
        let workers = setup.workers;
        let mut world = Self { network, addr, ledgers, waiting: Some(net), sim: None, workers };
        if !setup.late {
            world.start();
        }
        world
    }

    fn start(&mut self) {
        self.sim = Some(Sim::new(self.waiting.take().unwrap(), SEED.get()).unwrap());
    }

    fn arrive(&mut self) {
        self.network.pass(Duration::from_millis(1));
    }

    fn connect(&mut self) -> SimPeer {
        self.network.connect(&self.addr)
    }

    fn send(&mut self, client: &mut SimPeer, bytes: &[u8]) {
        let mut sent = 0;
        self.wait("room to send", |_| {
            sent += client.send(&bytes[sent..]);
            assert_eq!(client.ended(), None, "the client cannot send");
            sent == bytes.len()
        });
    }

    fn take(&mut self, client: &mut SimPeer, n: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.wait("bytes", |_| {
            bytes.extend(client.recv_at_most(n - bytes.len()));
            assert!(client.ended().is_none() || bytes.len() == n, "{:?}", client.ended());
            bytes.len() == n
        });
        bytes
    }

    fn rest(&mut self, client: &mut SimPeer) -> Rest {
        let mut bytes = Vec::new();
        self.wait("the end", |_| {
            bytes.extend(client.recv());
            client.ended().is_some()
        });
        Rest { bytes, how: client.ended().unwrap() }
    }

    fn finish(&mut self, client: &mut SimPeer) {
        client.finish();
    }

    fn reset(&mut self, client: SimPeer) {
        client.reset();
    }

    fn address(&mut self, client: &SimPeer) -> String {
        self.wait("an answer", |_| client.addr().is_some());
        client.addr().unwrap().to_string()
    }

    fn until(&mut self, wanted: impl Fn(&ConnCounts) -> bool) {
        self.wait("counts", |world| wanted(&world.counts()));
    }

    fn exhaust(&mut self, open: usize) {
        for host in 0..self.workers {
            self.network.limit_descriptors(host, Some(open));
        }
    }

    fn recover(&mut self) {
        for host in 0..self.workers {
            self.network.limit_descriptors(host, None);
        }
    }

    fn stop(&mut self) -> (Ledger, ConnCounts) {
        self.sim.as_mut().unwrap().drain();
        self.wait("the drain", |world| {
            world.counts().open == 0 && world.sim.as_ref().unwrap().next().is_none()
        });
        let ledger = self.sim.as_mut().unwrap().ledger();
        (ledger, self.counts())
    }
}

impl Simulated {
    pub fn counts(&self) -> ConnCounts {
        let mut all = ConnCounts::default();
        for ledger in &self.ledgers {
            all += ledger.count();
        }
        all
    }

    /// Lets virtual time pass until `done`.
    pub fn wait(&mut self, what: &str, mut done: impl FnMut(&Self) -> bool) {
        let mut waited = Duration::ZERO;
        while !done(self) {
            assert!(waited < LOST, "{what} never came: {:?}", self.counts());
            waited += LOOK;
            let Some(sim) = &mut self.sim else {
                self.network.pass(LOOK);
                continue;
            };
            // Rests are skipped in one step.
            let span = sim.next().map_or(LOOK, |next| (next - sim.now()).max(LOOK));
            assert!(sim.run_for(span, STEPS), "the workers never sleep");
            sim.assert_even();
            waited += span;
        }
    }
}
