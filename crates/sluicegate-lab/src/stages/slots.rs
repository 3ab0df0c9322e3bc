//! The places of all connections: which is free, who has it, and who waits for one.

use std::collections::VecDeque;
use std::net::IpAddr;

use sluicegate::Time;
use sluicegate_io::ConnId;

use crate::plan::{Load, Pick, Population};

/// A place for a connection: one client.
pub(super) struct Slot {
    pub population: u16,
    pub link: Link,
    /// The request that has it.
    pub request: Option<u64>,
    /// When the request that is being written could be sent.
    pub ready: Option<Time>,
    /// The client's address.
    pub from: Option<IpAddr>,
    /// Good answers.
    pub good: u64,
}

/// The connection of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    Closed,
    Opening,
    Open(ConnId),
}

/// The places of one population.
struct Group {
    /// Its first place among all.
    first: u32,
    /// Whether each place belongs to a user.
    closed: bool,
    pick: Pick,
    free: VecDeque<u32>,
    /// Attempts that wait for a place, by request and number of the try.
    waiting: VecDeque<(u64, u32)>,
}

pub(super) struct Slots {
    all: Vec<Slot>,
    groups: Vec<Group>,
}

impl Slots {
    pub fn new(populations: &[Population]) -> Self {
        let (mut all, mut groups) = (Vec::new(), Vec::new());
        for (n, population) in (0..).zip(populations) {
            let first = all.len() as u32;
            all.extend((0..population.clients()).map(|client| Slot {
                population: n,
                link: Link::Closed,
                request: None,
                ready: None,
                from: population.address(client),
                good: 0,
            }));
            let closed = matches!(population.load, Load::Closed { .. });
            let free = if closed { VecDeque::new() } else { (first..all.len() as u32).collect() };
            let pick = population.connections.pick;
            groups.push(Group { first, closed, pick, free, waiting: VecDeque::new() });
        }
        Self { all, groups }
    }

    pub fn get(&mut self, slot: u32) -> &mut Slot {
        &mut self.all[slot as usize]
    }

    /// A free place for a request, which now has it.
    pub fn take(&mut self, population: u16, user: u32, request: u64) -> Option<u32> {
        let group = &mut self.groups[usize::from(population)];
        let slot = if group.closed { group.first + user } else { group.free.pop_front()? };
        self.get(slot).request = Some(request);
        Some(slot)
    }

    /// Has an attempt wait for a place.
    pub fn wait(&mut self, population: u16, request: u64, tries: u32) {
        self.groups[usize::from(population)].waiting.push_back((request, tries));
    }

    /// Takes a place from its request; it goes to the first that waits and of which `is_there`
    /// says that it still does, or is free.
    pub fn release(
        &mut self,
        slot: u32,
        mut is_there: impl FnMut(u64, u32) -> bool,
    ) -> Option<u64> {
        let population = self.get(slot).population;
        self.get(slot).request = None;
        let group = &mut self.groups[usize::from(population)];
        if group.closed {
            return None;
        }
        while let Some((request, tries)) = group.waiting.pop_front() {
            if is_there(request, tries) {
                self.get(slot).request = Some(request);
                return Some(request);
            }
        }
        match group.pick {
            Pick::Rotate => group.free.push_back(slot),
            Pick::Reuse => group.free.push_front(slot),
        }
        None
    }

    /// The places of a population.
    pub fn of(&self, population: usize) -> impl Iterator<Item = &Slot> {
        self.all.iter().filter(move |slot| usize::from(slot.population) == population)
    }
}
