//! Stages are paused, stepped, resumed and replaced from outside.

use crate::observe::Observer;
use crate::run::{Maker, Plan, PlannedStage, Told};
use crate::settings::Owned;
use crate::stage::{AnyStage, Stage};
use std::any::type_name;
use std::fmt;
use std::sync::Arc;

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
    /// The stage is of a type in whose place such a value cannot come.
    OtherType {
        /// The stage.
        stage: String,
        /// Its type.
        is: &'static str,
        /// The type of the value.
        other: &'static str,
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
            Self::OtherType { stage, is, other } => write!(
                f,
                "stage `{stage}` is a {is}, in whose place no {other} can come; give another {is}, \
                 or one with the same ports where the stage is declared `.replaceable()`"
            ),
            Self::Steps { stage, limit } => {
                write!(
                    f,
                    "stage `{stage}` has {limit} steps to take already; they wait for events, or \
                     for the stage to be resumed"
                )
            }
        }
    }
}

impl std::error::Error for StageError {}

impl Observer {
    /// Has a stage handle nothing any more, from the end of the batches that it has in hand.
    ///
    /// Its handler is called for no event, answer, flag, timer or end of a flow, and its futures
    /// are not polled; all of that waits in the places that it has. What it had emitted goes out.
    /// Its queue fills, and who sends there does what the wire says: it waits, sheds or diverts;
    /// laws go on and refuse what cannot be served in time, and what waits in a queue that chooses
    /// still ends at its deadline. A paused source lets nothing in. A drain ends the pause, and a
    /// stop ends the flows that wait as ever.
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

    /// Puts another value in the place of a stage: each replica is made by `make`, on its worker,
    /// between two batches, and is given the state that the one before [gives
    /// away](Stage::take_state). It has to be of the same type, or have the same ports where the
    /// stage is [`replaceable`](crate::Spec::replaceable).
    ///
    /// What waits in queues, windows and on wires stays, and so do pauses and numbers that were
    /// set; its [own settings](Stage::settings) begin anew. Flows that the old value keeps, and
    /// futures of an async stage, end as [`Failed`](crate::Why::Failed). Where `make` panics, the
    /// old value goes on, and the panic is counted; a value that panics later is made anew by
    /// `make`.
    ///
    /// ```
    /// use sluicegate::{Batch, Cx, Net, Sim, Stage, stage};
    /// use std::any::Any;
    ///
    /// /// Adds up, each number times a factor.
    /// struct Sum<const FACTOR: u64>(u64);
    ///
    /// impl<const FACTOR: u64> Stage for Sum<FACTOR> {
    ///     type In = u64;
    ///     type Out = ();
    ///
    ///     fn handle(&mut self, batch: Batch<'_, u64>, _: &mut Cx<'_, ()>) {
    ///         for event in batch {
    ///             let (tag, n) = event.split();
    ///             self.0 += FACTOR * n;
    ///             println!("{}", self.0);
    ///             tag.finish();
    ///         }
    ///     }
    ///
    ///     fn take_state(&mut self) -> Option<Box<dyn Any>> {
    ///         Some(Box::new(self.0))
    ///     }
    ///
    ///     fn give_state(&mut self, state: Box<dyn Any>, _: &mut Cx<'_, ()>) {
    ///         self.0 = *state.downcast().expect("the sum so far");
    ///     }
    /// }
    ///
    /// let mut net = Net::new("sums");
    /// let cpu = net.domain("cpu").pinned(1);
    /// net.add(stage("sum", || Sum::<1>(0)).on(cpu).replaceable());
    /// let mut sim = Sim::new(net, 1)?;
    /// sim.observer().replace("anna", "sum", || Sum::<10>(0))?;
    /// assert!(sim.settle(1000));
    /// assert_eq!(sim.snapshot().stages[0].replaced, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// There is no such stage, or it is of another type.
    pub fn replace<S: Stage>(
        &self,
        by: &str,
        stage: &str,
        make: impl Fn() -> S + Send + Sync + 'static,
    ) -> Result<(), StageError> {
        self.steer(by, stage, "stage", |told, _, stage| {
            let (maker, is) = &stage.kind;
            if let Some(maker) = maker.downcast_ref::<Arc<Maker<S>>>() {
                maker.set(Arc::new(make));
            } else if let Some(maker) = maker.downcast_ref::<Arc<Maker<AnyStage<S::In, S::Out>>>>()
            {
                maker.set(Arc::new(move || Box::new(make())));
            } else {
                let (stage, other) = (stage.spec.name.clone(), type_name::<S>());
                return Err(StageError::OtherType { stage, is, other });
            }
            told.replaced += 1;
            told.numbers += 1;
            told.own = Owned::default();
            let before = told.value.replace(type_name::<S>()).unwrap_or(is);
            Ok((before.to_owned(), type_name::<S>().to_owned()))
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
