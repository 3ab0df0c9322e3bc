//! Bodies of any length, in pieces: `cargo run -p sluicegate-tower --example stream`.
//!
//! `POST /upper` answers in capitals while it reads, `POST /count` counts bytes without keeping
//! them, `GET /numbers` never ends.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::{StreamExt, stream};
use std::convert::Infallible;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    println!("http://{}/numbers", listener.local_addr()?);
    // Was: axum::serve(listener, app).await
    sluicegate_tower::serve(listener, app()).await
}

/// The app.
pub fn app() -> Router {
    Router::new()
        .route("/upper", post(upper))
        .route("/count", post(count))
        .route("/numbers", get(numbers))
}

async fn upper(body: Body) -> Response {
    let pieces = body.into_data_stream();
    Body::from_stream(pieces.map(|piece| piece.map(|bytes| bytes.to_ascii_uppercase())))
        .into_response()
}

async fn count(body: Body) -> Result<String, StatusCode> {
    let mut pieces = body.into_data_stream();
    let mut bytes = 0;
    while let Some(piece) = pieces.next().await {
        bytes += piece.map_err(|_| StatusCode::BAD_REQUEST)?.len();
    }
    Ok(format!("{bytes} bytes\n"))
}

async fn numbers() -> Body {
    let lines = (0u64..).map(|n| Ok::<_, Infallible>(Bytes::from(format!("{n}\n"))));
    Body::from_stream(stream::iter(lines))
}
