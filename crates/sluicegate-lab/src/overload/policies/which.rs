//! The policies that are played, and one that is not the kernel's own.

use std::time::Duration;

use sluicegate::{
    Cohort, ExitFirst, Fifo, LongestQueue, Next, Policy, Priority, Ready, Shares, Stages, ms,
};

/// The longest wait for a cohort.
const LONGEST: Duration = ms(5);

/// A policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    ExitFirst,
    Fifo,
    Cohort,
    Shares,
    LongestQueue,
    Priority,
    OldestFirst,
}

/// The stage whose oldest event came first, as in the example of a policy of one's own.
struct OldestFirst;

impl Policy for OldestFirst {
    fn next(&mut self, ready: Ready, stages: &Stages<'_>) -> Next {
        let came = |&n: &usize| stages.oldest(n).unwrap_or(stages.now());
        ready.iter().min_by_key(came).into()
    }
}

impl Which {
    pub const ALL: [Self; 7] = [
        Self::ExitFirst,
        Self::Fifo,
        Self::Cohort,
        Self::Shares,
        Self::LongestQueue,
        Self::Priority,
        Self::OldestFirst,
    ];

    /// As reports call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ExitFirst => "exit first",
            Self::Fifo => "fifo",
            Self::Cohort => "cohort",
            Self::Shares => "shares",
            Self::LongestQueue => "longest queue",
            Self::Priority => "priority",
            Self::OldestFirst => "oldest first",
        }
    }

    /// It, with these shares or this order where it has some.
    pub fn make(self, shares: &[(&str, u32)], order: &[&str]) -> Made {
        Made(match self {
            Self::ExitFirst => Box::new(ExitFirst),
            Self::Fifo => Box::new(Fifo::default()),
            Self::Cohort => Box::new(Cohort::new(LONGEST)),
            Self::Shares => Box::new(Shares::of(shares.iter().copied())),
            Self::LongestQueue => Box::new(LongestQueue::default()),
            Self::Priority => Box::new(Priority::of(order.iter().copied())),
            Self::OldestFirst => Box::new(OldestFirst),
        })
    }
}

/// Any of them.
pub(super) struct Made(Box<dyn Policy>);

impl Policy for Made {
    fn start(&mut self, stages: &[&str]) -> Result<(), String> {
        self.0.start(stages)
    }

    fn next(&mut self, ready: Ready, stages: &Stages<'_>) -> Next {
        self.0.next(ready, stages)
    }
}
