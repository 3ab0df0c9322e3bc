//! Profiles of load: which multiples of the capacity are asked, how long, by how patient clients.

use std::net::Ipv4Addr;
use std::ops::Range;
use std::time::Duration;

use crate::plan::Piece;
use crate::retry::Retry;

/// Connections of a run at least, and at most: what the system gives a process by default, with
/// room for what else is open.
pub const CONNECTIONS_MIN: usize = 256;
/// See [`CONNECTIONS_MIN`].
pub const CONNECTIONS_MAX: usize = 16_000;
/// Connections for each request that can be under way: chance brings more at times.
const SLACK: f64 = 1.3;
/// Multiples of the capacity that `steps` asks for.
const STEPS: [f64; 6] = [0.5, 0.8, 1.0, 2.0, 5.0, 10.0];
/// Before and after the spike, and in it.
const SPIKE: (f64, f64) = (0.5, 5.0);
/// Below this, and at it, nothing may be refused.
const CALM: f64 = 0.8;
/// What those who retry ask for, and how often they try again.
const RETRY: (f64, u32) = (5.0, 3);
/// What is asked of a server that refuses everything.
const REFUSED: f64 = 10.0;
/// What is asked of a peer while it is tuned.
const TUNING: f64 = 5.0;
/// What one greedy client asks for, and all the quiet ones together.
const GREEDY: (f64, f64) = (5.0, 0.5);
/// The first of the addresses of clients, and how many: so that none runs out of ports while
/// connections are given up and opened anew. As many are the quiet ones beside a greedy one.
pub(super) const CROWD: (Ipv4Addr, u32) = (Ipv4Addr::new(127, 1, 0, 1), 100);
/// The address of the greedy one.
const ELEPHANT: (Ipv4Addr, u32) = (Ipv4Addr::new(127, 2, 0, 1), 1);

/// A kind of load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// 0.5 to 10 times the capacity, one after the other.
    Steps,
    /// 0.5, then 5 times the capacity, then 0.5 again.
    Spike,
    /// 5 times the capacity, by clients that try again at once, three times.
    Retry,
    /// A hundred quiet clients that ask for half of the capacity: alone, and beside one that asks
    /// for 5 times the capacity.
    Greedy,
    /// 10 times the capacity, by a server that refuses everything: what a refusal costs.
    Refuse,
}

/// How long everything takes, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// Each run that looks for the capacity, with a second at its beginning that does not count.
    pub capacity: u64,
    /// A step, and a run with retries or a greedy client.
    pub step: u64,
    /// Before the spike, in it, and after it.
    pub spike: [u64; 3],
}

/// One load that a fresh server is put under.
#[derive(Clone, Debug)]
pub struct Point {
    /// Its name, also of files.
    pub name: String,
    /// Who asks.
    pub clients: Vec<Clients>,
    /// What is told apart of it.
    pub phases: Vec<Phase>,
}

/// Clients of one kind.
#[derive(Clone, Debug)]
pub struct Clients {
    /// Their name.
    pub name: &'static str,
    /// How much they ask for.
    pub pieces: Vec<Piece>,
    /// What they do when they fail.
    pub retry: Retry,
    /// The first of their addresses, and how many.
    pub addresses: (Ipv4Addr, u32),
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
    /// Whether nothing may be refused.
    pub calm: bool,
    /// Whether it is asked how long the server took to be itself again.
    pub heals: bool,
}

impl Profile {
    /// All there are.
    pub const ALL: [Self; 5] = [Self::Steps, Self::Spike, Self::Retry, Self::Greedy, Self::Refuse];

    /// As it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Steps => "steps",
            Self::Spike => "spike",
            Self::Retry => "retry",
            Self::Greedy => "greedy",
            Self::Refuse => "refuse",
        }
    }

    /// Whether the server shall refuse everything.
    pub(super) fn is_refused(self) -> bool {
        self == Self::Refuse
    }

    /// What it does, for reports.
    pub fn about(self) -> &'static str {
        match self {
            Self::Steps => "a Poisson process at multiples of the capacity",
            Self::Spike => "half of the capacity, five times the capacity, and half of it again",
            Self::Retry => "five times the capacity, by clients that retry at once, three times",
            Self::Greedy => "a hundred quiet clients, alone and beside one that asks for too much",
            Self::Refuse => "ten times the capacity, and all is refused",
        }
    }

    /// Its loads on a server that can answer `capacity` requests a second.
    pub fn points(self, capacity: f64, times: &Times) -> Vec<Point> {
        let ask = |name, load: f64| ask(name, load * capacity, times);
        let phase = |clients, name, calm| phase(clients, name, calm, times);
        match self {
            Self::Steps => {
                STEPS.map(|load| steady(format!("steps-{load}x"), load, capacity, times)).into()
            }
            Self::Spike => vec![spike(capacity, times)],
            Self::Retry => {
                let (load, tries) = RETRY;
                let retry = Retry::AtOnce(tries);
                vec![Point {
                    name: "retry".to_owned(),
                    clients: vec![Clients { retry, ..ask("clients", load) }],
                    phases: vec![phase(0, format!("{load}x"), false)],
                }]
            }
            Self::Greedy => {
                let (greedy, quiet) = GREEDY;
                let mice = ask("mice", quiet);
                let elephant = Clients { addresses: ELEPHANT, ..ask("elephant", greedy) };
                let alone = phase(0, format!("mice alone: {quiet}x"), true);
                let beside = phase(0, format!("mice beside it: {quiet}x"), false);
                let itself = phase(1, format!("the greedy one: {greedy}x"), false);
                vec![
                    Point {
                        name: "greedy-alone".to_owned(),
                        clients: vec![mice.clone()],
                        phases: vec![alone],
                    },
                    Point {
                        name: "greedy".to_owned(),
                        clients: vec![mice, elephant],
                        phases: vec![beside, itself],
                    },
                ]
            }
            Self::Refuse => vec![steady("refuse".to_owned(), REFUSED, capacity, times)],
        }
    }
}

/// The load under which a peer is tuned.
pub(super) fn tuning(capacity: f64, times: &Times) -> Point {
    steady("tune".to_owned(), TUNING, capacity, times)
}

/// One multiple of the capacity.
fn steady(name: String, load: f64, capacity: f64, times: &Times) -> Point {
    let clients = vec![ask("clients", load * capacity, times)];
    Point { name, clients, phases: vec![phase(0, format!("{load}x"), load <= CALM, times)] }
}

fn ask(name: &'static str, rate: f64, times: &Times) -> Clients {
    let pieces = vec![Piece { rate, time: Duration::from_secs(times.step) }];
    Clients { name, pieces, retry: Retry::Never, addresses: CROWD }
}

fn phase(clients: usize, name: String, calm: bool, times: &Times) -> Phase {
    Phase { name, clients, seconds: 0..times.step as usize, calm, heals: false }
}

fn spike(capacity: f64, times: &Times) -> Point {
    let (base, peak) = SPIKE;
    let [before, during, after] = times.spike;
    let piece = |load, seconds| Piece { rate: load * capacity, time: Duration::from_secs(seconds) };
    let pieces = vec![piece(base, before), piece(peak, during), piece(base, after)];
    let clients = Clients { name: "clients", pieces, retry: Retry::Never, addresses: CROWD };
    let (begins, ends) = (before as usize, (before + during) as usize);
    let phase =
        |name: String, seconds| Phase { name, clients: 0, seconds, calm: false, heals: false };
    Point {
        name: "spike".to_owned(),
        clients: vec![clients],
        phases: vec![
            Phase { calm: true, ..phase(format!("before: {base}x"), 0..begins) },
            phase(format!("spike: {peak}x"), begins..ends),
            // It may still refuse some of what came in the spike: that is not calm.
            Phase { heals: true, ..phase(format!("after: {base}x"), ends..ends + after as usize) },
        ],
    }
}

impl Times {
    /// For results.
    pub const FULL: Self = Self { capacity: 6, step: 10, spike: [5, 10, 10] };
    /// To see whether all works.
    pub const QUICK: Self = Self { capacity: 2, step: 2, spike: [2, 3, 4] };
}

impl Point {
    /// How long new requests are made.
    pub(super) fn time(&self) -> Duration {
        self.clients.iter().map(Clients::time).max().unwrap_or_default()
    }
}

impl Clients {
    fn time(&self) -> Duration {
        self.pieces.iter().map(|piece| piece.time).sum()
    }

    /// Connections that a storm of refusals and timeouts cannot use up, if the bounds allow it.
    pub(super) fn connections(&self, target: Duration) -> usize {
        // A population's clients are patient for 4 times the target, and that each time they try.
        let longest = target.saturating_mul(4).saturating_mul(self.retry.tries());
        let rate = self.pieces.iter().map(|piece| piece.rate).fold(0.0, f64::max);
        let most = (rate * longest.as_secs_f64() * SLACK).ceil() as usize;
        most.clamp(CONNECTIONS_MIN, CONNECTIONS_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_cover_each_second_of_all_clients_once() {
        for profile in Profile::ALL {
            for point in profile.points(500.0, &Times::FULL) {
                for n in 0..point.clients.len() {
                    let mut next = 0;
                    for phase in point.phases.iter().filter(|phase| phase.clients == n) {
                        assert_eq!(phase.seconds.start, next, "{}", point.name);
                        next = phase.seconds.end;
                    }
                    assert_eq!(next as u64, point.time().as_secs(), "{}", point.name);
                }
            }
        }
    }

    #[test]
    fn only_what_can_be_done_is_calm() {
        let points = Profile::ALL.into_iter().flat_map(|p| p.points(500.0, &Times::FULL));
        let phases = points.flat_map(|point| point.phases);
        let calm: Vec<String> = phases.filter(|phase| phase.calm).map(|phase| phase.name).collect();
        assert_eq!(calm, ["0.5x", "0.8x", "before: 0.5x", "mice alone: 0.5x"]);
    }

    #[test]
    fn connections_suffice_for_all_that_can_be_under_way() {
        let target = Duration::from_millis(50);
        let most = |profile: Profile, at: usize| {
            profile.points(500.0, &Times::FULL)[at].clients[0].connections(target)
        };
        assert_eq!(most(Profile::Steps, 0), CONNECTIONS_MIN);
        // 5,000 a second, each for 200 ms.
        assert_eq!(most(Profile::Steps, 5), 1300);
        // 2,500 a second, each for 4 times 200 ms.
        assert_eq!(most(Profile::Retry, 0), 2600);
    }
}
