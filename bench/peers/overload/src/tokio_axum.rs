//! axum on one worker of tokio's multi-threaded runtime, bare or behind what bounds it; and its app
//! on one worker of Sluicegate.

use anyhow::Result;
use axum::Router;
use axum::error_handling::HandleErrorLayer;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::IntoResponse;
use axum::routing::get;
use sluicegate_tower::Gate;
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Builder;
use tokio::task::spawn_blocking;
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::load_shed::LoadShedLayer;
use tower::{BoxError, ServiceBuilder};

use super::burn::{Cost, burn};
use super::{BACKLOG, Bound, Domain, Plan, tell};

/// Serves by `axum::serve` until it is killed.
pub fn run(plan: Plan) -> Result<()> {
    let router = router(plan.domain);
    let router = match plan.bound {
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
        tokio::spawn(async move {
            let listener = listen(&plan)?;
            Ok(axum::serve(listener, router).await?)
        })
        .await?
    })
}

/// Serves the same by Sluicegate, with a target or without a gate.
pub fn serve(plan: Plan) -> Result<()> {
    Builder::new_multi_thread().worker_threads(1).enable_all().build()?.block_on(async {
        let serve = sluicegate_tower::serve(listen(&plan)?, router(plan.domain)).workers(1);
        let serve = match plan.bound {
            Bound::Target(target) => serve.target(target),
            Bound::None | Bound::Limit(_) => serve,
        };
        let serve = match plan.io.as_deref() {
            None => serve,
            Some(name) => serve.config(format!("io = \"{name}\"\n")),
        };
        Ok(serve.await?)
    })
}

fn router(domain: Domain) -> Router {
    let route = match domain {
        Domain::Inline => get(inline),
        Domain::Pool => get(pool),
    };
    // One path a class, as ours; all are the same here.
    let router = Router::new().route("/burn", route.clone()).route("/burn/{class}", route);
    router.route("/", get(async || "Hello, World!"))
}

/// Listens, and says where.
fn listen(plan: &Plan) -> Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(plan.listen)?;
    let listener = socket.listen(BACKLOG)?;
    tell(listener.local_addr()?)?;
    Ok(listener)
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
