//! Ids of requests: taken from the client where it is trusted, else made.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::{Duration, SystemTime};

use sluicegate::Time;

use crate::date::WallClock;
use crate::head::Head;

/// The longest id that is taken from a client.
pub const ID_MAX: usize = 128;

/// How requests are named.
#[derive(Clone, Debug)]
pub struct IdSettings {
    /// The field that names a request, in replies and in requests.
    pub field: String,
    /// An id that a request brings is kept. Otherwise it gets a new one.
    pub trust: bool,
}

/// Names the requests of one worker.
pub(crate) struct Ids {
    pub field: String,
    trust: bool,
    clock: WallClock,
    /// A time of the net, and the milliseconds since the Unix epoch then.
    base: Option<(Time, u64)>,
    /// Differs from that of every other worker and process.
    seed: u64,
    count: u64,
}

/// How long the wall clock is believed to run as the net's clock does.
const BELIEVED: Duration = Duration::from_secs(1);

impl Ids {
    pub fn new(settings: &IdSettings, clock: WallClock) -> Self {
        let IdSettings { field, trust } = settings.clone();
        // The standard library seeds its hashers from the system's randomness.
        let seed = RandomState::new().build_hasher().finish();
        Self { field, trust, clock, base: None, seed, count: 0 }
    }

    /// The id for a request with this head.
    pub fn name(&mut self, head: &Head, now: Time, id: &mut Vec<u8>) {
        let brought = if self.trust { head.single(&self.field) } else { None };
        match brought.filter(|brought| is_id(brought)) {
            Some(brought) => {
                id.clear();
                id.extend_from_slice(brought);
            }
            None => self.make(now, id),
        }
    }

    /// A new id of 32 hexadecimal digits: 12 of the milliseconds since the Unix epoch, so that ids
    /// sort by time, 12 of the worker and 8 that count.
    pub fn make(&mut self, now: Time, id: &mut Vec<u8>) {
        let (at, millis) = match self.base {
            Some((at, millis)) if now - at < BELIEVED => (at, millis),
            _ => {
                let wall = (self.clock)(now).duration_since(SystemTime::UNIX_EPOCH);
                let millis = wall.unwrap_or_default().as_millis() as u64;
                *self.base.insert((now, millis))
            }
        };
        let millis = millis + (now - at).as_nanos() as u64 / 1_000_000;
        self.count = self.count.wrapping_add(1);
        let number = u128::from(millis & 0xffff_ffff_ffff) << 80
            | u128::from(self.seed >> 16) << 32
            | u128::from(self.count as u32);
        id.clear();
        id.extend((0..32).rev().map(|digit| {
            const DIGITS: &[u8; 16] = b"0123456789abcdef";
            DIGITS[(number >> (4 * digit)) as usize & 15]
        }));
    }
}

/// Whether a client's id can be kept: it is written into heads and logs.
pub(crate) fn is_id(text: &[u8]) -> bool {
    let fits = |&byte: &u8| byte.is_ascii_graphic() && !b"\"'\\".contains(&byte);
    (1..=ID_MAX).contains(&text.len()) && text.iter().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ids_are_unique_and_sort_by_time() {
        let settings = IdSettings { field: "X-Request-Id".into(), trust: false };
        let clock = |now: Time| SystemTime::UNIX_EPOCH + Duration::from_nanos(now.0);
        let mut workers = [Ids::new(&settings, clock), Ids::new(&settings, clock)];
        let mut ids = Vec::new();
        for ms in 0..2500 {
            for worker in &mut workers {
                let mut id = Vec::new();
                worker.make(Time(ms * 1_000_000), &mut id);
                assert!(id.len() == 32 && is_id(&id));
                ids.push((ms, id));
            }
        }
        let all: BTreeSet<_> = ids.iter().map(|(_, id)| id).collect();
        assert_eq!(all.len(), ids.len());
        let mut sorted = ids.clone();
        sorted.sort_by(|(_, a), (_, b)| a.cmp(b));
        assert!(sorted.is_sorted_by_key(|(ms, _)| *ms));
    }

    #[test]
    fn only_plain_ids_are_kept() {
        let ask = |id: &str| {
            let text = format!("GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: {id}\r\n\r\n");
            Head::read(text.as_bytes()).unwrap()
        };
        let clock = |_| SystemTime::UNIX_EPOCH;
        let named = |trust, head: &Head| {
            let settings = IdSettings { field: "X-Request-Id".into(), trust };
            let mut id = Vec::new();
            Ids::new(&settings, clock).name(head, Time(0), &mut id);
            String::from_utf8(id).unwrap()
        };
        let longest = "x".repeat(ID_MAX);
        for id in ["abc-123", &longest] {
            assert_eq!(named(true, &ask(id)), id);
            assert_ne!(named(false, &ask(id)), id);
        }
        for id in ["", "a b", "a\"b", "a'b", "a\\b", "a\u{e9}", &format!("{longest}x")] {
            assert_eq!(named(true, &ask(id)).len(), 32, "{id}");
        }
    }
}
