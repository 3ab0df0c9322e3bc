//! The end of every reply head, made once a second: Date, Connection, and the empty line.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use sluicegate::Time;

/// The wall clock belonging to a time of the net. `|_| SystemTime::now()` outside of simulations.
pub type WallClock = fn(Time) -> SystemTime;

/// The last lines of a reply head in this second.
pub(crate) struct Tails {
    clock: WallClock,
    until: Time,
    /// Without a Connection field.
    pub plain: Bytes,
    /// With `Connection: keep-alive`, for HTTP/1.0.
    pub keep: Bytes,
    /// With `Connection: close`.
    pub close: Bytes,
}

impl Tails {
    pub fn new(clock: WallClock) -> Self {
        let (plain, keep, close) = Default::default();
        Self { clock, until: Time(0), plain, keep, close }
    }

    /// Those of the second of `now`.
    pub fn at(&mut self, now: Time) -> &Self {
        if now >= self.until {
            self.renew(now);
        }
        self
    }

    fn renew(&mut self, now: Time) {
        let wall = (self.clock)(now);
        let passed = wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        self.until =
            now + (Duration::from_secs(1) - Duration::from_nanos(passed.subsec_nanos().into()));
        let tail = |connection: &str| {
            let mut text = String::with_capacity(64);
            // Writing to a string cannot fail.
            let _ = write!(text, "Date: {}\r\n{connection}\r\n", httpdate::HttpDate::from(wall));
            Bytes::from(text)
        };
        self.plain = tail("");
        self.keep = tail("Connection: keep-alive\r\n");
        self.close = tail("Connection: close\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wall(now: Time) -> SystemTime {
        // 784111777 is RFC 9110's own example; the net started at half past.
        SystemTime::UNIX_EPOCH
            + Duration::from_millis(784_111_777_500)
            + Duration::from_nanos(now.0)
    }

    #[test]
    fn the_date_is_made_once_a_second() {
        // RFC 9110 section 5.6.7 (IMF-fixdate) and section 6.6.1 (Date).
        let mut tails = Tails::new(wall);
        let first = tails.at(Time(0)).plain.clone();
        assert_eq!(first, "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n");
        let half = Duration::from_millis(500);
        let again = tails.at(Time(0) + (half - Duration::from_nanos(1))).plain.clone();
        assert_eq!(again.as_ptr(), first.as_ptr());
        let next = &tails.at(Time(0) + half).close;
        assert_eq!(next, "Date: Sun, 06 Nov 1994 08:49:38 GMT\r\nConnection: close\r\n\r\n");
    }
}
