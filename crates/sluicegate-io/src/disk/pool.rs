//! The stage `disk` where the workers' machines do not read: in a pool, whose threads may wait.

use std::sync::Arc;

use sluicegate::{Batch, Cx, Out, Stage};

use crate::disk::call::{Outcome, plan};
use crate::disk::{DiskLedger, Read, ReadDone};

/// Reads on a thread of its own, one call at a time.
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
    type In = Read;
    type Out = Out<ReadDone>;

    fn handle(&mut self, batch: Batch<'_, Read>, cx: &mut Cx<'_, Out<ReadDone>>) {
        let mut calls = plan(batch, self.merge, &mut |answer| {
            self.ledger.answered(&answer.result);
            cx.out.emit(answer);
        });
        while let Some(mut call) = calls.pop_front() {
            self.ledger.called(call.askers.len());
            let began = cx.clock();
            let result = call.extent.read();
            self.ledger.returned(cx.clock().since(began));
            match call.outcome(result) {
                Outcome::Answered(answers) => {
                    for answer in answers {
                        self.ledger.answered(&answer.result);
                        cx.out.emit(answer);
                    }
                }
                Outcome::Apart(alone) => alone.into_iter().rev().for_each(|c| calls.push_front(c)),
            }
        }
    }
}
