//! The end of a gate: who came before is answered, who comes later is told, and it ends.

mod common;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::routing::get;
use common::{Sleeper, ms, why};
use sluicegate::Why;
use sluicegate_tower::{AsError, Gate};
use std::future::{Future, pending};
use std::pin::pin;
use std::time::Duration;
use tokio::time::{Instant, timeout};
use tower::{Layer, ServiceExt};

fn gate(places: usize) -> Gate<Duration, AsError> {
    Gate::target(ms(500)).concurrency(places).refuse_as_error()
}

#[tokio::test(start_paused = true)]
async fn what_waits_or_is_served_is_answered_and_what_is_new_is_refused() {
    let gate = gate(1);
    let service = gate.layer(Sleeper::default());
    let began = Instant::now();
    let calls = [0; 3].map(|_| tokio::spawn(service.clone().oneshot(ms(50))));
    let unpolled = service.clone().oneshot(ms(50));
    tokio::time::sleep(ms(10)).await;
    assert_eq!((gate.snapshot().running, gate.snapshot().waiting), (1, 2));

    let drain = gate.drain();
    assert!(gate.snapshot().draining, "at once, whoever waits for the future");
    assert_eq!(why(&service.clone().oneshot(ms(1)).await), Some(Why::Draining));
    assert_eq!(why(&unpolled.await), Some(Why::Draining), "it was not in the queue");
    drain.await;
    assert_eq!(began.elapsed(), ms(150), "three, one after the other");
    for call in calls {
        assert!(call.await.expect("no panic").is_ok());
    }
    let seen = gate.snapshot();
    assert_eq!((seen.finished, seen.admission.refused[Why::Draining]), (3, 2));
    assert_eq!((seen.admission.offered, seen.waiting, seen.running), (5, 0, 0));
    assert_eq!(why(&service.oneshot(ms(1)).await), Some(Why::Draining), "for good");
}

#[tokio::test(start_paused = true)]
async fn an_idle_gate_is_drained_at_once_and_all_who_wait_are_told() {
    let idle = gate(1);
    assert_eq!(timeout(Duration::ZERO, idle.drain()).await, Ok(()));
    assert_eq!(timeout(Duration::ZERO, idle.drain()).await, Ok(()), "again");

    let busy = gate(1);
    let call = tokio::spawn(busy.layer(Sleeper::default()).oneshot(ms(50)));
    tokio::time::sleep(ms(10)).await;
    let waits = [0; 3].map(|_| tokio::spawn(busy.clone().drain()));
    // One that gives up takes nothing from the others.
    assert!(timeout(ms(1), busy.drain()).await.is_err());
    for wait in waits {
        wait.await.expect("no panic");
    }
    assert!(call.await.expect("no panic").is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_drain_ends_when_the_last_call_is_dropped_or_panics() {
    for panics in [false, true] {
        let gate = Gate::target(ms(500)).concurrency(1).refuse_as_error();
        let service = gate.layer(tower::service_fn(move |()| async move {
            tokio::time::sleep(ms(20)).await;
            assert!(!panics, "as it was told");
            pending::<Result<(), std::convert::Infallible>>().await
        }));
        let call = tokio::spawn(timeout(ms(30), service.oneshot(())));
        tokio::time::sleep(ms(10)).await;
        assert_eq!(timeout(ms(100), gate.drain()).await, Ok(()), "{panics}");
        assert_eq!(call.await.is_err(), panics);
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_behind_a_call_that_hangs_is_refused_in_time() {
    let gate = gate(1);
    let hangs = tower::service_fn(|_| pending::<Result<Duration, std::convert::Infallible>>());
    let service = gate.layer(hangs);
    let calls = [0; 2].map(|_| tokio::spawn(service.clone().oneshot(ms(0))));
    tokio::time::sleep(ms(10)).await;
    let mut drain = pin!(gate.drain());
    assert!(timeout(ms(1000), &mut drain).await.is_err(), "the handler has no bound of its own");
    let [hangs, waits] = calls;
    assert_eq!(why(&waits.await.expect("no panic")), Some(Why::Shed));
    assert_eq!(gate.snapshot().running, 1, "so one knows how many hang");
    hangs.abort();
    drain.await;
}

#[tokio::test(start_paused = true)]
async fn over_http_who_comes_too_late_is_told_to_go_elsewhere() {
    let gate = Gate::target(ms(50));
    let app = Router::new().route("/", get(async || "here")).layer(gate.clone());
    let ask = || app.clone().oneshot(Request::get("/").body(Body::empty()).expect("a request"));
    assert_eq!(ask().await.expect("no error").status(), StatusCode::OK);
    gate.drain().await;
    let refused = ask().await.expect("no error");
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers().contains_key(header::RETRY_AFTER));
}

/// It can be kept in a task, whatever the requests are.
#[test]
fn the_future_of_a_drain_borrows_nothing() {
    fn is_free<T: Future<Output = ()> + Send + 'static>(_: T) {}
    is_free(gate(1).drain());
}
