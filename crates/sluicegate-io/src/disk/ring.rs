//! The stage `disk` on workers whose machines have disks: calls are begun, and answered when a
//! later poll finds them done.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use sluicegate::{Batch, Cx, Event, Stage, Time};

use crate::disk::answer::{Answer, give};
use crate::disk::call::{Askers, Call, Outcome, plan};
use crate::disk::events::DiskOut;
use crate::disk::{DiskIn, DiskLedger, DiskOp, DiskOptions};
use crate::io::{GateId, Io};

/// Makes calls by the machine of its worker, so many at a time.
pub(super) struct RingDisk {
    gate: GateId,
    place: u16,
    depth: usize,
    merge: usize,
    ledger: Arc<DiskLedger>,
    /// Sorted calls that are not begun: what is left of a batch.
    calls: VecDeque<Call>,
    /// Who waits for the calls that are in flight, by the key of each.
    flying: HashMap<u64, Flying>,
    /// Answers for which there was no room.
    answers: VecDeque<Event<Answer>>,
}

struct Flying {
    op: DiskOp,
    askers: Askers,
    began: Time,
}

impl RingDisk {
    pub fn new(gate: GateId, options: &DiskOptions) -> Self {
        Self {
            gate,
            place: 0,
            depth: options.depth.max(1),
            merge: options.merge,
            ledger: Arc::clone(&options.ledger),
            calls: VecDeque::new(),
            flying: HashMap::new(),
            answers: VecDeque::new(),
        }
    }

    /// Begins calls up to the depth.
    fn begin(&mut self, cx: &mut Cx<'_, DiskOut>) {
        let began = cx.now();
        while self.flying.len() < self.depth
            && let Some(Call { op, extent, askers }) = self.calls.pop_front()
        {
            self.ledger.called(askers.len());
            let key = cx.local.get::<Io>().call_disk(self.place, op, extent, began);
            self.flying.insert(key, Flying { op, askers, began });
        }
    }

    /// Gives out what is answered, as far as there is room.
    fn answer(&mut self, cx: &mut Cx<'_, DiskOut>) {
        for _ in 0..cx.room().min(self.answers.len()) {
            let Some(answer) = self.answers.pop_front() else { break };
            give(answer, &self.ledger, cx);
        }
        if !self.answers.is_empty() {
            cx.again();
        }
    }
}

impl Stage for RingDisk {
    type In = DiskIn;
    type Out = DiskOut;

    fn handle(&mut self, mut batch: Batch<'_, DiskIn>, cx: &mut Cx<'_, DiskOut>) {
        // What waits until a call is done is sorted with more.
        if !self.calls.is_empty() || self.flying.len() >= self.depth {
            if let Some(asked) = batch.next() {
                batch.put_back(asked);
            }
            return;
        }
        let answers = &mut self.answers;
        self.calls = plan(batch, self.merge, &mut |answer| answers.push_back(answer));
        self.begin(cx);
        self.answer(cx);
    }

    fn start(&mut self, cx: &mut Cx<'_, DiskOut>) {
        let stage = cx.stage();
        self.place = cx.local.get::<Io>().disk(self.gate, stage);
    }

    fn signal(&mut self, cx: &mut Cx<'_, DiskOut>) {
        while let Some(end) = cx.local.get::<Io>().next_disk_end(self.place) {
            // One that a replica before this asked for has nobody who waits for it.
            let Some(Flying { op, askers, began }) = self.flying.remove(&end.key) else { continue };
            self.ledger.returned(op, cx.now().since(began));
            match (Call { op, extent: end.extent, askers }).outcome(end.bytes, end.result) {
                Outcome::Answered(answers) => self.answers.extend(answers),
                Outcome::Apart(calls) => {
                    calls.into_iter().rev().for_each(|call| self.calls.push_front(call));
                }
            }
        }
        self.begin(cx);
        self.answer(cx);
    }
}

impl Drop for RingDisk {
    fn drop(&mut self) {
        self.flying.values().for_each(|_| self.ledger.forgotten());
    }
}
