//! What users of tower's limits complain of, each beside a gate that does not have it.
//!
//! The complaints are those of users of axum, tower and of what is built with them; each test
//! shows first that tower's own layers do as they say.

mod common;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use common::{Sleeper, ms};
use sluicegate_tower::Gate;
use std::convert::Infallible;
use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use tower::limit::{ConcurrencyLimitLayer, GlobalConcurrencyLimitLayer};
use tower::load_shed::LoadShedLayer;
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt};

fn ask(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).expect("a path")
}

/// How many of those that ask each 2 ms for five seconds, five times as many as can be served, are
/// answered within 100 ms in the last four, as a share of what can be served.
async fn goodput<S>(service: S) -> f64
where
    S: Service<Duration> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    S::Response: Send,
{
    let mut calls = Vec::new();
    for n in 0..2500 {
        let call = service.clone().oneshot(ms(40));
        calls.push(tokio::spawn(async move {
            let came = Instant::now();
            // Clients give up after a second.
            let answer = timeout(ms(1000), call).await;
            n >= 500 && matches!(answer, Ok(Ok(_))) && came.elapsed() <= ms(100)
        }));
        sleep(ms(2)).await;
    }
    let mut good = 0;
    for call in calls {
        good += u32::from(call.await.expect("no panic"));
    }
    // Four places, 40 ms each, for four seconds.
    f64::from(good) / 400.0
}

/// Pain 1: in overload all wait until nobody is answered in time.
#[tokio::test(start_paused = true)]
async fn overload_leaves_nobody_served_in_time_but_behind_a_gate() {
    let limited = GlobalConcurrencyLimitLayer::new(4).layer(Sleeper::default());
    let tower = goodput(limited).await;
    assert!(tower < 0.1, "{tower}");
    let gate = Gate::target(ms(100)).concurrency(4).refuse_as_error();
    let ours = goodput(gate.layer(Sleeper::default())).await;
    assert!(ours > 0.92, "{ours}");
}

/// How many of eight requests to two routes of a router with a layer run at once.
async fn peak<L>(layer: L) -> usize
where
    L: Layer<axum::routing::Route> + Clone + Send + Sync + 'static,
    L::Service: Service<Request<Body>, Response = Response, Error = Infallible>,
    L::Service: Clone + Send + Sync + 'static,
    <L::Service as Service<Request<Body>>>::Future: Send,
{
    let sleeper = Sleeper::default();
    let seen = sleeper.clone();
    let handler = async move || {
        sleeper.oneshot(ms(10)).await.expect("it cannot fail");
    };
    let app = Router::new().route("/a", get(handler.clone())).route("/b", get(handler));
    let app = app.layer(layer);
    let calls = (0..8).map(|n| {
        let path = if n % 2 == 0 { "/a" } else { "/b" };
        tokio::spawn(app.clone().oneshot(ask(path)))
    });
    for call in calls.collect::<Vec<_>>() {
        let answer = call.await.expect("no panic").expect("it cannot fail");
        assert_eq!(answer.status(), StatusCode::OK);
    }
    seen.peak()
}

/// Pain 2: a limit that is made anew wherever the layer is applied does not limit.
#[tokio::test(start_paused = true)]
async fn a_limit_is_one_for_all_routes() {
    assert_eq!(peak(ConcurrencyLimitLayer::new(1)).await, 8, "one for each call");
    assert_eq!(peak(Gate::target(ms(1000)).concurrency(1)).await, 1);
}

/// Pain 3: a clone that was ready once, and is not called, keeps its place for ever.
#[tokio::test(start_paused = true)]
async fn an_idle_clone_locks_nobody_out() {
    let limited = GlobalConcurrencyLimitLayer::new(1).layer(Sleeper::default());
    let mut idle = limited.clone();
    poll_fn(|cx| idle.poll_ready(cx)).await.expect("it cannot fail");
    assert!(timeout(ms(10_000), limited.oneshot(ms(1))).await.is_err(), "it waits for ever");

    let gate = Gate::target(ms(50)).concurrency(1).refuse_as_error();
    let gated = gate.layer(Sleeper::default());
    let mut idle = gated.clone();
    poll_fn(|cx| idle.poll_ready(cx)).await.expect("always ready");
    assert!(gated.oneshot(ms(1)).await.is_ok());
}

/// A service that is not ready when it is first asked, as one that connects.
#[derive(Clone, Default)]
struct Connects(bool);

impl Service<Duration> for Connects {
    type Response = ();
    type Error = Infallible;
    type Future = std::future::Ready<Result<(), Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(Ok(()));
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn call(&mut self, _: Duration) -> Self::Future {
        std::future::ready(Ok(()))
    }
}

/// Pain 3: what is only not ready yet is shed though nothing is to do.
#[tokio::test(start_paused = true)]
async fn a_service_that_is_not_ready_yet_is_waited_for() {
    let shed = LoadShedLayer::new().layer(Connects::default());
    assert!(shed.oneshot(ms(0)).await.is_err_and(|error: BoxError| !error.to_string().is_empty()));
    let gate = Gate::target(ms(50)).refuse_as_error();
    assert!(gate.layer(Connects::default()).oneshot(ms(0)).await.is_ok());
}

/// Pain 3: shedding without a queue refuses what comes together by chance, at a tenth of the load
/// that can be served.
#[tokio::test(start_paused = true)]
async fn what_comes_together_by_chance_waits_a_moment() {
    async fn refused<S>(service: S) -> usize
    where
        S: Service<Duration> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Send,
        S::Response: Send,
    {
        let mut refused = 0;
        for _ in 0..50 {
            let calls: Vec<_> =
                (0..4).map(|_| tokio::spawn(service.clone().oneshot(ms(1)))).collect();
            for call in calls {
                refused += usize::from(call.await.expect("no panic").is_err());
            }
            sleep(ms(40)).await;
        }
        refused
    }
    let shed = ServiceBuilder::new()
        .layer(LoadShedLayer::new())
        .layer(GlobalConcurrencyLimitLayer::new(1))
        .service(Sleeper::default());
    assert_eq!(refused(shed).await, 150, "three of four");
    let gate = Gate::target(ms(50)).concurrency(1).refuse_as_error();
    assert_eq!(refused(gate.layer(Sleeper::default())).await, 0);
}

/// Pain 4: a refusal is an error that each service has to make an answer of by itself. With a gate
/// it is an answer, which says why and when to come again.
#[tokio::test(start_paused = true)]
async fn a_refusal_is_an_answer_that_says_what_to_do() {
    let client = |request: &Request<Body>| request.headers().get("x-client").cloned();
    let gate = Gate::target(ms(200)).concurrency(1).client(client);
    let handler = get(async || sleep(ms(10)).await);
    let app = Router::new().route("/", handler).layer(gate.clone());
    let call = |client: &str| {
        let mut request = ask("/");
        request.headers_mut().insert("x-client", client.parse().expect("a value"));
        tokio::spawn(app.clone().oneshot(request))
    };
    for _ in 0..40 {
        assert_eq!(call("a").await.expect("no panic").expect("no error").status(), 200);
    }
    let calls: Vec<_> = (0..40).map(|n| call(if n % 20 == 1 { "b" } else { "a" })).collect();
    let mut counts = std::collections::BTreeMap::new();
    for call in calls {
        let answer = call.await.expect("no panic").expect("a refusal is no error");
        let status = answer.status().as_u16();
        *counts.entry(status).or_insert(0) += 1;
        let again = answer.headers().get(header::RETRY_AFTER).map(|value| value.to_str());
        match status {
            200 => assert!(again.is_none()),
            _ => assert!(matches!(again, Some(Ok("1" | "2" | "3"))), "{again:?}"),
        }
    }
    assert!(counts[&200] >= 3 && counts[&429] > 20, "{counts:?}");
    let refused = gate.snapshot().admission.refused.total();
    assert_eq!(refused, counts.values().sum::<u64>() - counts[&200], "each of them is counted");
}

/// A response that never comes.
type Never = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Pain 12: what never ends holds up a drain. A call whose client has gone ends with it, however
/// long its handler would take, and nobody waits behind it.
#[tokio::test(start_paused = true)]
async fn a_handler_that_never_ends_is_over_when_its_client_goes() {
    let gate = Gate::target(ms(50)).concurrency(1);
    let never = || -> Never { Box::pin(pending()) };
    let app = Router::new()
        .route("/never", get(never))
        .route("/", get(async || "here"))
        .layer(gate.clone());
    let hangs = timeout(ms(100), app.clone().oneshot(ask("/never"))).await;
    assert!(hangs.is_err());
    let seen = gate.snapshot();
    assert_eq!((seen.running, seen.ended.total()), (0, 1));
    assert_eq!(app.oneshot(ask("/")).await.expect("no error").status(), 200);
}
