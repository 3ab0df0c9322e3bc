//! A gate around a tonic server, over HTTP/2: what its clients hear when they are not let in.

mod common;

use axum::body::{Bytes, HttpBody};
use axum::http::{self, uri::PathAndQuery};
use bytes::{Buf, BufMut};
use common::ms;
use hyper_util::rt::TokioIo;
use sluicegate::Why;
use sluicegate_tower::{Gate, Grpc, grpc_timeout};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::NamedService;
use tonic::service::Routes;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Code, Request, Response, Status};
use tower::{Service, ServiceExt, service_fn};

/// Messages as they are, without a schema.
#[derive(Clone, Copy, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put(message);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

/// What a generated service is: its only method sleeps for 20 ms and says what it was told.
#[derive(Clone)]
struct Echo;

const METHOD: &str = "/test.Echo/Echo";

impl NamedService for Echo {
    const NAME: &'static str = "test.Echo";
}

impl Service<http::Request<Body>> for Echo {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<http::Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let echo = service_fn(async |request: Request<Bytes>| {
            tokio::time::sleep(ms(20)).await;
            Ok::<_, Status>(Response::new(request.into_inner()))
        });
        Box::pin(async move { Ok(tonic::server::Grpc::new(Raw).unary(echo, request).await) })
    }
}

/// A gate as tonic's services are put behind, with one place.
fn gate(target: Duration) -> Gate<http::Request<Body>, Grpc> {
    Gate::target(target)
        .concurrency(1)
        .deadline(grpc_timeout)
        .client(|request: &http::Request<Body>| request.headers().get("x-client").cloned())
        .refuse_as_grpc()
}

/// A client of a tonic server behind `gate`.
async fn client(gate: &Gate<http::Request<Body>, Grpc>) -> Channel {
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let server = Server::builder().layer(gate.clone()).add_routes(Routes::new(Echo));
    let incoming = tokio_stream::once(Ok::<_, std::io::Error>(theirs));
    tokio::spawn(server.serve_with_incoming(incoming));
    let mut ours = Some(TokioIo::new(ours));
    let connect = service_fn(move |_| std::future::ready(ours.take().ok_or("one connection")));
    let endpoint = Endpoint::from_static("http://in.memory");
    endpoint.connect_with_connector(connect).await.expect("it is there")
}

/// Asks once, in a task of its own.
async fn ask(channel: Channel, client: &'static str, timeout: Option<Duration>) -> Asked {
    let mut grpc = tonic::client::Grpc::new(channel);
    let mut request = Request::new(Bytes::from_static(b"hello"));
    request.metadata_mut().insert("x-client", client.parse().expect("ASCII"));
    timeout.into_iter().for_each(|timeout| request.set_timeout(timeout));
    grpc.ready().await.expect("it is connected");
    grpc.unary(request, PathAndQuery::from_static(METHOD), Raw).await.map(Response::into_inner)
}

type Asked = Result<Bytes, Status>;

#[tokio::test(start_paused = true)]
async fn what_is_too_much_is_unavailable_and_says_when_to_come_again() {
    let gate = gate(ms(100));
    let channel = client(&gate).await;
    for _ in 0..40 {
        let answer = ask(channel.clone(), "a", None).await;
        assert_eq!(answer.expect("little is asked"), "hello");
    }
    let asked = |n: usize| {
        let client = ["a", "b", "c", "d"][n % 4];
        tokio::spawn(ask(channel.clone(), client, None))
    };
    let mut refused = 0;
    for call in (0..40).map(asked).collect::<Vec<_>>() {
        let Err(status) = call.await.expect("no panic") else { continue };
        refused += 1;
        assert!([Code::Unavailable, Code::ResourceExhausted].contains(&status.code()), "{status}");
        let again = status.metadata().get("grpc-retry-pushback-ms").expect("when to come again");
        assert!(matches!(again.to_str(), Ok("1000" | "2000" | "3000")), "{again:?}");
    }
    assert!((30..40).contains(&refused), "{refused}");
    assert_eq!(gate.snapshot().admission.refused.total(), refused);
}

#[tokio::test(start_paused = true)]
async fn a_greedy_client_is_told_that_its_share_is_exhausted() {
    let gate = gate(ms(200));
    let channel = client(&gate).await;
    for _ in 0..40 {
        assert!(ask(channel.clone(), "a", None).await.is_ok());
    }
    let asked = |n: usize| {
        let client = if n % 20 == 1 { "b" } else { "a" };
        tokio::spawn(ask(channel.clone(), client, None))
    };
    let mut codes = Vec::new();
    for call in (0..40).map(asked).collect::<Vec<_>>() {
        codes.extend(call.await.expect("no panic").err().map(|status| status.code()));
    }
    let exhausted = codes.iter().filter(|code| **code == Code::ResourceExhausted).count();
    assert!(exhausted > 20, "{codes:?}");
    assert_eq!(gate.snapshot().admission.refused[Why::Greedy], exhausted as u64);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_of_grpc_is_a_deadline() {
    let gate = gate(ms(1000));
    let channel = client(&gate).await;
    for _ in 0..40 {
        assert!(ask(channel.clone(), "a", None).await.is_ok());
    }
    let served = tokio::spawn(ask(channel.clone(), "a", None));
    tokio::time::sleep(ms(1)).await;
    // It would be answered 39 ms from now.
    let late = ask(channel.clone(), "a", Some(ms(30))).await.expect_err("too late");
    assert_eq!(late.code(), Code::DeadlineExceeded, "{late}");
    assert_eq!(late.message(), "there is too little time left for an answer", "by the gate");
    assert_eq!(gate.snapshot().admission.refused[Why::Expired], 1);
    assert!(late.metadata().get("grpc-retry-pushback-ms").is_none(), "it was in vain");
    let waits = ask(channel.clone(), "a", Some(ms(60))).await;
    assert!(waits.is_ok() && served.await.expect("no panic").is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_drains_is_unavailable() {
    let gate = gate(ms(100));
    let channel = client(&gate).await;
    let served = tokio::spawn(ask(channel.clone(), "a", None));
    tokio::time::sleep(ms(1)).await;
    let drain = gate.drain();
    let refused = ask(channel, "a", None).await.expect_err("it drains");
    assert_eq!(
        (refused.code(), refused.message()),
        (Code::Unavailable, "the service is about to end")
    );
    drain.await;
    assert!(served.await.expect("no panic").is_ok());
}

/// Trailers-Only: one block of fields, which ends the stream.
#[tokio::test]
async fn a_refusal_is_one_block_of_fields() {
    let gate = gate(ms(100));
    gate.drain().await;
    let service = tower::Layer::layer(&gate, Echo);
    let refused = service.oneshot(http::Request::new(Body::empty())).await.expect("an answer");
    assert_eq!(refused.status(), http::StatusCode::OK);
    assert_eq!(refused.headers()[http::header::CONTENT_TYPE], "application/grpc");
    assert_eq!(refused.headers()["grpc-status"], "14");
    assert!(refused.body().is_end_stream());
}
