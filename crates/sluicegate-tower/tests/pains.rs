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
use axum::serve::Listener;
use common::{Sleeper, ms};
use sluicegate_tower::Gate;
use std::convert::Infallible;
use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tower::limit::{ConcurrencyLimitLayer, GlobalConcurrencyLimitLayer};
use tower::load_shed::LoadShedLayer;
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt};

/// A service of calls that say how long they take, to be asked from any thread.
trait Asked:
    Service<Duration, Response: Send, Error: Send, Future: Send> + Clone + Send + 'static
{
}

impl<S> Asked for S where
    S: Service<Duration, Response: Send, Error: Send, Future: Send> + Clone + Send + 'static
{
}

fn ask(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).expect("a path")
}

/// How many of those that ask each 2 ms for five seconds, five times as many as can be served, are
/// answered within 100 ms in the last four, as a share of what can be served.
async fn goodput(service: impl Asked) -> f64 {
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
    async fn refused(service: impl Asked) -> usize {
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

/// A listener of connections in memory, so that no time passes but what tests have pass.
struct InMemory(mpsc::Receiver<DuplexStream>);

impl Listener for InMemory {
    type Io = DuplexStream;
    type Addr = ();

    async fn accept(&mut self) -> (DuplexStream, ()) {
        match self.0.recv().await {
            Some(stream) => (stream, ()),
            None => pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Serves an app to three clients: one has sent half of a head and no more, one asks for what takes
/// a second, and the third is as the first, or asks for what `hangs`. The server is to end when
/// `end` is over. The server, and the clients.
async fn ending(
    app: Router,
    hangs: bool,
    end: impl Future<Output = ()> + Send + 'static,
) -> (JoinHandle<std::io::Result<()>>, [DuplexStream; 3]) {
    let (connect, listener) = mpsc::channel(3);
    let server = axum::serve(InMemory(listener), app).with_graceful_shutdown(end);
    let server = tokio::spawn(server.into_future());
    let third = if hangs { "\r\n" } else { "" };
    let heads = [("/never", ""), ("/slow", "\r\n"), ("/never", third)];
    let [(first, one), (second, two), (third, three)] = [0; 3].map(|_| duplex(1 << 16));
    let mut clients = [first, second, third];
    for ours in [one, two, three] {
        connect.send(ours).await.expect("it listens");
    }
    for (client, (path, rest)) in clients.iter_mut().zip(heads) {
        let head = format!("GET {path} HTTP/1.1\r\nHost: a\r\n{rest}");
        client.write_all(head.as_bytes()).await.expect("it reads");
    }
    sleep(ms(10)).await;
    (server, clients)
}

/// Pain 12: a drain that waits for connections never ends, for one that hangs is enough. A gate
/// knows when all that was asked is answered; or, after a time of one's choice, how much is not.
#[tokio::test(start_paused = true)]
async fn a_drain_ends_though_connections_hang() {
    let app = || {
        let slow = async || sleep(ms(1000)).await;
        Router::new()
            .route("/never", get(|| -> Never { Box::pin(pending()) }))
            .route("/slow", get(slow))
    };
    for hangs in [false, true] {
        let (server, _clients) = ending(app(), hangs, sleep(ms(5))).await;
        assert!(timeout(ms(3_600_000), server).await.is_err(), "it waits for ever: {hangs}");

        let gate = Gate::target(ms(500)).concurrency(8);
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async move { drop(stopped.await) };
        let (server, mut clients) = ending(app().layer(gate.clone()), hangs, stopped).await;
        let began = Instant::now();
        let drained = timeout(ms(10_000), gate.drain()).await.is_ok();
        assert_eq!((drained, gate.snapshot().running), (!hangs, usize::from(hangs)));
        // What is answered is written, and connections that are idle close.
        stop.send(()).expect("it serves");
        assert!(timeout(ms(100), server).await.is_err(), "left to itself it would not end");
        let most = if hangs { ms(10_100) } else { ms(1100) };
        assert!(began.elapsed() <= most, "{:?}", began.elapsed());
        let mut answer = String::new();
        clients[1].read_to_string(&mut answer).await.expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    }
}

/// A response that never comes.
type Never = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Pain 12 too: what never ends holds up others. A call whose client has gone ends with it, however
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
