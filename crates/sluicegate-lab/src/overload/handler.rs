//! What the server does for a request: burns so much CPU, on its worker or in a pool.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The longest that a request may take of a processor.
pub const HANDLE_MAX: Duration = Duration::from_secs(1);

/// The domain in which it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// On the worker itself.
    Inline,
    /// In a pool of threads.
    Pool,
}

/// So much CPU for each request, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handler {
    /// Where.
    pub domain: Domain,
    /// How much, in whole microseconds.
    pub time: Duration,
}

impl Handler {
    /// What clients ask for.
    pub(super) fn path(&self) -> String {
        format!("/burn?us={}", self.time.as_micros())
    }
}

impl Domain {
    /// As the server's configuration calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Inline => "inline",
            Self::Pool => "pool",
        }
    }
}

impl fmt::Display for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{:?}", self.domain.name(), self.time)
    }
}

impl FromStr for Handler {
    type Err = String;

    /// `inline:2ms`, `pool:100us`.
    fn from_str(text: &str) -> Result<Self, String> {
        let domains = [Domain::Inline, Domain::Pool];
        let parts = text.split_once(':').and_then(|(name, time)| {
            Some((domains.into_iter().find(|domain| domain.name() == name)?, time))
        });
        let (domain, time) = parts.ok_or_else(|| {
            format!("`{text}` is no handler; accepted: inline:TIME or pool:TIME, as in pool:2ms")
        })?;
        let time = span(time)?;
        if time > HANDLE_MAX {
            return Err(format!("{time:?} for a request: 1us to {HANDLE_MAX:?} are possible"));
        }
        Ok(Self { domain, time })
    }
}

/// A time of at least a microsecond: a whole number with `us`, `ms` or `s`.
///
/// # Errors
/// Says what was found and what would be accepted.
pub fn span(text: &str) -> Result<Duration, String> {
    let units = [("us", 1), ("ms", 1000), ("s", 1_000_000)];
    let micros = units.iter().find_map(|(unit, factor)| {
        let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
        number.checked_mul(*factor)
    });
    match micros {
        Some(micros) if micros > 0 => Ok(Duration::from_micros(micros)),
        _ => Err(format!("`{text}` is no time; accepted: a whole number with us, ms or s")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handler_is_read_as_it_is_shown() {
        for text in ["inline:2ms", "pool:100us", "pool:1s"] {
            let handler: Handler = text.parse().unwrap();
            assert_eq!(handler.to_string().replace('µ', "u"), text);
        }
        assert_eq!("pool:2ms".parse::<Handler>().unwrap().path(), "/burn?us=2000");
    }

    #[test]
    fn what_is_no_handler_is_told_with_what_would_be() {
        let cases = [
            ("2ms", "inline:TIME or pool:TIME"),
            ("disk:2ms", "inline:TIME or pool:TIME"),
            ("pool:2", "a whole number with us, ms or s"),
            ("pool:0ms", "a whole number with us, ms or s"),
            ("pool:99999999999999999s", "a whole number with us, ms or s"),
            ("pool:2s", "1us to 1s"),
        ];
        for (text, told) in cases {
            let why = text.parse::<Handler>().unwrap_err();
            assert!(why.contains(told), "{text}: {why}");
        }
    }
}
