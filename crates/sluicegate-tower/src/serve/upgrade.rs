//! Requests that want their connection to become something else, such as a WebSocket.
//!
//! Only hyper can make the [`OnUpgrade`] that services look for. So the connection is taken over as
//! bytes, and hyper speaks HTTP on it for this one request, in a task of the runtime; the service
//! itself is called where all requests are.

use super::pipe::{Pipe, Sent, pipe};
use crate::BoxError;
use bytes::{Buf, Bytes};
use http::header::{CONNECTION, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper::upgrade::OnUpgrade;
use sluicegate_http::{Exchange, Version};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// What is left in an exchange whose connection was taken over.
pub(super) struct Tunnel(Sent);

/// Where the response goes to a request whose connection was taken over.
pub(super) struct Answer<B>(oneshot::Sender<Response<Mapped<B>>>);

impl<B: http_body::Body> Answer<B> {
    /// Sends what the service has answered: 500 if that is an error.
    pub fn send<E>(self, answered: Result<Response<B>, E>) {
        let response = answered.map(|response| response.map(|body| Mapped(Some(Box::pin(body)))));
        let mut response = response.unwrap_or_else(|_| {
            let mut response = Response::new(Mapped(None));
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        });
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            // It is a tunnel for good, so there will be no further request.
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        // Who does not take it has lost the connection.
        let _ = self.0.send(response);
    }
}

/// Whether a request asks for its connection, and has no body, as hyper is to read none. `h2c` is
/// not spoken: who asks for it is content with an ordinary answer (RFC 9113 has dropped it).
pub(super) fn is_asked_by(exchange: &Exchange) -> bool {
    let has = |name: &str, token: &[u8]| {
        let mut tokens = exchange.all(name).flat_map(|value| value.split(|byte| *byte == b','));
        tokens.any(|found| found.trim_ascii().eq_ignore_ascii_case(token))
    };
    exchange.version == Version::Http11
        && exchange.has("upgrade")
        && exchange.body_len() == 0
        && !exchange.has("transfer-encoding")
        && has("connection", b"upgrade")
        && !has("upgrade", b"h2c")
}

/// Takes the connection over; `None` when it has ended. Of what comes with it the first is for the
/// extensions of the request, where the service looks for it as under hyper.
pub(super) async fn take_over<B>(
    exchange: &mut Exchange,
    runtime: &Handle,
) -> Option<(OnUpgrade, Answer<B>)>
where
    B: http_body::Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    let reader = exchange.tunnel();
    // The head once more, as it came.
    let (pipe, sent) = pipe(Bytes::copy_from_slice(exchange.as_bytes()), reader);
    exchange.keep(Tunnel(sent));
    let (ask, asked) = oneshot::channel();
    runtime.spawn(speak(pipe, Bridge(Mutex::new(Some(ask)))));
    let (mut request, answer) = asked.await.ok()?;
    Some((hyper::upgrade::on(&mut request), Answer(answer)))
}

/// Gives what is sent on a connection that was taken over; `false` if the exchange has another.
pub(super) async fn go_on(exchange: &mut Exchange) -> bool {
    let Some(Tunnel(mut sent)) = exchange.take_kept() else { return false };
    match poll_fn(|cx| sent.poll_piece(cx)).await {
        Some(bytes) => {
            exchange.give(bytes);
            exchange.keep(Tunnel(sent));
        }
        None => exchange.end(),
    }
    true
}

/// Speaks HTTP on a pipe, for one request.
async fn speak<B>(pipe: Pipe, bridge: Bridge<B>)
where
    B: http_body::Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    let connection = http1::Builder::new().serve_connection(pipe, bridge);
    // What goes wrong there ends the pipe, and by that its exchange.
    let _ = connection.with_upgrades().await;
}

/// From hyper's task to the worker that calls the service: a request, and where its response goes.
type Asked<B> = (Request<Incoming>, oneshot::Sender<Response<Mapped<B>>>);

struct Bridge<B>(Mutex<Option<oneshot::Sender<Asked<B>>>>);

impl<B> Service<Request<Incoming>> for Bridge<B>
where
    B: http_body::Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Mapped<B>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let ask = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        Box::pin(async move {
            let (answer, answered) = oneshot::channel();
            let ask = ask.ok_or("there is one request")?;
            ask.send((request, answer)).map_err(|_| "nobody asks any more")?;
            Ok(answered.await?)
        })
    }
}

/// A body of the service, as hyper takes it; without one it is empty.
pub(super) struct Mapped<B>(Option<Pin<Box<B>>>);

impl<B> http_body::Body for Mapped<B>
where
    B: http_body::Body,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Some(body) = &mut self.0 else { return Poll::Ready(None) };
        let bytes = |mut data: B::Data| data.copy_to_bytes(data.remaining());
        let frame = body.as_mut().poll_frame(cx);
        frame.map(|frame| {
            frame.map(|frame| frame.map(|frame| frame.map_data(bytes)).map_err(Into::into))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(|body| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or_else(|| SizeHint::with_exact(0), |body| body.size_hint())
    }
}
