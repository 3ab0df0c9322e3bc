//! What is said of an app that is served: by methods, and by the settings of the server.

#[path = "serve/client.rs"]
#[allow(dead_code, reason = "the cases of `serve` use more of it")]
mod client;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::routing::{get, post};
use client::Client;
use sluicegate_tower::{Addr, Serve, Serving, serve};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::sync::mpsc;

fn any_port() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

fn app() -> Router {
    Router::new().route("/", get(|| async { "app" })).route("/app", get(|| async { "app" }))
}

fn start<S>(serve: Serve<S>) -> (Serving, SocketAddr)
where
    S: Clone + Send + 'static,
    S: tower::Service<
            axum::http::Request<sluicegate_tower::Body>,
            Response = axum::http::Response<Body>,
            Error = std::convert::Infallible,
            Future: 'static,
        >,
{
    let serving = serve.workers(1).start().expect("it starts");
    let Addr::Tcp(addr) = serving.listening()[0] else { panic!("no TCP address") };
    (serving, addr)
}

#[tokio::test]
async fn what_cannot_be_is_said_before_anything_is_served() {
    let serve = || serve(any_port(), app());
    let nowhere = serve().config("root = \"/tmp\"\n");
    for (serve, says) in [
        (serve().workers(0), "workers(): `workers` is \"0\"; accepted: a whole number from 1 to"),
        (serve().class(|_| 1), "class() says who goes first where a target bounds what waits, and"),
        (serve().client(|_| Some(1)), "client() says who goes first where a target bounds what"),
        (serve().config("wrokers = 2\n"), "config():1:1: "),
        (nowhere, "config():1:8: nobody would ever see this site"),
        (serve().config_file("/none/at/all.toml"), "/none/at/all.toml: cannot be read: "),
    ] {
        let told = serve.await.expect_err(says).to_string();
        assert!(told.starts_with(says), "{told}");
    }
    let taken = std::net::TcpListener::bind(any_port()).expect("a free port");
    let addr = taken.local_addr().expect("it listens");
    let told = sluicegate_tower::serve(addr, app()).await.expect_err("it is taken").to_string();
    assert!(told.starts_with(&format!("cannot listen on {addr}: ")), "{told}");
}

#[tokio::test]
async fn the_servers_settings_hold_around_an_app() {
    let dir = std::env::temp_dir().join(format!("sluicegate-settings-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("it can be made");
    std::fs::write(dir.join("page.txt"), "page").expect("it can be written");
    let text = format!(
        "root = {dir:?}\n[[rule]]\npath = \"/\"\nheaders = {{ X-Rule = \"1\" }}\n[[route]]\n\
         path = \"/app\"\nhandler = \"app\"\n[[route]]\npath = \"/echo\"\nhandler = \"echo\"\n"
    );
    let (serving, addr) = start(serve(any_port(), app()).config(text));
    let mut client = Client::to(addr).await;
    for (path, status, body) in
        [("/app", 200, "app"), ("/page.txt", 200, "page"), ("/app/x", 404, ""), ("/echo", 200, "")]
    {
        let answer = client.get(path).await;
        assert_eq!((answer.head.status, answer.text()), (status, body), "{path}");
        assert_eq!(answer.head.field("x-rule"), Some("1"), "{path}");
    }
    drop(client);
    let served = serving.drain().await.expect("the runtime is there");
    assert!(served.complete && served.flows_even && served.connections_even, "{served:?}");
    assert_eq!(served.answered, 4);
    std::fs::remove_dir_all(dir).expect("it can be removed");
}

#[tokio::test]
async fn a_gate_is_there_when_there_is_a_target() {
    let admin = || any_port();
    let target = Duration::from_millis(50);
    let served = serve(any_port(), app()).target(target).class(|_| 1).client(|_| Some("one"));
    let (serving, addr) = start(served.admin(admin()));
    assert_eq!(Client::to(addr).await.get("/").await.text(), "app");
    let Some(Addr::Tcp(shown)) = serving.admin() else { panic!("it was asked for") };
    let net = Client::to(*shown).await.get("/api/net").await;
    let net = net.text();
    let at = net.find("\"name\":\"app\"").expect("its stage");
    assert!(net[at..].contains("\"target_us\":50000"), "{net}");
    drop(serving);
    let (serving, _) = start(serve(any_port(), app()));
    assert!(serving.admin().is_none(), "nothing is shown unasked");
}

#[tokio::test]
async fn out_of_service_it_refuses() {
    let text = "[[route]]\npath = \"/\"\nhandler = \"app\"\nrefuse = true\n";
    let (_serving, addr) = start(serve(any_port(), app()).config(text));
    let answer = Client::to(addr).await.get("/").await;
    assert_eq!(answer.head.status, 503);
    assert!(answer.head.field("retry-after").is_some());
}

#[tokio::test]
async fn what_is_too_late_is_dropped() {
    struct Tell(mpsc::UnboundedSender<()>);
    impl Drop for Tell {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }
    let (tell, mut told) = mpsc::unbounded_channel();
    let never = move || async move {
        let _tell = Tell(tell);
        std::future::pending::<&str>().await
    };
    let asked = |parts: &axum::http::request::Parts| {
        let ms = parts.headers.get("x-timeout-ms")?.to_str().ok()?.parse().ok()?;
        Some(Duration::from_millis(ms))
    };
    let app = app().route("/never", get(never));
    let (_serving, addr) = start(serve(any_port(), app).deadline(asked));
    let mut client = Client::to(addr).await;
    client.send("GET /never HTTP/1.1\r\nHost: a\r\nX-Timeout-Ms: 20\r\n\r\n").await;
    assert_eq!(client.answer().await.head.status, 504);
    assert_eq!(told.recv().await, Some(()));
    assert_eq!(client.get("/").await.text(), "app");
}

#[tokio::test]
async fn a_limit_of_bodies_that_was_typed_holds() {
    let read = |body: Result<Bytes, axum::extract::rejection::BytesRejection>| async move {
        body.map_or(StatusCode::BAD_REQUEST, |_| StatusCode::OK)
    };
    let app = app().route("/read", post(read));
    let (_serving, addr) = start(serve(any_port(), app).config("[limits]\nbody = \"1 KiB\"\n"));
    let ask = |len| {
        let piece = format!("{len:x}\r\n{}\r\n", "x".repeat(len));
        format!(
            "POST /read HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{piece}0\r\n\r\n"
        )
    };
    for (len, status) in [(1024, 200), (1025, 413)] {
        let mut client = Client::to(addr).await;
        client.send(ask(len)).await;
        assert_eq!(client.answer().await.head.status, status, "{len}");
    }
}

#[tokio::test]
async fn a_future_that_is_dropped_serves_no_more() {
    let listener = std::net::TcpListener::bind(any_port()).expect("a free port");
    let addr = listener.local_addr().expect("it listens");
    let served = serve(listener, app()).workers(2);
    let mut client = tokio::select! {
        told = served => panic!("it ended: {told:?}"),
        client = async {
            let mut client = Client::to(addr).await;
            assert_eq!(client.get("/").await.text(), "app");
            client
        } => client,
    };
    assert_eq!(client.rest().await, b"");
    assert!(std::net::TcpStream::connect(addr).is_err(), "nobody listens");
}
