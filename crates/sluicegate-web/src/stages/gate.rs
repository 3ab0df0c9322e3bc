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
    /// Replies that stay as they are.
    pub reply: Out<Exchange>,
    /// Replies in the name of a site, which adds its fields and may have a page for them.
    pub site: Out<Exchange>,
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
        // A preflight has no login and follows no redirect: it is answered first.
        let site = is_preflight(exchange).then(|| self.plan.site(exchange));
        let cors = site.and_then(|site| site.cors(exchange.path()));
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
            let redirect = self.plan.site(&event).redirect(&event);
            if let Some(reply) = redirect {
                event.reply(reply);
                cx.out.site.emit(event);
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
                    cx.out.site.emit(event);
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
