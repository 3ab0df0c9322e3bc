//! Many seeds, one after the other: the first that fails is shrunk and replayed with its trace.

use crate::sim::{Setup, Troubles};
use std::any::Any;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

/// Lines of a trace that are kept for a failure: the last ones.
pub const TRACE_KEPT: usize = 1 << 16;
/// Runs that shrinking may take unless the arguments say otherwise.
const SHRINKS: usize = 500;

/// A simulation to run: its seed, and how much of what that draws is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// What all is drawn from.
    pub seed: u64,
    /// At most so many flows.
    pub flows: u64,
    /// At most so many stages beside those that the net cannot do without.
    pub stages: usize,
    /// At most so many troubles are drawn.
    pub troubles: usize,
    /// The numbers of those that are left; `None`: all.
    pub only: Option<Vec<usize>>,
}

impl Case {
    /// What is left of the troubles that were drawn.
    #[must_use]
    pub fn left(&self, troubles: Troubles) -> Troubles {
        match &self.only {
            None => troubles,
            Some(only) => troubles.only(|number| only.contains(&number)),
        }
    }

    /// The smallest case found, in so many runs, that `fails` like this one: fewer troubles, stages
    /// and flows.
    #[must_use]
    pub fn shrunk(self, most: usize, mut fails: impl FnMut(&Self) -> bool) -> Self {
        let (mut least, mut runs) = (self, 0);
        while let Some(smaller) = least.smaller().into_iter().find(|case| {
            runs += 1;
            runs <= most && fails(case)
        }) {
            least = smaller;
        }
        least
    }

    /// Cases that are a step smaller, the boldest first.
    fn smaller(&self) -> Vec<Self> {
        let only = self.only.clone().unwrap_or_else(|| (0..self.troubles).collect());
        let mut smaller = Vec::new();
        if !only.is_empty() {
            smaller.push(Self { only: Some(Vec::new()), ..self.clone() });
            smaller.extend((0..only.len()).filter(|_| only.len() > 1).map(|n| {
                let mut only = only.clone();
                only.remove(n);
                Self { only: Some(only), ..self.clone() }
            }));
        }
        let halves =
            |n: u64| [n / 2, n - n / 4, n.saturating_sub(1)].into_iter().filter(move |&m| m < n);
        smaller.extend(
            halves(self.stages as u64).map(|n| Self { stages: n as usize, ..self.clone() }),
        );
        smaller.extend(
            halves(self.flows).filter(|&n| n > 0).map(|flows| Self { flows, ..self.clone() }),
        );
        smaller
    }
}

/// Arguments by which a case is run again.
impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, flows, stages, troubles, only } = self;
        write!(f, "--seed {seed} --flows {flows} --stages {stages}")?;
        let all: Vec<usize> = (0..*troubles).collect();
        let numbers = only.as_ref().unwrap_or(&all).iter().map(usize::to_string);
        let numbers: Vec<String> = numbers.collect();
        write!(
            f,
            " --troubles {}",
            if numbers.is_empty() { "none".to_owned() } else { numbers.join(",") }
        )
    }
}

/// Which seeds of which nets are to be tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// The one net that is meant; `None`: all.
    pub net: Option<String>,
    /// The seeds.
    pub seeds: Range<u64>,
    flows: u64,
    stages: usize,
    only: Option<Vec<usize>>,
    shrinks: usize,
}

/// A seed that failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The smallest case that fails.
    pub case: Case,
    /// What its panic said.
    pub why: String,
    /// The end of its trace, at most [`TRACE_KEPT`] lines.
    pub trace: Vec<String>,
}

impl Search {
    /// All nets, with so many seeds from 0.
    pub fn first(seeds: u64) -> Self {
        Self {
            net: None,
            seeds: 0..seeds,
            flows: u64::MAX,
            stages: usize::MAX,
            only: None,
            shrinks: SHRINKS,
        }
    }

    /// As the arguments say: `--net NAME`, `--seeds N`, `--seed N` (the only one, or where
    /// `--seeds` begin), `--shrinks N` (runs that shrinking may take), and what a [`Case`] shows.
    /// So many seeds unless they say.
    pub fn parse(arguments: &str, seeds: u64) -> Result<Self, String> {
        let mut search = Self::first(seeds);
        let (mut count, mut from) = (None, None);
        let mut words = arguments.split_whitespace();
        while let Some(word) = words.next() {
            let value = words.next().ok_or_else(|| format!("{word} wants a value"))?;
            let number =
                || value.parse::<u64>().map_err(|_| format!("{word} wants a number, not {value}"));
            match word {
                "--net" => search.net = Some(value.to_owned()),
                "--seeds" => count = Some(number()?),
                "--seed" => from = Some(number()?),
                "--flows" => search.flows = number()?,
                "--stages" => search.stages = number()? as usize,
                "--shrinks" => search.shrinks = number()? as usize,
                "--troubles" if value == "none" => search.only = Some(Vec::new()),
                "--troubles" => {
                    let numbers = value.split(',').map(str::parse);
                    let numbers: Result<Vec<usize>, _> = numbers.collect();
                    let wanted = format!("{word} wants numbers such as 0,2, or none; not {value}");
                    search.only = Some(numbers.map_err(|_| wanted)?);
                }
                _ => {
                    return Err(format!(
                        "unknown argument {word}; accepted are --net, --seeds, --seed, --flows, \
                     --stages, --troubles, --shrinks, each with a value"
                    ));
                }
            }
        }
        let one = if from.is_some() { 1 } else { seeds };
        let from = from.unwrap_or(0);
        search.seeds = from..from + count.unwrap_or(one);
        Ok(search)
    }

    /// Whether the net of this name is meant.
    pub fn wants(&self, net: &str) -> bool {
        self.net.as_deref().is_none_or(|wanted| wanted == net)
    }

    /// Has `run` run each seed of a net that has so many flows, stages and troubles at most; it
    /// panics for a seed that fails. That is shrunk, and run once more with a trace.
    ///
    /// Handlers that panic as they should print their messages; silence them with a panic hook.
    pub fn run(
        &self,
        (flows, stages, troubles): (u64, usize, usize),
        mut run: impl FnMut(&Case, Setup),
    ) -> Result<(), Box<Failure>> {
        let mut fails = |case: &Case, setup: Setup| {
            catch_unwind(AssertUnwindSafe(|| run(case, setup))).err().map(text)
        };
        for seed in self.seeds.clone() {
            let case = Case {
                seed,
                flows: flows.min(self.flows),
                stages: stages.min(self.stages),
                troubles,
                only: self.only.clone(),
            };
            if fails(&case, Setup::seed(seed)).is_none() {
                continue;
            }
            let case = case.shrunk(self.shrinks, |case| fails(case, Setup::seed(seed)).is_some());
            let lines = Rc::new(RefCell::new(VecDeque::new()));
            let kept = Rc::clone(&lines);
            let setup = Setup::seed(seed).trace(move |line| {
                let mut lines = kept.borrow_mut();
                if lines.len() == TRACE_KEPT {
                    lines.pop_front();
                }
                lines.push_back(line.to_owned());
            });
            let why = fails(&case, setup);
            let why = why.unwrap_or_else(|| "it fails no more: not all comes from the seed".into());
            let trace = lines.take().into();
            return Err(Box::new(Failure { case, why, trace }));
        }
        Ok(())
    }
}

/// What a panic said.
fn text(panic: Box<dyn Any + Send>) -> String {
    let said = panic.downcast_ref::<String>().cloned();
    let said = said.or_else(|| panic.downcast_ref::<&str>().map(|&said| said.to_owned()));
    said.unwrap_or_else(|| "a panic without words".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_say_which_seeds_and_bad_ones_what_is_accepted() {
        let search = Search::parse("--net random --seed 7 --seeds 5", 20).unwrap();
        assert!(search.wants("random") && !search.wants("gated"));
        assert_eq!((search.seeds, search.net.is_some()), (7..12, true));
        assert_eq!(Search::parse("", 20).unwrap().seeds, 0..20);
        assert_eq!(Search::parse("--seed 7", 20).unwrap().seeds, 7..8);
        let case = Case { seed: 3, flows: 2, stages: 1, troubles: 4, only: Some(vec![0, 3]) };
        assert_eq!(case.to_string(), "--seed 3 --flows 2 --stages 1 --troubles 0,3");
        let again = Search::parse(&case.to_string(), 20).unwrap();
        assert_eq!((again.flows, again.stages, again.only), (2, 1, case.only));
        for wrong in ["--seeds x", "--seeds", "--many 3", "--troubles 1,x"] {
            let said = Search::parse(wrong, 20).unwrap_err();
            assert!(said.contains(wrong.split(' ').next().unwrap()), "{said}");
        }
    }

    #[test]
    fn the_first_seed_that_fails_is_shrunk_to_what_is_needed() {
        let mut tried = Vec::new();
        let failure = Search::first(100).run((40, 5, 4), |case, _| {
            tried.push(case.seed);
            let only = case.only.clone().unwrap_or_else(|| (0..4).collect());
            let needs = case.flows >= 7 && case.stages >= 2 && only.contains(&2);
            assert!(case.seed < 9 || !needs, "{} flows", case.flows);
        });
        let Failure { case, why, .. } = *failure.unwrap_err();
        let expected = Case { seed: 9, flows: 7, stages: 2, troubles: 4, only: Some(vec![2]) };
        assert_eq!((case, &*why), (expected, "7 flows"));
        assert_eq!(tried[..10], (0..10).collect::<Vec<_>>());
        assert!(tried[10..].iter().all(|&seed| seed == 9));
    }

    #[test]
    fn what_does_not_fail_again_is_said_to_be_no_function_of_its_seed() {
        let mut runs = 0;
        let failure = Search::first(1).run((1, 0, 0), |_, _| {
            runs += 1;
            assert!(runs > 1);
        });
        assert!(failure.unwrap_err().why.contains("not all comes from the seed"));
    }
}
