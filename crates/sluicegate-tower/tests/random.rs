//! Calls that are polled, dropped and answered in any order: nothing is lost, nobody waits in vain.

mod common;

use common::ms;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use sluicegate_tower::{BoxError, Gate};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use tower::{Layer, Service, service_fn};

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
    /// All that were woken are polled.
    Run,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Call),
        2 => (0_usize..8).prop_map(Step::Poll),
        1 => (0_usize..8).prop_map(Step::Drop),
        3 => (0_usize..8).prop_map(Step::Answer),
        2 => Just(Step::Run),
    ]
}

/// A call as its caller has it.
struct Call {
    future: Pin<Box<dyn Future<Output = Result<(), BoxError>>>>,
    woken: Arc<Woken>,
}

impl Call {
    fn poll(&mut self) -> Poll<Result<(), BoxError>> {
        self.woken.0.store(false, SeqCst);
        let waker = Waker::from(Arc::clone(&self.woken));
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }
}

/// The calls that the service has, and the waker of each until it is answered.
type Held = Arc<Mutex<BTreeMap<usize, Option<Waker>>>>;

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
        steps in prop::collection::vec(step(), 1..80),
    ) {
        // So far that no time that this test may take is long.
        let gate = Gate::target(ms(3_600_000)).concurrency(places).refuse_as_error();
        let held = Held::default();
        let service = {
            let held = Arc::clone(&held);
            service_fn(move |number: usize| {
                let held = Arc::clone(&held);
                held.lock().expect("no panic").insert(number, None);
                poll_fn(move |cx| match held.lock().expect("no panic").get_mut(&number) {
                    Some(waker) => {
                        *waker = Some(cx.waker().clone());
                        Poll::Pending
                    }
                    None => Poll::Ready(Ok::<_, Infallible>(())),
                })
            })
        };
        let mut service = gate.layer(service);
        let mut calls: BTreeMap<usize, Call> = BTreeMap::new();
        let (mut polled, mut answered) = (std::collections::BTreeSet::new(), 0_u64);
        for (number, step) in steps.into_iter().chain([Step::Run]).enumerate() {
            let nth = |at: usize| calls.keys().nth(at % calls.len().max(1)).copied();
            let due = match step {
                Step::Call => {
                    let woken = Arc::new(Woken(AtomicBool::new(true)));
                    let future = Box::pin(service.call(number));
                    calls.insert(number, Call { future, woken });
                    None
                }
                Step::Poll(at) => nth(at),
                Step::Drop(at) => {
                    if let Some(number) = nth(at) {
                        calls.remove(&number);
                        held.lock().expect("no panic").remove(&number);
                    }
                    None
                }
                Step::Answer(at) => {
                    let mut held = held.lock().expect("no panic");
                    let nth = held.keys().nth(at % held.len().max(1)).copied();
                    let waker = nth.and_then(|number| held.remove(&number)).flatten();
                    waker.into_iter().for_each(Waker::wake);
                    None
                }
                Step::Run => None,
            };
            let run = matches!(step, Step::Run);
            let woken = |calls: &BTreeMap<usize, Call>| {
                calls.iter().find(|(_, call)| call.woken.0.load(SeqCst)).map(|(number, _)| *number)
            };
            let mut next = if run { woken(&calls) } else { due };
            while let Some(number) = next {
                let call = calls.get_mut(&number).expect("it was there");
                polled.insert(number);
                if let Poll::Ready(answer) = call.poll() {
                    prop_assert!(answer.is_ok(), "the target is far");
                    answered += 1;
                    calls.remove(&number);
                }
                next = woken(&calls).filter(|_| run);
            }
            let seen = gate.snapshot();
            let refused = seen.admission.refused.total();
            let ended = seen.ended.total();
            let there = (seen.waiting + seen.running) as u64;
            prop_assert_eq!(seen.admission.offered, polled.len() as u64);
            prop_assert_eq!(seen.admission.offered, refused + ended + there + answered);
            prop_assert!(seen.running <= places);
            if run {
                prop_assert!(seen.waiting == 0 || seen.running == places, "nobody waits in vain");
                let serves = held.lock().expect("no panic").len();
                prop_assert_eq!(seen.running, serves, "who has a place was told of it");
            }
        }
        calls.clear();
        let seen = gate.snapshot();
        prop_assert_eq!((seen.waiting, seen.running), (0, 0));
    }
}
