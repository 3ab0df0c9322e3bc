//! What a gate promises to who calls it.

mod common;

use common::{Sleeper, ms, why};
use sluicegate::Why;
use sluicegate_tower::{AsError, Gate};
use std::future::{Future, pending, poll_fn};
use std::task::Poll;
use std::time::Duration;
use tokio::time::Instant;
use tower::{Layer, Service, ServiceExt, service_fn};

/// A gate before a [`Sleeper`], with so many places.
fn gate(target: Duration, places: usize) -> Gate<Duration, AsError> {
    Gate::target(target).concurrency(places).refuse_as_error()
}

/// Has all tasks that are ready run.
async fn settle() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_can_be_served_is_let_in_however_long_it_is_pending() {
    let gate = gate(ms(50), 20);
    let service = gate.layer(Sleeper::default());
    // Twenty at once, each of which takes twice the target, and all the time.
    let user = |n: u64| {
        let service = service.clone();
        tokio::spawn(async move {
            tokio::time::sleep(ms(5 * n)).await;
            for _ in 0..50 {
                let answer = service.clone().oneshot(ms(100)).await;
                assert_eq!(answer.expect("there is a place for each"), ms(100));
            }
        })
    };
    for user in (0..20).map(user).collect::<Vec<_>>() {
        user.await.expect("all were answered");
    }
    let seen = gate.snapshot();
    assert_eq!((seen.finished, seen.admission.refused.total()), (1000, 0));
    assert_eq!((seen.waiting, seen.running), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn all_clones_of_a_gate_have_the_same_places() {
    let (gate, sleeper) = (gate(ms(1000), 2), Sleeper::default());
    let (one, other) = (gate.layer(sleeper.clone()), gate.clone().layer(sleeper.clone()));
    let calls = (0..6).map(|n| if n % 2 == 0 { one.clone() } else { other.clone() });
    let calls: Vec<_> = calls.map(|service| tokio::spawn(service.oneshot(ms(10)))).collect();
    settle().await;
    let seen = gate.snapshot();
    assert_eq!((seen.running, seen.waiting, sleeper.running()), (2, 4, 2));
    for call in calls {
        call.await.expect("it does not panic").expect("it waits");
    }
    assert_eq!(sleeper.peak(), 2);
}

#[tokio::test(start_paused = true)]
async fn who_is_only_ready_or_never_polled_holds_nothing() {
    let gate = gate(ms(50), 1);
    let service = gate.layer(Sleeper::default());
    let mut idle = service.clone();
    poll_fn(|cx| idle.poll_ready(cx)).await.expect("always ready");
    let unpolled = service.clone().call(ms(1));
    assert!(service.clone().oneshot(ms(1)).await.is_ok());
    assert_eq!(gate.snapshot().admission.offered, 1);
    assert!(unpolled.await.is_ok() && idle.call(ms(1)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_leaves_the_queue_or_frees_its_place() {
    let (gate, sleeper) = (gate(ms(1000), 1), Sleeper::default());
    let service = gate.layer(sleeper.clone());
    let calls = [0; 3].map(|_| tokio::spawn(service.clone().oneshot(ms(100))));
    settle().await;
    assert_eq!((gate.snapshot().running, gate.snapshot().waiting), (1, 2));
    let [served, waits, last] = calls;
    waits.abort();
    assert!(waits.await.is_err());
    assert_eq!((gate.snapshot().running, gate.snapshot().waiting), (1, 1), "it left the queue");
    served.abort();
    assert!(served.await.is_err());
    settle().await;
    assert_eq!((gate.snapshot().running, gate.snapshot().waiting), (1, 0), "the last is served");
    assert_eq!((sleeper.running(), sleeper.peak()), (1, 1));
    assert!(last.await.expect("it does not panic").is_ok());
    let seen = gate.snapshot();
    assert_eq!((seen.finished, seen.ended[Why::Gone]), (1, 1));
    assert_eq!(seen.admission.refused[Why::Gone], 1);
}

#[tokio::test(start_paused = true)]
async fn who_waits_behind_calls_that_hang_is_told_in_time() {
    let gate = gate(ms(50), 1);
    let hang = service_fn(|_: Duration| pending::<Result<(), std::convert::Infallible>>());
    let service = gate.layer(hang);
    let hangs = tokio::spawn(service.clone().oneshot(ms(0)));
    settle().await;
    let began = Instant::now();
    assert_eq!(why(&service.oneshot(ms(0)).await), Some(Why::Shed));
    assert!(began.elapsed() <= ms(50), "{:?}", began.elapsed());
    hangs.abort();
}

#[tokio::test(start_paused = true)]
async fn a_deadline_is_kept_at_the_door_and_in_the_queue() {
    let gate = gate(ms(1000), 1).deadline(|takes: &Duration| Some(*takes + ms(25)));
    let service = gate.layer(Sleeper::default());
    for _ in 0..40 {
        assert!(service.clone().oneshot(ms(20)).await.is_ok(), "so it learns what one costs");
    }
    let served = tokio::spawn(service.clone().oneshot(ms(20)));
    settle().await;
    // One would be served 40 ms from now and has 45. Two would come too late.
    let waits = tokio::spawn(service.clone().oneshot(ms(20)));
    settle().await;
    assert_eq!(why(&service.clone().oneshot(ms(20)).await), Some(Why::Expired));
    assert!(served.await.expect("no panic").is_ok() && waits.await.expect("no panic").is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_more_important_goes_first_and_pushes_out() {
    let gate = gate(ms(200), 1).class(|takes: &Duration| takes.subsec_micros() as u8);
    let service = gate.layer(Sleeper::default());
    let call =
        |class: u64| tokio::spawn(service.clone().oneshot(ms(20) + Duration::from_micros(class)));
    for _ in 0..40 {
        assert!(call(0).await.expect("no panic").is_ok());
    }
    let first = call(0);
    settle().await;
    // Two thirds of the target are six of them.
    let low: Vec<_> = (0..6).map(|_| call(1)).collect();
    settle().await;
    let high = call(2);
    settle().await;
    let began = Instant::now();
    assert!(high.await.expect("no panic").is_ok());
    assert!(began.elapsed() < ms(50), "behind the one in hand alone");
    assert!(first.await.expect("no panic").is_ok());
    let mut refused = 0;
    for call in low {
        refused += usize::from(why(&call.await.expect("no panic")) == Some(Why::Shed));
    }
    assert_eq!(refused, 1, "one made room");
}

#[tokio::test(start_paused = true)]
async fn clients_share_and_the_greedy_is_told_so() {
    let gate = gate(ms(200), 1).client(|takes: &Duration| Some(takes.subsec_micros() % 1000));
    let service = gate.layer(Sleeper::default());
    let call =
        |client: u64| tokio::spawn(service.clone().oneshot(ms(10) + Duration::from_micros(client)));
    for _ in 0..40 {
        assert!(call(1).await.expect("no panic").is_ok());
    }
    let greedy: Vec<_> = (0..40).map(|_| call(1)).collect();
    settle().await;
    let began = Instant::now();
    assert!(call(2).await.expect("no panic").is_ok());
    assert!(began.elapsed() < ms(35), "before what the other has waiting: {:?}", began.elapsed());
    let mut refused = Vec::new();
    for call in greedy {
        refused.extend(why(&call.await.expect("no panic")));
    }
    assert!(refused.len() > 20 && refused.contains(&Why::Greedy), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn a_panic_frees_the_place() {
    let gate = Gate::target(ms(50)).concurrency(1).refuse_as_error();
    let service = gate.layer(service_fn(|panics: bool| async move {
        assert!(!panics, "as it was told");
        Ok::<_, std::convert::Infallible>(())
    }));
    assert!(tokio::spawn(service.clone().oneshot(true)).await.is_err());
    assert!(service.oneshot(false).await.is_ok());
    let seen = gate.snapshot();
    assert_eq!((seen.ended[Why::Failed], seen.finished, seen.running), (1, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn errors_of_the_service_pass_and_are_answers() {
    let gate = Gate::target(ms(50)).refuse_as_error();
    let service = gate.layer(service_fn(|()| async { Err::<(), _>(std::fmt::Error) }));
    let error = service.oneshot(()).await.expect_err("it fails");
    assert!(error.is::<std::fmt::Error>());
    assert_eq!(gate.snapshot().finished, 1);
}

#[tokio::test]
async fn between_two_handlers_that_compute_the_thread_hears_who_else_asks() {
    let gate = Gate::target(Duration::from_secs(60)).concurrency(1).refuse_as_error();
    let seen = gate.clone();
    // How many wait when each handler begins; each keeps the thread for longer than a slice.
    let service = gate.layer(service_fn(move |()| {
        let waiting = seen.snapshot().waiting;
        let before = std::time::Instant::now();
        while before.elapsed() < ms(1) {
            std::hint::spin_loop();
        }
        async move { Ok::<_, std::convert::Infallible>(waiting) }
    }));
    let first = service.clone().oneshot(()).await.expect("a free place");
    assert_eq!(first, 0);
    let calls: Vec<_> = (0..5).map(|_| tokio::spawn(service.clone().oneshot(()))).collect();
    let mut waited = Vec::new();
    for call in calls {
        waited.push(call.await.expect("no panic").expect("the target is far"));
    }
    assert_eq!(waited, [4, 3, 2, 1, 0], "all were in the queue before the first was served");
}

#[tokio::test]
async fn handlers_that_compute_have_no_more_places_than_there_are_processors() {
    let gate = Gate::target(Duration::from_secs(60)).concurrency(16).refuse_as_error();
    let seen = gate.clone();
    let service = gate.layer(service_fn(move |()| {
        let running = seen.snapshot().running;
        let before = std::time::Instant::now();
        while before.elapsed() < ms(1) {
            std::hint::spin_loop();
        }
        async move { Ok::<_, std::convert::Infallible>(running) }
    }));
    let calls: Vec<_> = (0..40).map(|_| tokio::spawn(service.clone().oneshot(()))).collect();
    let mut most = 0;
    for call in calls {
        most = most.max(call.await.expect("no panic").expect("the target is far"));
    }
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    assert!(most <= processors, "{most} places of 16, for one thread");
}

#[tokio::test(start_paused = true)]
async fn calls_that_nobody_polls_hold_up_the_others_for_a_second_and_no_longer() {
    let gate = gate(Duration::from_secs(60), 64);
    let service = gate.layer(Sleeper::default());
    let mut served: Vec<_> =
        (0..64).map(|_| tokio::spawn(service.clone().oneshot(ms(3_600_000)))).collect();
    settle().await;
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut forgotten: Vec<_> =
        (0..processors).map(|_| Box::pin(service.clone().oneshot(ms(1)))).collect();
    for call in &mut forgotten {
        // Once, so that it waits in the queue.
        assert!(poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx))).await.is_pending());
    }
    let last = tokio::spawn(service.clone().oneshot(ms(1)));
    settle().await;
    served.drain(..=processors).for_each(|call| call.abort());
    settle().await;
    let seen = gate.snapshot();
    assert_eq!((seen.running, seen.waiting), (63, 1), "whose turn it is must begin first");
    let began = Instant::now();
    assert!(last.await.expect("no panic").is_ok());
    assert!(began.elapsed() < ms(1100), "{:?}", began.elapsed());
    served.iter().for_each(tokio::task::JoinHandle::abort);
}
