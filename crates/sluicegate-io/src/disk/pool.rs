//! The stage `disk` where the workers' machines have no disks: in a pool, whose threads may wait.

use std::sync::Arc;

use sluicegate::{Batch, Cx, Stage};

use crate::disk::answer::give;
use crate::disk::call::{Outcome, plan};
use crate::disk::events::DiskOut;
use crate::disk::{DiskIn, DiskLedger};

/// Makes calls on a thread of its own, one at a time.
pub(super) struct PoolDisk {
    merge: usize,
    ledger: Arc<DiskLedger>,
}

impl PoolDisk {
    pub fn new(merge: usize, ledger: Arc<DiskLedger>) -> Self {
        Self { merge, ledger }
    }
}

impl Stage for PoolDisk {
    type In = DiskIn;
    type Out = DiskOut;

    fn handle(&mut self, batch: Batch<'_, DiskIn>, cx: &mut Cx<'_, DiskOut>) {
        let ledger = &self.ledger;
        let mut calls = plan(batch, self.merge, &mut |answer| give(answer, ledger, cx));
        while let Some(mut call) = calls.pop_front() {
            ledger.called(call.askers.len());
            let began = cx.clock();
            let (bytes, result) = call.extent.carry_out(call.op);
            ledger.returned(call.op, cx.clock().since(began));
            match call.outcome(bytes, result) {
                Outcome::Answered(answers) => {
                    answers.into_iter().for_each(|answer| give(answer, ledger, cx));
                }
                Outcome::Apart(alone) => alone.into_iter().rev().for_each(|c| calls.push_front(c)),
            }
        }
    }
}
