//! What is settled before a request reaches a handler or a site: its host, redirects, logins, and
//! what other origins may ask. A net whose sites ask for none of this has no gate.
use crate::rules::{Login, Plan, is_preflight};
use sluicegate::{Batch, Cx, Out, Stage};
use sluicegate_http::{Exchange, Refusals, Reply};
use sluicegate_macros::Ports;
use std::sync::Arc;

/// Where the gate sends.
#[derive(Ports)]
pub struct GateOut {
    /// Requests that may pass.
    pub pass: Out<Exchange>,
    /// Requests that the gate has replied to.
    pub reply: Out<Exchange>,
    /// Refused requests, for which the site may have a page.
    pub refused: Out<Exchange>,
    /// Requests with a login that has to be verified.
    pub login: Out<Exchange>,
}

/// Lets requests pass, or replies to them.
#[derive(Debug)]
pub struct Gate {
    plan: Arc<Plan>,
    refusals: Arc<Refusals>,
}

impl Gate {
    /// A gate before the sites of `plan`, which counts what it refuses.
    pub fn new(plan: Arc<Plan>, refusals: Arc<Refusals>) -> Gate {
        Gate { plan, refusals }
    }

    /// What the gate itself replies.
    fn reply(&self, exchange: &Exchange) -> Option<Reply> {
        if self.plan.is_misdirected(exchange) {
            return Some(Reply::plain(421));
        }
        let site = self.plan.site(exchange);
        if let Some(reply) = site.redirect(exchange) {
            return Some(reply);
        }
        // A preflight has no login: it is answered first.
        let cors = is_preflight(exchange).then(|| site.cors(exchange.path())).flatten();
        cors.map(|cors| cors.preflight(exchange))
    }
}

impl Stage for Gate {
    type In = Exchange;
    type Out = GateOut;

    fn handle(&mut self, batch: Batch<'_, Exchange>, cx: &mut Cx<'_, GateOut>) {
        let now = cx.now();
        for mut event in batch {
            if let Some(reply) = self.reply(&event) {
                if reply.status() >= 400 {
                    self.refusals.count(reply.status());
                }
                event.reply(reply);
                cx.out.reply.emit(event);
                continue;
            }
            let Some(door) = self.plan.site(&event).door(event.path()) else {
                cx.out.pass.emit(event);
                continue;
            };
            match Login::of(&event) {
                Some(login) if door.remembers(&login, now) => cx.out.pass.emit(event),
                Some(_) => cx.out.login.emit(event),
                None => {
                    let reply = door.refuse();
                    self.refusals.count(reply.status());
                    event.reply(reply);
                    cx.out.refused.emit(event);
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
