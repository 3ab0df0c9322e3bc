//! The state of a simulated network: machines, listeners, ends, and what is planned.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};

use sluicegate::Time;
use sluicegate::sim::Random;

use crate::addr::{Addr, Peer};
use crate::backend::Ready;
use crate::sim::SimOptions;
use crate::sim::end::{End, Phase};
use crate::sim::happen::Action;

pub(crate) struct World {
    pub now: Time,
    pub(super) options: SimOptions,
    pub(super) random: Random,
    /// What happens, by time and then by the order in which it was planned.
    agenda: BTreeMap<(Time, u64), Action>,
    planned: u64,
    pub(super) ends: Vec<End>,
    pub(super) listeners: Vec<Listen>,
    pub(super) hosts: Vec<Host>,
}

pub(super) struct Listen {
    pub addr: Addr,
    /// The machine that accepts, once it has taken the listener over.
    pub owner: Option<(usize, u64)>,
    pub backlog: VecDeque<u32>,
    pub open: bool,
    /// Never answers.
    pub silent: bool,
}

#[derive(Default)]
pub(super) struct Host {
    pub news: Vec<Ready>,
    pub open: usize,
    pub limit: Option<usize>,
}

impl World {
    pub fn new(seed: u64, options: SimOptions) -> Self {
        Self {
            now: Time(0),
            options,
            random: Random::new(seed),
            agenda: BTreeMap::new(),
            planned: 0,
            ends: Vec::new(),
            listeners: Vec::new(),
            hosts: Vec::new(),
        }
    }

    pub fn add_host(&mut self) -> usize {
        self.hosts.push(Host::default());
        self.hosts.len() - 1
    }

    pub fn limit(&mut self, host: usize, limit: Option<usize>) {
        if let Some(host) = self.hosts.get_mut(host) {
            host.limit = limit;
        }
    }

    /// Lets everything happen until `now`.
    pub fn advance(&mut self, now: Time) {
        while let Some(entry) = self.agenda.first_entry()
            && entry.key().0 <= now
        {
            let ((at, _), action) = entry.remove_entry();
            self.now = self.now.max(at);
            self.happen(action);
        }
        self.now = self.now.max(now);
    }

    /// When something is to be told to `host`, or happens next.
    pub fn due(&self, host: usize) -> Option<Time> {
        if !self.hosts[host].news.is_empty() {
            return Some(self.now);
        }
        self.agenda.first_key_value().map(|((at, _), _)| *at)
    }

    pub fn take_news(&mut self, host: usize, into: &mut Vec<Ready>) {
        into.append(&mut self.hosts[host].news);
    }

    pub fn listen(&mut self, addr: &Addr) -> u32 {
        let (owner, backlog) = (None, VecDeque::new());
        self.listeners.push(Listen {
            addr: addr.clone(),
            owner,
            backlog,
            open: true,
            silent: false,
        });
        (self.listeners.len() - 1) as u32
    }

    pub fn listen_silently(&mut self, addr: &Addr) {
        let listener = self.listen(addr);
        self.listeners[listener as usize].silent = true;
    }

    pub fn own_listener(&mut self, listener: u32, host: usize, key: u64) {
        let listen = &mut self.listeners[listener as usize];
        listen.owner = Some((host, key));
        if !listen.backlog.is_empty() {
            self.hosts[host].news.push(Ready { key, read: true, ..Ready::default() });
        }
    }

    pub fn unlisten(&mut self, listener: u32) {
        let listen = &mut self.listeners[listener as usize];
        listen.open = false;
        for end in std::mem::take(&mut listen.backlog) {
            self.reset(end);
        }
    }

    /// Whether `host` may not open another socket.
    pub fn is_exhausted(&self, host: usize) -> bool {
        self.hosts[host].limit.is_some_and(|limit| self.hosts[host].open >= limit)
    }

    pub fn accept(&mut self, listener: u32, host: usize) -> Option<u32> {
        let end = self.listeners[listener as usize].backlog.pop_front()?;
        self.ends[end as usize].host = Some(host);
        self.hosts[host].open += 1;
        Some(end)
    }

    pub fn has_waiting(&self, listener: u32) -> bool {
        !self.listeners[listener as usize].backlog.is_empty()
    }

    /// Refuses who waits longest.
    pub fn shed(&mut self, listener: u32) -> bool {
        let end = self.listeners[listener as usize].backlog.pop_front();
        end.map(|end| self.reset(end)).is_some()
    }

    /// A new end that asks for a connection to `addr`, and is known there by `from`.
    pub fn connect(&mut self, addr: &Addr, from: Option<IpAddr>, host: Option<usize>) -> u32 {
        let who = match addr {
            Addr::Tcp(addr) => Peer::tcp(*addr),
            Addr::Unix(_) => Peer::UNIX,
        };
        let known_by = from.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let from = self.add_end(End::new(host, who, Phase::Connecting, self.now));
        if let Some(host) = host {
            self.hosts[host].open += 1;
        }
        let at = self.arrival(from);
        self.plan(at, Action::Ask { from, known_by, addr: addr.clone() });
        from
    }

    pub fn attach(&mut self, end: u32, key: u64) {
        let found = &mut self.ends[end as usize];
        found.key = Some(key);
        let ready = Ready {
            key,
            read: !found.inbox.is_empty(),
            write: found.phase == Phase::Open,
            finished: found.finished_in,
            sent: 0,
            dead: !matches!(found.phase, Phase::Open | Phase::Connecting),
        };
        self.tell(end, ready);
    }

    pub fn end(&self, end: u32) -> &End {
        &self.ends[end as usize]
    }

    pub fn vanish(&mut self, end: u32) {
        self.ends[end as usize].vanished = true;
    }

    pub(super) fn tell(&mut self, end: u32, ready: Ready) {
        let end = &self.ends[end as usize];
        if let (Some(host), Some(key)) = (end.host, end.key) {
            self.hosts[host].news.push(Ready { key, ..ready });
        }
    }

    pub(super) fn add_end(&mut self, end: End) -> u32 {
        self.ends.push(end);
        (self.ends.len() - 1) as u32
    }

    pub(super) fn plan(&mut self, at: Time, action: Action) {
        self.planned += 1;
        self.agenda.insert((at, self.planned), action);
    }

    /// When something sent now reaches `to`: after all that was sent there before.
    pub(super) fn arrival(&mut self, to: u32) -> Time {
        let (shortest, longest) = self.options.latency;
        let spread = longest.saturating_sub(shortest).as_nanos() as u64;
        let jitter = self.random.next_u64() % (spread + 1);
        let end = &mut self.ends[to as usize];
        end.latest = end.latest.max(Time((self.now + shortest).0 + jitter));
        end.latest
    }
}
