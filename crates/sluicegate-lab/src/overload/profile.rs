//! Profiles of load: which multiples of the capacity are asked, how long, by how patient clients.

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
/// What those who retry ask for, and how often they try again.
const RETRY: (f64, u32) = (5.0, 3);

/// A kind of load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// 0.5 to 10 times the capacity, one after the other.
    Steps,
    /// 0.5, then 5 times the capacity, then 0.5 again.
    Spike,
    /// 5 times the capacity, by clients that try again at once, three times.
    Retry,
}

/// How long everything takes, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// Each run that looks for the capacity, with a second at its beginning that does not count.
    pub capacity: u64,
    /// A step, and a run with retries.
    pub step: u64,
    /// Before the spike, in it, and after it.
    pub spike: [u64; 3],
}

/// One load that a fresh server is put under.
#[derive(Clone, Debug)]
pub struct Point {
    /// Its name, also of files.
    pub name: String,
    /// The rates.
    pub pieces: Vec<Piece>,
    /// What clients do when they fail.
    pub retry: Retry,
    /// What is told apart of it.
    pub phases: Vec<Phase>,
}

/// Seconds of a point that are judged together.
#[derive(Clone, Debug)]
pub struct Phase {
    /// Its name.
    pub name: String,
    /// Which.
    pub seconds: Range<usize>,
    /// The multiple of the capacity that is asked.
    pub load: f64,
    /// Whether it is asked how long the server took to be itself again.
    pub heals: bool,
}

impl Profile {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Steps, Self::Spike, Self::Retry];

    /// As it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Steps => "steps",
            Self::Spike => "spike",
            Self::Retry => "retry",
        }
    }

    /// What it does, for reports.
    pub fn about(self) -> &'static str {
        match self {
            Self::Steps => "a Poisson process at multiples of the capacity",
            Self::Spike => "half of the capacity, five times the capacity, and half of it again",
            Self::Retry => "five times the capacity, by clients that retry at once, three times",
        }
    }

    /// Its loads on a server that can answer `capacity` requests a second.
    pub fn points(self, capacity: f64, times: &Times) -> Vec<Point> {
        let steady = |name: String, load: f64, retry| {
            let phase = |seconds| Phase { name: format!("{load}x"), seconds, load, heals: false };
            Point::of(name, &[(load, times.step)], capacity, retry, |seconds| {
                vec![phase(0..seconds)]
            })
        };
        match self {
            Self::Steps => {
                let named = |load| steady(format!("steps-{load}x"), load, Retry::Never);
                STEPS.map(named).into()
            }
            Self::Spike => vec![spike(capacity, times)],
            Self::Retry => {
                vec![steady("retry".to_owned(), RETRY.0, Retry::AtOnce(RETRY.1))]
            }
        }
    }
}

fn spike(capacity: f64, times: &Times) -> Point {
    let (base, peak) = SPIKE;
    let [before, during, after] = times.spike;
    let pieces = [(base, before), (peak, during), (base, after)];
    let (begins, ends) = (before as usize, (before + during) as usize);
    Point::of("spike".to_owned(), &pieces, capacity, Retry::Never, |seconds| {
        let phase = |name: &str, seconds, load, heals| Phase {
            name: format!("{name}: {load}x"),
            seconds,
            load,
            heals,
        };
        vec![
            phase("before", 0..begins, base, false),
            phase("spike", begins..ends, peak, false),
            phase("after", ends..seconds, base, true),
        ]
    })
}

impl Times {
    /// For results.
    pub const FULL: Self = Self { capacity: 6, step: 10, spike: [5, 10, 10] };
    /// To see whether all works.
    pub const QUICK: Self = Self { capacity: 2, step: 2, spike: [2, 3, 4] };
}

impl Point {
    fn of(
        name: String,
        loads: &[(f64, u64)],
        capacity: f64,
        retry: Retry,
        phases: impl FnOnce(usize) -> Vec<Phase>,
    ) -> Self {
        let piece = |(load, seconds): &(f64, u64)| Piece {
            rate: load * capacity,
            time: Duration::from_secs(*seconds),
        };
        let seconds: u64 = loads.iter().map(|(_, seconds)| seconds).sum();
        let pieces = loads.iter().map(piece).collect();
        Self { name, pieces, retry, phases: phases(seconds as usize) }
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
    fn phases_cover_each_second_once() {
        for profile in Profile::ALL {
            for point in profile.points(500.0, &Times::FULL) {
                let time: Duration = point.pieces.iter().map(|piece| piece.time).sum();
                let mut next = 0;
                for phase in &point.phases {
                    assert_eq!(phase.seconds.start, next, "{}", point.name);
                    next = phase.seconds.end;
                }
                assert_eq!(next as u64, time.as_secs(), "{}", point.name);
            }
        }
    }

    #[test]
    fn connections_suffice_for_all_that_can_be_under_way() {
        let target = Duration::from_millis(50);
        let most = |profile: Profile, at: usize| {
            profile.points(500.0, &Times::FULL)[at].connections(target)
        };
        assert_eq!(most(Profile::Steps, 0), CONNECTIONS_MIN);
        // 5,000 a second, each for 200 ms.
        assert_eq!(most(Profile::Steps, 5), 1300);
        // 2,500 a second, each for 4 times 200 ms.
        assert_eq!(most(Profile::Retry, 0), 2600);
    }
}
