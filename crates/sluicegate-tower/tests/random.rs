//! Calls that are polled, dropped, answered and panic in any order, until a drain: nothing is lost,
//! nobody waits in vain, and the drain is over when all are.

mod common;

use common::{ms, why};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use sluicegate::Why;
use sluicegate_tower::{AsError, BoxError, Gate, GateService};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Wake, Waker};
use tower::{Layer, Service};

/// Whether a task was woken since it was polled.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, SeqCst);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Call,
    /// One of the calls is polled though nobody woke it.
    Poll(usize),
    /// One is dropped.
    Drop(usize),
    /// The service answers one of the calls that it has.
    Answer(usize),
    /// It panics over one of them, and the caller catches that.
    Panic(usize),
    /// All that were woken are polled.
    Run,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Call),
        2 => (0_usize..8).prop_map(Step::Poll),
        1 => (0_usize..8).prop_map(Step::Drop),
        3 => (0_usize..8).prop_map(Step::Answer),
        1 => (0_usize..8).prop_map(Step::Panic),
        2 => Just(Step::Run),
    ]
}

/// A task that has a future.
struct Task<T> {
    future: Pin<Box<dyn Future<Output = T>>>,
    woken: Arc<Woken>,
    /// Whether it was polled.
    began: bool,
}

impl<T> Task<T> {
    fn new(future: impl Future<Output = T> + 'static) -> Self {
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        Self { future: Box::pin(future), woken, began: false }
    }

    fn is_woken(&self) -> bool {
        self.woken.0.load(SeqCst)
    }

    fn poll(&mut self) -> Poll<T> {
        self.woken.0.store(false, SeqCst);
        self.began = true;
        let waker = Waker::from(Arc::clone(&self.woken));
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }
}

/// A call that a service has until it is answered.
enum Held {
    Waits(Option<Waker>),
    Panics,
}

/// A service that has calls until it is told what to do with them.
#[derive(Clone, Default)]
struct Holds(Arc<Mutex<BTreeMap<usize, Held>>>);

impl Holds {
    fn held(&self) -> MutexGuard<'_, BTreeMap<usize, Held>> {
        self.0.lock().expect("no panic")
    }

    /// One of the calls is answered, or panics.
    fn end(&self, at: usize, panics: bool) {
        let mut held = self.held();
        let Some(number) = nth(&held, at) else { return };
        let was = match panics {
            true => held.insert(number, Held::Panics),
            false => held.remove(&number),
        };
        drop(held);
        if let Some(Held::Waits(Some(waker))) = was {
            waker.wake();
        }
    }
}

impl Service<usize> for Holds {
    type Response = ();
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<(), Infallible>>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, number: usize) -> Self::Future {
        let holds = self.clone();
        holds.held().insert(number, Held::Waits(None));
        Box::pin(poll_fn(move |cx| {
            let mut held = holds.held();
            match held.remove(&number) {
                Some(Held::Waits(_)) => {
                    held.insert(number, Held::Waits(Some(cx.waker().clone())));
                    Poll::Pending
                }
                Some(Held::Panics) => {
                    drop(held);
                    // As a panic, without its message.
                    resume_unwind(Box::new("as it was told"))
                }
                None => Poll::Ready(Ok(())),
            }
        }))
    }
}

/// The key at some place of a map, if it has any.
fn nth<T>(map: &BTreeMap<usize, T>, at: usize) -> Option<usize> {
    map.keys().nth(at % map.len().max(1)).copied()
}

/// A gate, its calls, and what became of them.
struct World {
    gate: Gate<usize, AsError>,
    service: GateService<Holds, usize, AsError>,
    holds: Holds,
    calls: BTreeMap<usize, Task<Result<(), BoxError>>>,
    drain: Option<Task<()>>,
    /// Calls that were polled; and of these, those that were answered, came after the drain, or
    /// were dropped, or panicked.
    began: u64,
    answered: u64,
    refused: u64,
    dropped: u64,
    panicked: u64,
}

impl World {
    fn new(places: usize) -> Self {
        // So far that no time that this test may take is long.
        let gate = Gate::target(ms(3_600_000)).concurrency(places).refuse_as_error();
        let holds = Holds::default();
        let (service, calls) = (gate.layer(holds.clone()), BTreeMap::new());
        let (began, answered, refused, dropped, panicked) = Default::default();
        let drain = None;
        Self { gate, service, holds, calls, drain, began, answered, refused, dropped, panicked }
    }

    fn step(&mut self, number: usize, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Call => {
                self.calls.insert(number, Task::new(self.service.call(number)));
            }
            Step::Poll(at) => {
                if let Some(number) = nth(&self.calls, at) {
                    self.poll(number)?;
                }
            }
            Step::Drop(at) => {
                if let Some(number) = nth(&self.calls, at) {
                    let call = self.calls.remove(&number).expect("it is there");
                    self.dropped += u64::from(call.began);
                    drop(call);
                    self.holds.held().remove(&number);
                }
            }
            Step::Answer(at) => self.holds.end(at, false),
            Step::Panic(at) => self.holds.end(at, true),
            Step::Run => {
                let woken = |calls: &BTreeMap<usize, Task<_>>| {
                    calls.iter().find(|(_, call)| call.is_woken()).map(|(number, _)| *number)
                };
                while let Some(number) = woken(&self.calls) {
                    self.poll(number)?;
                }
            }
        }
        Ok(())
    }

    fn poll(&mut self, number: usize) -> Result<(), TestCaseError> {
        let call = self.calls.get_mut(&number).expect("it is there");
        let is_late = !call.began && self.drain.is_some();
        self.began += u64::from(!call.began);
        match catch_unwind(AssertUnwindSafe(|| call.poll())) {
            Ok(Poll::Pending) => {
                prop_assert!(!is_late, "what comes after the drain is told at once");
                return Ok(());
            }
            Ok(Poll::Ready(answer)) => {
                prop_assert_eq!(why(&answer), is_late.then_some(Why::Draining));
                self.refused += u64::from(is_late);
                self.answered += u64::from(!is_late);
            }
            // Its future is still there, and has no place any more.
            Err(_) => {
                self.panicked += 1;
                let failed = self.gate.snapshot().ended[Why::Failed];
                prop_assert_eq!(failed, self.panicked);
            }
        }
        self.calls.remove(&number);
        Ok(())
    }

    fn check(&mut self) -> Result<(), TestCaseError> {
        let seen = self.gate.snapshot();
        let (refused, ended) = (&seen.admission.refused, &seen.ended);
        let there = (seen.waiting + seen.running) as u64;
        prop_assert_eq!(seen.admission.offered, self.began);
        prop_assert_eq!(seen.finished, self.answered);
        prop_assert_eq!(refused[Why::Draining], self.refused);
        prop_assert_eq!(ended[Why::Failed], self.panicked);
        prop_assert_eq!(refused[Why::Gone] + ended[Why::Gone], self.dropped);
        let over = seen.finished + refused.total() + ended.total();
        prop_assert_eq!(seen.admission.offered, over + there);
        if let Some(drain) = &mut self.drain {
            let hears = drain.is_woken();
            prop_assert!(hears || there > 0, "who waits for the end is told");
            prop_assert_eq!(drain.poll().is_ready(), there == 0);
            if there == 0 {
                self.drain = Some(Task::new(self.gate.drain()));
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(Config {
        cases: 500,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..Config::default()
    })]

    #[test]
    fn every_call_is_counted_once_and_whoever_has_a_place_is_told(
        places in 1_usize..4,
        drains in 0_usize..120,
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut world = World::new(places);
        for (number, step) in steps.into_iter().chain([Step::Run]).enumerate() {
            if number == drains {
                world.drain = Some(Task::new(world.gate.drain()));
            }
            world.step(number, &step)?;
            world.check()?;
            let seen = world.gate.snapshot();
            prop_assert!(seen.running <= places);
            if matches!(step, Step::Run) {
                prop_assert!(seen.waiting == 0 || seen.running == places, "nobody waits in vain");
                let serves = world.holds.held().len();
                prop_assert_eq!(seen.running, serves, "who has a place was told of it");
            }
        }
        world.dropped += world.calls.values().filter(|call| call.began).count() as u64;
        world.calls.clear();
        world.check()?;
        let seen = world.gate.snapshot();
        prop_assert_eq!((seen.waiting, seen.running), (0, 0));
    }
}
