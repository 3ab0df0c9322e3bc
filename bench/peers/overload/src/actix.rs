//! actix-web with one worker.

use actix_web::error::BlockingError;
use actix_web::web::{self, Query};
use actix_web::{App, HttpServer};
use anyhow::{Context, Result};

use super::burn::{Cost, burn};
use super::{BACKLOG, Domain, Plan, tell};

/// Serves until it is killed.
pub fn run(plan: Plan) -> Result<()> {
    let domain = plan.domain;
    let app = move || {
        let route = || match domain {
            Domain::Inline => web::get().to(inline),
            Domain::Pool => web::get().to(pool),
        };
        // One path a class, as ours; all are the same here.
        App::new().route("/burn", route()).route("/burn/{class}", route())
    };
    actix_web::rt::System::new().block_on(async move {
        let server = HttpServer::new(app).workers(1).backlog(BACKLOG).bind(plan.listen)?;
        let address = server.addrs().first().copied().context("it listens nowhere")?;
        tell(address)?;
        Ok(server.run().await?)
    })
}

async fn inline(cost: Query<Cost>) -> String {
    burn(&cost)
}

async fn pool(cost: Query<Cost>) -> Result<String, BlockingError> {
    web::block(move || burn(&cost)).await
}
