//! Profiles of load: which multiples of the capacity are asked, how long, by how patient clients,
//! and what befalls the server meanwhile. One a file.

mod calm;
mod classes;
mod cold;
mod greedy;
mod loss;
mod point;
mod refuse;
mod retry;
mod slowloris;
mod spike;
mod stall;
mod steps;
mod storm;
mod times;

pub(super) use point::CROWD;
pub use point::{CONNECTIONS_MAX, CONNECTIONS_MIN, Clients, Phase, Point, Span};
pub(super) use refuse::tuning;
pub use times::Times;

/// Up to this multiple of the capacity nothing may be refused.
const CALM: f64 = 0.8;

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
    /// 3 times the capacity in six classes, of which the two that matter most fit.
    Classes,
    /// 0.5 and 0.8 times the capacity, with the gate and without it.
    Calm,
    /// 0.9 times the capacity by clients that try again at once, with a kick in the middle.
    Storm,
    /// Twice the capacity from the first request on.
    Cold,
    /// 0.8 times the capacity, while the server is stopped for a second.
    Stall,
    /// 0.8 times the capacity, while others take half of the server's processor.
    Loss,
    /// 0.5 times the capacity beside thousands of connections that come to nothing.
    Slowloris,
    /// 10 times the capacity, by a server that refuses everything: what a refusal costs.
    Refuse,
}

impl Profile {
    /// All there are.
    pub const ALL: [Self; 12] = [
        Self::Steps,
        Self::Spike,
        Self::Retry,
        Self::Greedy,
        Self::Classes,
        Self::Calm,
        Self::Storm,
        Self::Cold,
        Self::Stall,
        Self::Loss,
        Self::Slowloris,
        Self::Refuse,
    ];

    /// As it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Steps => "steps",
            Self::Spike => "spike",
            Self::Retry => "retry",
            Self::Greedy => "greedy",
            Self::Classes => "classes",
            Self::Calm => "calm",
            Self::Storm => "storm",
            Self::Cold => "cold",
            Self::Stall => "stall",
            Self::Loss => "loss",
            Self::Slowloris => "slowloris",
            Self::Refuse => "refuse",
        }
    }

    /// What it does, for reports and for who chooses.
    pub fn about(self) -> &'static str {
        match self {
            Self::Steps => "a Poisson process at 0.5, 0.8, 1, 2, 5 and 10 times the capacity",
            Self::Spike => "half of the capacity, five times the capacity, and half of it again",
            Self::Retry => "five times the capacity, by clients that retry at once, three times",
            Self::Greedy => "a hundred quiet clients, alone and beside one that asks for too much",
            Self::Classes => "three times the capacity in six classes; the two highest fit",
            Self::Calm => "less than the capacity, with the gate and without it by turns",
            Self::Storm => "0.9 of the capacity by clients that retry at once, and a kick",
            Self::Cold => "twice the capacity from the first request on, second by second",
            Self::Stall => "0.8 of the capacity, and the server is stopped for a second (SIGSTOP)",
            Self::Loss => {
                "0.8 of the capacity, and a thread of the experiment burns on the server's \
                 processor, which leaves it about half"
            }
            Self::Slowloris => {
                "half of the capacity beside connections that say nothing or drip a byte a \
                 second; then the same for a server with few descriptors"
            }
            Self::Refuse => "ten times the capacity, and all is refused",
        }
    }

    /// Whether the server shall refuse everything.
    pub(super) fn is_refused(self) -> bool {
        self == Self::Refuse
    }

    /// Whether each of its loads stays the same, so that the load is what is to be looked at.
    pub(super) fn is_steady(self) -> bool {
        matches!(self, Self::Steps | Self::Calm)
    }

    /// Its loads.
    pub fn points(self, times: &Times) -> Vec<Point> {
        match self {
            Self::Steps => steps::points(times),
            Self::Spike => vec![spike::point(times)],
            Self::Retry => vec![retry::point(times)],
            Self::Greedy => greedy::points(times),
            Self::Classes => vec![classes::point(times)],
            Self::Calm => calm::points(times),
            Self::Storm => vec![storm::point(times)],
            Self::Cold => vec![cold::point(times)],
            Self::Stall => vec![stall::point(times)],
            Self::Loss => vec![loss::point(times)],
            Self::Slowloris => slowloris::points(times),
            Self::Refuse => vec![refuse::point(times)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_cover_each_second_of_all_clients_once() {
        for point in Profile::ALL.into_iter().flat_map(|profile| profile.points(&Times::FULL)) {
            for parts in [1, 2] {
                let phases = point.phases_of(parts);
                for n in 0..point.clients.len() {
                    let mut next = 0;
                    for phase in phases.iter().filter(|phase| phase.clients == n) {
                        assert_eq!(phase.seconds.start, next, "{}", point.name);
                        next = phase.seconds.end;
                    }
                    assert_eq!(next, point.seconds(), "{}", point.name);
                }
            }
        }
    }

    #[test]
    fn only_what_can_be_done_is_calm() {
        let points = Profile::ALL.into_iter().flat_map(|profile| profile.points(&Times::FULL));
        for point in points {
            for phase in point.phases.iter().filter(|phase| phase.calm) {
                let all = |second| -> f64 {
                    point.clients.iter().map(|clients| clients.load(second)).sum()
                };
                let most = phase.seconds.clone().map(all).fold(0.0, f64::max);
                assert!(most <= CALM && phase.room == 1.0, "{}: {}", point.name, phase.name);
            }
        }
    }

    #[test]
    fn names_of_points_are_names_of_files() {
        let points = Profile::ALL.into_iter().flat_map(|profile| profile.points(&Times::QUICK));
        let mut names: Vec<String> = points.map(|point| point.name).collect();
        names.sort();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count, "each is there once: {names:?}");
    }
}
