//! What the requests of a population ask for: one path, several in shares, others from a time on.

use std::time::Duration;

use sluicegate::sim::Random;

/// Paths that a population may ask for.
pub const ASKS_MAX: usize = 16;
/// The largest share of a path.
pub const SHARE_MAX: u32 = 1_000_000;

/// One of the paths that a population asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The target of the request, as in `/page`.
    pub path: String,
    /// How often, beside the shares of the other paths of the same time: 1 to [`SHARE_MAX`].
    pub share: u32,
    /// From when on in the run it is asked for, until paths of a later time take its place.
    pub from: Duration,
    /// What an answer to it costs the server, by who made the plan: counted as work, and not sent.
    pub cost: Duration,
}

impl Ask {
    /// This path and no other.
    pub fn only(path: &str) -> Vec<Self> {
        let (from, cost) = (Duration::ZERO, Duration::ZERO);
        vec![Self { path: path.to_owned(), share: 1, from, cost }]
    }
}

/// Which of them the request asks for that is due at `at` of the run. All tries of a request ask
/// for the same.
pub(crate) fn draw(asks: &[Ask], at: Duration, random: &mut Random) -> usize {
    let from = asks.iter().map(|ask| ask.from).filter(|from| *from <= at).max();
    let now = || asks.iter().enumerate().filter(|(_, ask)| Some(ask.from) == from);
    let all: u64 = now().map(|(_, ask)| u64::from(ask.share)).sum();
    let mut left = (random.unit() * all as f64) as u64;
    for (n, ask) in now() {
        match left.checked_sub(u64::from(ask.share)) {
            Some(rest) => left = rest,
            None => return n,
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(path: &str, share: u32, from: u64) -> Ask {
        let from = Duration::from_secs(from);
        Ask { share, from, ..Ask::only(path).remove(0) }
    }

    #[test]
    fn paths_are_drawn_by_their_shares() {
        let asks = [ask("/often", 9, 0), ask("/seldom", 1, 0)];
        let mut random = Random::new(1);
        let seldom = (0..10_000).filter(|_| draw(&asks, Duration::ZERO, &mut random) == 1).count();
        // Three standard errors: sqrt(10000 * 0.1 * 0.9) is 30.
        assert!((910..=1090).contains(&seldom), "{seldom}");
    }

    #[test]
    fn later_paths_take_the_place_of_former_ones() {
        let asks = [ask("/first", 1, 0), ask("/then", 1, 2), ask("/last", 1, 5)];
        let mut random = Random::new(1);
        let drawn = [0, 1, 2, 4, 5, 99].map(|at| draw(&asks, Duration::from_secs(at), &mut random));
        assert_eq!(drawn, [0, 0, 1, 1, 2, 2]);
    }
}
