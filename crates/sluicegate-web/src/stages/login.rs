//! Verifies logins by their slow hashes: in a pool of its own, so that neither a worker nor the
//! disk waits for them.
use crate::rules::{Login, Plan};
use sluicegate::{Batch, Cx, Out, Stage};
use sluicegate_http::{Exchange, Refusals};
use sluicegate_macros::Ports;
use std::sync::Arc;

/// Where logins go.
#[derive(Ports)]
pub struct LoginOut {
    /// Those that are right.
    pub pass: Out<Exchange>,
    /// Those that are wrong; the site may have a page for them.
    pub refused: Out<Exchange>,
}

/// Takes requests with a login that is not remembered.
#[derive(Debug)]
pub struct CheckLogin {
    plan: Arc<Plan>,
    refusals: Arc<Refusals>,
}

impl CheckLogin {
    /// Checks logins for the sites of `plan`, and counts what it refuses.
    pub fn new(plan: Arc<Plan>, refusals: Arc<Refusals>) -> CheckLogin {
        CheckLogin { plan, refusals }
    }
}

impl Stage for CheckLogin {
    type In = Exchange;
    type Out = LoginOut;

    fn handle(&mut self, batch: Batch<'_, Exchange>, cx: &mut Cx<'_, LoginOut>) {
        let now = cx.now();
        for mut event in batch {
            let site = self.plan.site(&event);
            let Some(door) = site.door(event.path()) else {
                cx.out.pass.emit(event);
                continue;
            };
            // Many requests of one client may have come at once: the first made the hash.
            let right = |login: Login| door.remembers(&login, now) || door.verify(&login, now);
            if Login::of(&event).is_some_and(right) {
                cx.out.pass.emit(event);
            } else {
                let reply = door.refuse();
                self.refusals.count(reply.status());
                event.reply(reply);
                cx.out.refused.emit(event);
            }
        }
    }
}
