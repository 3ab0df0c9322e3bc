//! A request under way, and the bytes it is made of.

use bytes::Bytes;
use sluicegate::{Tag, Time, TimerKey};
use sluicegate_io::Addr;

use crate::plan::Population;
use crate::stages::Due;

/// Bits of a timer's token that number the waits of one request.
const WAIT_BITS: u32 = 16;

/// One request, from its first attempt to its last.
pub(super) struct Request {
    pub tag: Tag,
    pub due: Due,
    /// Which of its population's paths it asks for.
    pub ask: usize,
    /// When the attempt under way, or the next one, is meant to be sent.
    pub attempt: Time,
    /// Attempts so far.
    pub tries: u32,
    /// The place it has.
    pub slot: Option<u32>,
    /// Between two attempts.
    pub rests: bool,
    timer: Option<TimerKey>,
    waits: u16,
}

impl Request {
    pub fn new(tag: Tag, due: Due, ask: usize) -> Self {
        let attempt = due.at;
        Self { tag, due, ask, attempt, tries: 0, slot: None, rests: false, timer: None, waits: 0 }
    }

    /// The token of its next wait; what is left of the former ones counts no more.
    pub fn next_wait(&mut self, number: u64) -> u64 {
        self.waits = self.waits.wrapping_add(1);
        number << WAIT_BITS | u64::from(self.waits)
    }

    pub fn set_timer(&mut self, timer: TimerKey) {
        self.timer = Some(timer);
    }

    pub fn take_timer(&mut self) -> Option<TimerKey> {
        self.timer.take()
    }

    /// Whether a timer's token is that of its present wait.
    pub fn waits_for(&self, token: u64) -> bool {
        self.timer.is_some() && token as u16 == self.waits
    }
}

/// The number of the request that a timer's token names.
pub(super) fn number_of(token: u64) -> u64 {
    token >> WAIT_BITS
}

/// What the requests of a population send, for each of its paths.
pub(super) fn bytes(to: &Addr, population: &Population) -> Vec<Bytes> {
    population.asks.iter().map(|ask| request(to, population, &ask.path)).collect()
}

fn request(to: &Addr, population: &Population, path: &str) -> Bytes {
    let host = match to {
        Addr::Tcp(addr) => addr.to_string(),
        Addr::Unix(_) => "localhost".to_owned(),
    };
    let mut text = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n");
    for (name, value) in &population.fields {
        text += &format!("{name}: {value}\r\n");
    }
    if !population.connections.keep {
        text += "Connection: close\r\n";
    }
    text += "\r\n";
    Bytes::from(text)
}
