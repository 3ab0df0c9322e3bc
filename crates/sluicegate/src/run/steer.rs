//! Stages are paused, stepped and resumed from outside.

use crate::observe::Observer;
use crate::run::{Plan, PlannedStage, Told};
use std::fmt;

/// Steps that a stage may have still to take.
const STEPS_MAX: u32 = 64;

/// Why a stage did not do what it was told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StageError {
    /// The net has no such stage.
    Unknown {
        /// The name that was given.
        stage: String,
        /// The names that there are.
        there: Vec<String>,
    },
    /// The net drains or has stopped: nothing is held up any more.
    Closing,
    /// The stage is not paused, so that there are no steps to take.
    NotPaused {
        /// The stage.
        stage: String,
    },
    /// So many steps wait already.
    Steps {
        /// The stage.
        stage: String,
        /// The most that there may be.
        limit: u32,
    },
}

impl fmt::Display for StageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { stage, there } => {
                write!(f, "there is no stage `{stage}`; there are: {}", there.join(", "))
            }
            Self::Closing => f.write_str("the net drains or has stopped: no stage can be held up"),
            Self::NotPaused { stage } => {
                write!(f, "stage `{stage}` is not paused; pause it before it is to go step by step")
            }
            Self::Steps { stage, limit } => {
                write!(
                    f,
                    "stage `{stage}` has {limit} steps to take already, which wait for events"
                )
            }
        }
    }
}

impl std::error::Error for StageError {}

impl Observer {
    /// Has a stage handle nothing any more, from the end of the batches that it has in hand.
    ///
    /// Its handler is called for no event, answer, flag, timer or end of a flow, and its futures are
    /// not polled; all of that waits in the places that it has. What it had emitted goes out. Its
    /// queue fills, and who sends there does what the wire says: it waits, sheds or diverts; laws go
    /// on and refuse what cannot be served in time, and what waits in a queue that chooses still ends
    /// at its deadline. A paused source lets nothing in. A drain ends the pause, and a stop ends
    /// the flows that wait as ever.
    ///
    /// `by` is who asks for it, for the [log](Self::changes).
    ///
    /// ```
    /// # use sluicegate::{Batch, Cx, Net, Sim, from_fn, stage};
    /// # let mut net = Net::new("service");
    /// # let cpu = net.domain("cpu").pinned(1);
    /// # let end = || {
    /// #     from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
    /// #         batch.for_each(|event| event.split().0.finish());
    /// #     })
    /// # };
    /// let end = net.add(stage("end", end).on(cpu).batch(2));
    /// let entry = net.entry(end.inlet);
    /// let mut sim = Sim::new(net, 1)?;
    /// let net = sim.observer();
    ///
    /// net.pause("anna", "end")?;
    /// (0..5).for_each(|n| entry.send(n).expect("there is room"));
    /// assert!(sim.settle(1000));
    /// assert_eq!(sim.ledger().finished, 0);
    /// net.step("anna", "end")?;
    /// assert!(sim.settle(1000));
    /// assert_eq!(sim.ledger().finished, 2, "one batch");
    /// net.resume("anna", "end")?;
    /// assert!(sim.settle(1000));
    /// assert_eq!(sim.ledger().finished, 5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// There is no such stage, or the net drains.
    pub fn pause(&self, by: &str, stage: &str) -> Result<(), StageError> {
        self.steer(by, stage, "paused", |told, plan, _| {
            // Under the lock: whoever begins to drain takes it afterwards.
            if plan.is_closing() {
                return Err(StageError::Closing);
            }
            Ok((std::mem::replace(&mut told.paused, true).to_string(), true.to_string()))
        })
    }

    /// Has a paused stage do one run: one of its replicas hears what it has to hear, such as ended
    /// flows, flags and timers, and then handles one batch. A replica that has nothing to do leaves
    /// the step to others; where none has, the step waits for what comes.
    ///
    /// # Errors
    /// There is no such stage, it is not paused, or 64 steps wait already.
    pub fn step(&self, by: &str, stage: &str) -> Result<(), StageError> {
        self.steer(by, stage, "steps", |told, _, stage| {
            let stage = stage.spec.name.clone();
            match (told.paused, told.steps) {
                (false, _) => Err(StageError::NotPaused { stage }),
                (_, STEPS_MAX) => Err(StageError::Steps { stage, limit: STEPS_MAX }),
                (_, steps) => {
                    told.steps += 1;
                    Ok((steps.to_string(), told.steps.to_string()))
                }
            }
        })
    }

    /// Has a paused stage go on; steps that it has not taken are forgotten.
    ///
    /// # Errors
    /// There is no such stage.
    pub fn resume(&self, by: &str, stage: &str) -> Result<(), StageError> {
        self.steer(by, stage, "paused", |told, _, _| {
            told.steps = 0;
            Ok((std::mem::replace(&mut told.paused, false).to_string(), false.to_string()))
        })
    }

    /// Tells the replicas of a stage something, and logs `what` it was and became.
    fn steer(
        &self,
        by: &str,
        stage: &str,
        what: &str,
        tell: impl FnOnce(&mut Told, &Plan, &PlannedStage) -> Result<(String, String), StageError>,
    ) -> Result<(), StageError> {
        let plan = &*self.plan;
        let Some(planned) = plan.stage(stage) else {
            let there = plan.stages.iter().map(|stage| stage.spec.name.clone()).collect();
            return Err(StageError::Unknown { stage: stage.to_owned(), there });
        };
        let mut log = plan.changes.begin();
        let (from, to) = plan.direct(planned.id, |told| tell(told, plan, planned))?;
        log.note(plan.clock.now(), by, [(format!("stages.{stage}.{what}"), from, to)]);
        Ok(())
    }
}
