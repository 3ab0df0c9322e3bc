//! Refuses a share of those who ask: the least important, and evenly among equals.
//!
//! No chance is in it: the edge lies in the class where the share ends, by what was asked lately,
//! and within that class the remainder is carried on from one event to the next.

use std::time::Duration;

/// What was asked longer ago than this counts half, and so on.
const HALF_LIFE: Duration = Duration::from_secs(1);
const CLASSES: usize = u8::MAX as usize + 1;

pub(crate) struct Share {
    share: f64,
    /// Who asked lately by class, while anybody was refused.
    asked: Box<[f64; CLASSES]>,
    /// Classes below are refused, classes above pass; nothing is known of classes before somebody
    /// asked.
    edge: Option<u8>,
    /// The share of those at the edge that is refused.
    part: f64,
    /// What of it is still to be refused.
    owed: f64,
}

impl Share {
    pub fn new() -> Self {
        let asked = Box::new([0.0; CLASSES]);
        Self { share: 0.0, asked, edge: None, part: 0.0, owed: 0.0 }
    }

    /// Sets the share, 0 to 1; `span` ago it was set last.
    pub fn set(&mut self, share: f64, span: Duration) {
        let before = std::mem::replace(&mut self.share, share);
        if share <= 0.0 {
            if before > 0.0 {
                *self = Self::new();
            }
            return;
        }
        let total = self.decay(span);
        let mut left = total * share;
        (self.edge, self.part) = (None, share);
        if total <= 0.0 {
            return;
        }
        for (class, &asked) in (0..=u8::MAX).zip(self.asked.iter()) {
            if asked > 0.0 {
                (self.edge, self.part) = (Some(class), (left / asked).min(1.0));
                left -= asked;
            }
            if left < 0.0 {
                break;
            }
        }
    }

    /// Whether an event of this class has to go.
    pub fn refuses(&mut self, class: u8) -> bool {
        if self.share <= 0.0 {
            return false;
        }
        self.asked[usize::from(class)] += 1.0;
        if self.share >= 1.0 {
            return true;
        }
        if let Some(edge) = self.edge.filter(|&edge| edge != class) {
            return class < edge;
        }
        self.owed += self.part;
        let refuses = self.owed >= 1.0;
        self.owed -= f64::from(u8::from(refuses));
        refuses
    }

    /// Forgets some of who asked before; how many are left, all together.
    fn decay(&mut self, span: Duration) -> f64 {
        let keep = (-span.as_secs_f64() / HALF_LIFE.as_secs_f64()).exp2();
        self.asked.iter_mut().for_each(|asked| *asked *= keep);
        self.asked.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::ms;
    use proptest::prelude::*;

    /// How many of each class asked and were refused in ten seconds of this mix.
    fn run(share: f64, mix: &[u8]) -> [(u32, u32); CLASSES] {
        let (mut law, mut seen) = (Share::new(), [(0, 0); CLASSES]);
        for _ in 0..1000 {
            law.set(share, ms(10));
            for &class in mix {
                let at = &mut seen[usize::from(class)];
                *at = (at.0 + 1, at.1 + u32::from(law.refuses(class)));
            }
        }
        seen
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_share_is_refused_and_the_least_important_first(
            share in 0.0..=1.0_f64,
            mix in prop::collection::vec(0..6_u8, 1..40),
        ) {
            let seen = run(share, &mix);
            let asked: u32 = seen.iter().map(|at| at.0).sum();
            let refused: u32 = seen.iter().map(|at| at.1).sum();
            let error = f64::from(refused) / f64::from(asked) - share;
            // The first 10 ms know nothing of classes.
            prop_assert!(error.abs() < 0.01, "{refused} of {asked}, not {share}");
            let slack = mix.len() as u32 * 2;
            for (class, &(here, gone)) in seen.iter().enumerate() {
                let below = &seen[..class];
                let spared = below.iter().any(|at| at.0 - at.1 > slack);
                prop_assert!(gone <= slack || !spared, "{class}: {gone} of {here}, {below:?}");
            }
        }
    }

    #[test]
    fn none_and_all_are_exact() {
        assert_eq!(run(0.0, &[0, 9])[9], (1000, 0));
        let all = run(1.0, &[0, 255]);
        assert_eq!((all[0], all[255]), ((1000, 1000), (1000, 1000)));
    }

    #[test]
    fn among_equals_the_refused_are_spread_evenly() {
        let mut law = Share::new();
        law.set(0.25, ms(10));
        let refused: Vec<bool> = (0..12).map(|_| law.refuses(3)).collect();
        let at: Vec<usize> = (0..12).filter(|&n| refused[n]).collect();
        assert_eq!(at, [3, 7, 11]);
    }
}
