//! What is waited for: each piece once, whoever waits for it; first those that are read, then, in
//! their order, those for which there is no room yet.
use super::fetch::{Fetch, Key};
use sluicegate::{Tag, Time, WorkerId};
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// Who waits.
#[derive(Debug)]
pub struct Waiter {
    /// The tag of the question.
    pub tag: Tag,
    /// The question.
    pub fetch: Fetch,
    /// Who asked it.
    pub asker: Asker,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// A cache: it keeps what it gets.
    Cache,
    /// A streamed reply: it does not.
    Stream,
}

/// Something that is waited for.
#[derive(Debug)]
pub struct Miss {
    /// What is to be read.
    pub fetch: Fetch,
    /// Since when.
    pub since: Time,
    /// Since when it is read.
    pub begun: Time,
    /// Who waits for it; nobody where it is read ahead, or when it has taken too long.
    pub waiters: Vec<Waiter>,
    /// A second tag of who asked first, which goes with the read; gone where that is under way.
    pub tag: Option<Tag>,
    /// Whether the device has taken too long for it.
    pub late: bool,
}

impl Miss {
    /// Something that is waited for from now on.
    pub fn new(fetch: Fetch, now: Time, waiters: Vec<Waiter>, tag: Tag) -> Miss {
        Miss { fetch, since: now, begun: now, waiters, tag: Some(tag), late: false }
    }
}

/// All of them.
#[derive(Debug, Default)]
pub struct Misses {
    all: HashMap<Key, Miss>,
    /// Those that are not read yet.
    line: VecDeque<Key>,
    reads: HashMap<u64, Reading>,
    next: u64,
}

/// A read that the device has not answered.
#[derive(Debug)]
struct Reading {
    key: Key,
    /// By which its question is known if it dies.
    flow: (u64, WorkerId),
    /// Whether it is of no flow: nobody is told if it is lost.
    is_note: bool,
    pages: usize,
}

impl Misses {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// How many are being read.
    pub fn reading(&self) -> usize {
        self.reads.len()
    }

    /// Pages that are being read into.
    pub fn pages(&self) -> usize {
        self.reads.values().map(|read| read.pages).sum()
    }

    /// What all that is waited for takes: pages, and bytes of what is known of objects.
    pub fn wants(&self) -> (usize, u64) {
        let all = self.all.values().map(|miss| (miss.fetch.pages(), miss.fetch.charge()));
        all.fold((0, 0), |sum, each| (sum.0 + each.0, sum.1 + each.1))
    }

    /// What is waited for there.
    pub fn get_mut(&mut self, key: Key) -> Option<&mut Miss> {
        self.all.get_mut(&key)
    }

    /// Whether something is waited for there.
    pub fn has(&self, key: Key) -> bool {
        self.all.contains_key(&key)
    }

    /// Waits for something that nobody waits for yet.
    pub fn add(&mut self, key: Key, miss: Miss) {
        self.all.insert(key, miss);
        self.line.push_back(key);
    }

    /// What is to be read next.
    pub fn head(&mut self) -> Option<&mut Miss> {
        // Who was given up has left the line to be found empty.
        while let Some(key) = self.line.front() {
            if self.all.get(key).is_some_and(|miss| miss.tag.is_some()) {
                break;
            }
            self.line.pop_front();
        }
        self.all.get_mut(self.line.front()?)
    }

    /// Begins to read the head into so many pages: its tag, and the number of the read.
    pub fn begin(&mut self, pages: usize, now: Time) -> Option<(Tag, u64)> {
        let key = self.line.pop_front()?;
        let miss = self.all.get_mut(&key)?;
        let tag = miss.tag.take()?;
        miss.begun = now;
        let number = self.next;
        self.next += 1;
        let (flow, is_note) = ((tag.flow(), tag.home()), !tag.is_flow());
        self.reads.insert(number, Reading { key, flow, is_note, pages });
        Some((tag, number))
    }

    /// A read has ended: what it was for.
    pub fn end(&mut self, number: u64) -> Option<Miss> {
        let read = self.reads.remove(&number)?;
        self.all.remove(&read.key)
    }

    /// A read has died whose question had this tag: what it was for. Of several of one flow all are
    /// given up, as nobody can tell which it was; what comes of the others is not taken.
    pub fn died(&mut self, tag: &Tag) -> Vec<Miss> {
        let flow = (tag.flow(), tag.home());
        let numbers = self.reads.iter().filter(|(_, read)| read.flow == flow);
        let numbers: Vec<u64> = numbers.map(|(number, _)| *number).collect();
        numbers.into_iter().filter_map(|number| self.end(number)).collect()
    }

    /// Gives up what is to be read next.
    pub fn give_up_head(&mut self) {
        let miss = self.line.pop_front().and_then(|key| self.all.remove(&key));
        if let Some(tag) = miss.and_then(|miss| miss.tag) {
            tag.finish();
        }
    }

    /// Takes out who has waited for `patience` or longer. What is being read stays, as late.
    pub fn take_late(&mut self, now: Time, patience: Duration) -> Vec<Waiter> {
        let mut waiters = Vec::new();
        self.all.retain(|_, miss| {
            if now.since(miss.since) < patience {
                return true;
            }
            waiters.append(&mut miss.waiters);
            miss.late = true;
            match miss.tag.take() {
                Some(tag) => {
                    tag.finish();
                    false
                }
                None => true,
            }
        });
        let all = &mut self.all;
        self.reads.retain(|_, read| {
            let lost = read.is_note && all.get(&read.key).is_none_or(|miss| miss.late);
            if lost {
                all.remove(&read.key);
            }
            !lost
        });
        waiters
    }
}
