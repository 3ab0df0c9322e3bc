//! axum on tokio's multi-threaded runtime with one worker; bare, or behind what bounds it.

use anyhow::Result;
use axum::Router;
use axum::error_handling::HandleErrorLayer;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::IntoResponse;
use axum::routing::get;
use sluicegate_tower::Gate;
use tokio::net::TcpSocket;
use tokio::runtime::Builder;
use tokio::task::spawn_blocking;
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::load_shed::LoadShedLayer;
use tower::{BoxError, ServiceBuilder};

use super::burn::{Cost, burn};
use super::{BACKLOG, Bound, Domain, anywhere, tell};

/// Serves until it is killed.
pub fn run(domain: Domain, bound: Bound) -> Result<()> {
    let route = match domain {
        Domain::Inline => get(inline),
        Domain::Pool => get(pool),
    };
    // One path a class, as ours; all are the same here.
    let router = Router::new().route("/burn", route.clone()).route("/burn/{class}", route);
    let router = match bound {
        Bound::Limit(limit) => router.layer(
            ServiceBuilder::new()
                .layer(HandleErrorLayer::new(busy))
                .layer(LoadShedLayer::new())
                .layer(GlobalConcurrencyLimitLayer::new(limit)),
        ),
        Bound::Target(target) => router.layer(Gate::target(target)),
        Bound::None => router,
    };
    Builder::new_multi_thread().worker_threads(1).enable_all().build()?.block_on(async {
        // A task of the worker's: the thread that blocks here is not it.
        tokio::spawn(async {
            let socket = TcpSocket::new_v4()?;
            socket.bind(anywhere())?;
            let listener = socket.listen(BACKLOG)?;
            tell(listener.local_addr()?)?;
            Ok(axum::serve(listener, router).await?)
        })
        .await?
    })
}

async fn inline(Query(cost): Query<Cost>) -> String {
    burn(&cost)
}

async fn pool(Query(cost): Query<Cost>) -> Result<String, StatusCode> {
    let burnt = spawn_blocking(move || burn(&cost)).await;
    burnt.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}

async fn busy(_: BoxError) -> impl IntoResponse {
    (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "1")], "Service Unavailable")
}
