//! What the server does for a request: burns so much CPU, on its worker or in a pool.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::view::SETTINGS;
use crate::ask::{Ask, SHARE_MAX};

/// The longest that a request may take of a processor.
pub const HANDLE_MAX: Duration = Duration::from_secs(1);
/// Classes of requests, each with a route of its own: 0 to below this.
pub const CLASSES: u8 = 6;

const ACCEPTED: &str = "inline:WORK or pool:WORK, where WORK is a time as in 2ms, two in shares as \
    in 90x500us+10x10ms, or one after the other as in 500us-then-10ms";

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
    /// How much.
    pub work: Work,
}

/// How much CPU a request takes, in whole microseconds. The request itself says it, so that one
/// server and one configuration do for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Always the same.
    Same(Duration),
    /// One or the other, by chance, in these shares.
    Mix([(u32, Duration); 2]),
    /// The first in the first half of a run, the second in the second.
    Switch([Duration; 2]),
}

/// What its routes refuse by.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rule {
    /// Nothing.
    None,
    /// A target.
    Target(Duration),
    /// They are out of service.
    Refuse,
}

impl Work {
    /// What a request takes in the mean.
    pub(super) fn mean(self) -> Duration {
        match self {
            Self::Same(time) => time,
            Self::Mix([(a, first), (b, second)]) => (first * a + second * b) / (a + b),
            Self::Switch([first, then]) => (first + then) / 2,
        }
    }
}

impl Handler {
    /// Its name, also of files.
    pub fn name(&self) -> String {
        format!("{}-{}", self.domain.name(), self.work)
    }

    /// What becomes of it in the course of a run, in parts of equal length: each of them has a
    /// capacity of its own.
    pub fn parts(&self) -> Vec<Self> {
        match self.work {
            Work::Switch(works) => {
                works.map(|work| Self { work: Work::Same(work), ..*self }).into()
            }
            Work::Same(_) | Work::Mix(_) => vec![*self],
        }
    }

    /// What clients of a class ask for in a run of so many seconds.
    pub(super) fn asks(&self, class: u8, seconds: usize) -> Vec<Ask> {
        let works = match self.work {
            Work::Same(time) => vec![(1, time, 0)],
            Work::Mix(parts) => parts.map(|(share, time)| (share, time, 0)).to_vec(),
            Work::Switch([first, then]) => vec![(1, first, 0), (1, then, seconds / 2)],
        };
        let ask = |(share, time, from): (u32, Duration, usize)| Ask {
            path: format!("{}?us={}", path(class), time.as_micros()),
            share,
            from: Duration::from_secs(from as u64),
            cost: time,
        };
        works.into_iter().map(ask).collect()
    }

    /// The routes to it as settings: one for each class where there is a target, else the one of
    /// class 0, for there is no class without; and those by which the server shows what it sees.
    pub(super) fn routes(&self, rule: Rule) -> String {
        let domain = self.domain.name();
        let route = |class: u8, more: &str| {
            let path = path(class);
            format!(
                "[[route]]\npath = \"{path}\"\nhandler = \"burn\"\ndomain = \"{domain}\"\n{more}"
            )
        };
        let target = match rule {
            // Settings have milliseconds at the finest.
            Rule::Target(target) => format!("target = \"{}ms\"\n", target.as_millis().max(1)),
            Rule::None => return format!("{}\n{SETTINGS}", route(0, "")),
            Rule::Refuse => return format!("{}\n{SETTINGS}", route(0, "refuse = true\n")),
        };
        let classed = |class| format!("\n{}", route(class, &format!("{target}class = {class}\n")));
        let classes: String = (1..CLASSES).map(classed).collect();
        format!("{}{classes}\n{SETTINGS}", route(0, &target))
    }
}

/// The path of a class.
fn path(class: u8) -> String {
    if class == 0 { "/burn".to_owned() } else { format!("/burn/{class}") }
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
        write!(f, "{}:{}", self.domain.name(), self.work)
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let us = |time: &Duration| format!("{}us", time.as_micros());
        match self {
            Self::Same(time) => f.write_str(&us(time)),
            Self::Mix([(a, first), (b, second)]) => {
                write!(f, "{a}x{}+{b}x{}", us(first), us(second))
            }
            Self::Switch([first, then]) => write!(f, "{}-then-{}", us(first), us(then)),
        }
    }
}

impl FromStr for Handler {
    type Err = String;

    /// `inline:2ms`, `pool:90x500us+10x10ms`, `pool:500us-then-10ms`.
    fn from_str(text: &str) -> Result<Self, String> {
        let domains = [Domain::Inline, Domain::Pool];
        let parts = text.split_once(':').and_then(|(name, work)| {
            Some((domains.into_iter().find(|domain| domain.name() == name)?, work))
        });
        let (domain, work) =
            parts.ok_or_else(|| format!("`{text}` is no handler; accepted: {ACCEPTED}"))?;
        Ok(Self { domain, work: work.parse()? })
    }
}

impl FromStr for Work {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((first, then)) = text.split_once("-then-") {
            return Ok(Self::Switch([cost(first)?, cost(then)?]));
        }
        match text.split_once('+') {
            Some((first, second)) => Ok(Self::Mix([part(first)?, part(second)?])),
            None => Ok(Self::Same(cost(text)?)),
        }
    }
}

/// `90x500us`.
fn part(text: &str) -> Result<(u32, Duration), String> {
    let parts = text.split_once('x').and_then(|(share, time)| Some((share.parse().ok()?, time)));
    match parts {
        Some((share, time)) if (1..=SHARE_MAX).contains(&share) => Ok((share, cost(time)?)),
        _ => Err(format!("`{text}` is no share of a time; accepted: as in 90x500us")),
    }
}

fn cost(text: &str) -> Result<Duration, String> {
    let time = span(text)?;
    if time > HANDLE_MAX {
        return Err(format!("{time:?} for a request: 1us to {HANDLE_MAX:?} are possible"));
    }
    Ok(time)
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
        for text in ["inline:2000us", "pool:90x500us+10x10000us", "pool:500us-then-10000us"] {
            assert_eq!(text.parse::<Handler>().unwrap().to_string(), text);
        }
        let short: Handler = "inline:9x500us+1x10ms".parse().unwrap();
        assert_eq!(short.name(), "inline-9x500us+1x10000us");
    }

    #[test]
    fn requests_say_what_they_cost() {
        let paths = |text: &str, class| {
            let asks = text.parse::<Handler>().unwrap().asks(class, 25);
            let told = |ask: Ask| {
                assert!(ask.path.ends_with(&format!("?us={}", ask.cost.as_micros())), "{ask:?}");
                format!("{} {} {:?}", ask.share, ask.path, ask.from)
            };
            asks.into_iter().map(told).collect::<Vec<_>>()
        };
        assert_eq!(paths("pool:2ms", 0), ["1 /burn?us=2000 0ns"]);
        assert_eq!(paths("pool:9x1us+1x2us", 5), ["9 /burn/5?us=1 0ns", "1 /burn/5?us=2 0ns"]);
        assert_eq!(paths("pool:1us-then-2us", 0), ["1 /burn?us=1 0ns", "1 /burn?us=2 12s"]);
    }

    #[test]
    fn each_class_has_a_route_where_there_is_a_target() {
        let handler: Handler = "pool:2ms".parse().unwrap();
        let gated = handler.routes(Rule::Target(Duration::from_millis(50)));
        assert_eq!(gated.matches("handler = \"burn\"").count(), usize::from(CLASSES));
        assert!(gated.contains("path = \"/burn/5\"\nhandler = \"burn\"\ndomain = \"pool\"\n"));
        assert!(gated.contains("target = \"50ms\"\nclass = 5\n\n"), "{gated}");
        let plain = "[[route]]\npath = \"/burn\"\nhandler = \"burn\"\ndomain = \"pool\"\n";
        assert_eq!(handler.routes(Rule::None), format!("{plain}\n{SETTINGS}"));
        let refuse = handler.routes(Rule::Refuse);
        assert_eq!(refuse, format!("{plain}refuse = true\n\n{SETTINGS}"));
    }

    #[test]
    fn what_is_no_handler_is_told_with_what_would_be() {
        let cases = [
            ("2ms", "inline:WORK or pool:WORK"),
            ("disk:2ms", "inline:WORK or pool:WORK"),
            ("pool:2", "a whole number with us, ms or s"),
            ("pool:0ms", "a whole number with us, ms or s"),
            ("pool:99999999999999999s", "a whole number with us, ms or s"),
            ("pool:2s", "1us to 1s"),
            ("pool:1ms-then-", "a whole number with us, ms or s"),
            ("pool:1ms+2ms", "as in 90x500us"),
            ("pool:0x1ms+1x2ms", "as in 90x500us"),
            ("pool:1x1ms+1x2s", "1us to 1s"),
        ];
        for (text, told) in cases {
            let why = text.parse::<Handler>().unwrap_err();
            assert!(why.contains(told), "{text}: {why}");
        }
    }
}
