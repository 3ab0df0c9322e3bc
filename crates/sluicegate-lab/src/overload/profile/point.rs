//! A load in multiples of the capacity: who asks, what befalls the server, what is told apart.

use std::net::Ipv4Addr;
use std::ops::Range;
use std::time::Duration;

use super::Times;
use crate::overload::trouble::Trouble;
use crate::plan::Piece;
use crate::retry::Retry;

/// Connections of a run at least, and at most: what the system gives a process by default, with
/// room for what else is open.
pub const CONNECTIONS_MIN: usize = 256;
/// See [`CONNECTIONS_MIN`].
pub const CONNECTIONS_MAX: usize = 16_000;
/// Connections for each request that can be under way: chance brings more at times.
const SLACK: f64 = 1.3;
/// The first of the addresses of clients, and how many: so that none runs out of ports while
/// connections are given up and opened anew. As many are the quiet ones beside a greedy one.
pub(in crate::overload) const CROWD: (Ipv4Addr, u32) = (Ipv4Addr::new(127, 1, 0, 1), 100);

/// One load that a fresh server is put under.
#[derive(Clone, Debug)]
pub struct Point {
    /// Its name, also of files.
    pub name: String,
    /// Who asks.
    pub clients: Vec<Clients>,
    /// What is told apart of it.
    pub phases: Vec<Phase>,
    /// What befalls the server.
    pub trouble: Option<Trouble>,
    /// The descriptors that the server may have; as many as the experiment where it is not said.
    pub descriptors: Option<u64>,
    /// Whether the server has its gate, if the system has one.
    pub gated: bool,
}

/// Clients of one kind.
#[derive(Clone, Debug)]
pub struct Clients {
    /// Their name.
    pub name: String,
    /// How much they ask for, one after the other.
    pub spans: Vec<Span>,
    /// What they do when they fail.
    pub retry: Retry,
    /// The first of their addresses, and how many.
    pub addresses: (Ipv4Addr, u32),
    /// The class of what they ask for: the higher matters more.
    pub class: u8,
}

/// A time with one load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// As a multiple of the capacity.
    pub load: f64,
    /// How long.
    pub seconds: u64,
}

/// Seconds of some clients that are judged together.
#[derive(Clone, Debug)]
pub struct Phase {
    /// Its name.
    pub name: String,
    /// Whose, by their place in the point.
    pub clients: usize,
    /// Which.
    pub seconds: Range<usize>,
    /// Which part of the handler they are in, by its place in `Handler::parts`.
    pub part: usize,
    /// The share of the capacity that is there for them: none where it is not known.
    pub room: f64,
    /// How often a request is tried at most.
    pub tries: u32,
    /// Whether nothing may be refused.
    pub calm: bool,
    /// Whether it is asked how long the server took to be itself again.
    pub heals: bool,
}

impl Point {
    /// Clients that ask for one load, judged as a whole.
    pub(super) fn steady(name: &str, load: f64, times: &Times) -> Self {
        let spans = vec![Span { load, seconds: times.step }];
        let phase = Phase::new(format!("{load}x"), 0, 0..times.step as usize);
        Self::new(name, vec![Clients::new("clients", spans)], vec![phase])
    }

    /// Clients that ask for `base`, for `peak`, and for `base` again, which ought to heal.
    pub(super) fn peak(name: &str, base: f64, peak: (&str, f64), times: [u64; 3]) -> Self {
        let [before, during, after] = times;
        let span = |load, seconds| Span { load, seconds };
        let spans = vec![span(base, before), span(peak.1, during), span(base, after)];
        let (begins, ends) = (before as usize, (before + during) as usize);
        let phase = |name, seconds| Phase::new(name, 0, seconds);
        let phases = vec![
            phase(format!("before: {base}x"), 0..begins),
            phase(format!("{}: {}x", peak.0, peak.1), begins..ends),
            // It may still refuse some of what came in the peak: that is not calm.
            Phase { heals: true, ..phase(format!("after: {base}x"), ends..ends + after as usize) },
        ];
        Self::new(name, vec![Clients::new("clients", spans)], phases)
    }

    pub(super) fn new(name: &str, clients: Vec<Clients>, phases: Vec<Phase>) -> Self {
        let name = name.to_owned();
        Self { name, clients, phases, trouble: None, descriptors: None, gated: true }
    }

    /// The same by clients that try again when they fail.
    pub(super) fn retried(mut self, retry: Retry) -> Self {
        self.clients.iter_mut().for_each(|clients| clients.retry = retry);
        self.phases.iter_mut().for_each(|phase| phase.tries = retry.tries());
        self
    }

    /// How long new requests are made.
    pub fn seconds(&self) -> usize {
        self.clients.iter().map(Clients::seconds).max().unwrap_or(0)
    }

    /// Its phases, where each is in one part of a handler that has so many.
    pub fn phases_of(&self, parts: usize) -> Vec<Phase> {
        let all = self.seconds();
        let split = |phase: &Phase| {
            let mut split: Vec<Phase> = Vec::new();
            for second in phase.seconds.clone() {
                let part = part_of(second, all, parts);
                match split.last_mut() {
                    Some(last) if last.part == part => last.seconds.end = second + 1,
                    _ => split.push(Phase { part, seconds: second..second + 1, ..phase.clone() }),
                }
            }
            let halves = split.len() > 1;
            split.into_iter().enumerate().map(move |(n, phase)| match (halves, n) {
                (false, _) => phase,
                (true, 0) => Phase { name: format!("{}, first", phase.name), ..phase },
                // What the change of the work does is not calm.
                (true, _) => Phase { name: format!("{}, then", phase.name), calm: false, ..phase },
            })
        };
        self.phases.iter().flat_map(split).collect()
    }

    /// Each second of each phase, as a phase of its own.
    pub fn seconds_of(&self, parts: usize) -> Vec<Phase> {
        let each = |phase: Phase| {
            let second = |n| Phase { seconds: n..n + 1, ..phase.clone() };
            phase.seconds.clone().map(second).collect::<Vec<_>>()
        };
        self.phases_of(parts).into_iter().flat_map(each).collect()
    }
}

/// The part of a run of `all` seconds in which a second is, of `parts` that are as long.
fn part_of(second: usize, all: usize, parts: usize) -> usize {
    let ends = |part: usize| all * (part + 1) / parts;
    (0..parts).find(|part| second < ends(*part)).unwrap_or(parts.saturating_sub(1))
}

impl Clients {
    pub(super) fn new(name: &str, spans: Vec<Span>) -> Self {
        let name = name.to_owned();
        Self { name, spans, retry: Retry::Never, addresses: CROWD, class: 0 }
    }

    fn seconds(&self) -> usize {
        self.spans.iter().map(|span| span.seconds as usize).sum()
    }

    /// What they ask for in a second, as a multiple of the capacity.
    pub fn load(&self, second: usize) -> f64 {
        let mut ends = 0;
        let found = self.spans.iter().find(|span| {
            ends += span.seconds as usize;
            second < ends
        });
        found.map_or(0.0, |span| span.load)
    }

    /// What they ask for in a run of `all` seconds, of a server with a capacity for each part.
    pub(in crate::overload) fn pieces(&self, all: usize, capacities: &[f64]) -> Vec<Piece> {
        let piece = |second| {
            let capacity = capacities[part_of(second, all, capacities.len())];
            Piece { rate: self.load(second) * capacity, time: Duration::from_secs(1) }
        };
        (0..all).map(piece).collect()
    }

    /// Connections that a storm of refusals and timeouts cannot use up, if the bounds allow it.
    pub(in crate::overload) fn connections(&self, pieces: &[Piece], target: Duration) -> usize {
        // A population's clients are patient for 4 times the target, and that each time they try.
        let longest = target.saturating_mul(4).saturating_mul(self.retry.tries());
        let rate = pieces.iter().map(|piece| piece.rate).fold(0.0, f64::max);
        let most = (rate * longest.as_secs_f64() * SLACK).ceil() as usize;
        most.clamp(CONNECTIONS_MIN, CONNECTIONS_MAX)
    }
}

impl Phase {
    pub(in crate::overload) fn new(name: String, clients: usize, seconds: Range<usize>) -> Self {
        let (part, room, tries, calm, heals) = (0, 1.0, 1, false, false);
        Self { name, clients, seconds, part, room, tries, calm, heals }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_suffice_for_all_that_can_be_under_way() {
        let most = |load: f64, retry| {
            let clients = Clients { retry, ..Clients::new("all", vec![Span { load, seconds: 1 }]) };
            clients.connections(&clients.pieces(1, &[500.0]), Duration::from_millis(50))
        };
        assert_eq!(most(0.5, Retry::Never), CONNECTIONS_MIN);
        // 5,000 a second, each for 200 ms.
        assert_eq!(most(10.0, Retry::Never), 1300);
        // 2,500 a second, each for 4 times 200 ms.
        assert_eq!(most(5.0, Retry::AtOnce(3)), 2600);
    }

    #[test]
    fn each_part_of_a_handler_is_asked_for_multiples_of_its_own_capacity() {
        let point = Point::peak("spike", 0.5, ("spike", 5.0), [1, 2, 2]);
        let pieces = point.clients[0].pieces(5, &[100.0, 10.0]);
        let rates: Vec<f64> = pieces.iter().map(|piece| piece.rate).collect();
        assert_eq!(rates, [50.0, 500.0, 50.0, 5.0, 5.0]);
    }

    #[test]
    fn a_phase_in_which_the_work_changes_is_told_apart() {
        let mut point = Point::steady("steps-0.5x", 0.5, &Times::FULL);
        point.phases[0].calm = true;
        let told = |phase: &Phase| (phase.name.clone(), phase.seconds.clone(), phase.part);
        let whole: Vec<_> = point.phases_of(1).iter().map(told).collect();
        assert_eq!(whole, [("0.5x".to_owned(), 0..10, 0)]);
        let phases = point.phases_of(2);
        let parts: Vec<_> = phases.iter().map(told).collect();
        let wanted = [("0.5x, first".to_owned(), 0..5, 0), ("0.5x, then".to_owned(), 5..10, 1)];
        assert_eq!(parts, wanted);
        assert_eq!(phases.iter().map(|phase| phase.calm).collect::<Vec<_>>(), [true, false]);
    }
}
