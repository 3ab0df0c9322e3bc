//! The stage `disk` on workers whose machines read: calls are begun, and answered when a later poll
//! finds them done.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use sluicegate::{Batch, Cx, Event, Out, Stage, Time};

use crate::disk::call::{Askers, Call, Outcome, plan};
use crate::disk::{DiskLedger, DiskOptions, Read, ReadDone};
use crate::io::{GateId, Io};

/// Reads by the machine of its worker, so many calls at a time.
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
    answers: VecDeque<Event<ReadDone>>,
}

struct Flying {
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
    fn begin(&mut self, cx: &mut Cx<'_, Out<ReadDone>>) {
        let began = cx.now();
        while self.flying.len() < self.depth
            && let Some(Call { extent, askers }) = self.calls.pop_front()
        {
            self.ledger.called(askers.len());
            let key = cx.local.get::<Io>().read_disk(self.place, extent, began);
            self.flying.insert(key, Flying { askers, began });
        }
    }

    /// Gives out what is answered, as far as there is room.
    fn answer(&mut self, cx: &mut Cx<'_, Out<ReadDone>>) {
        for _ in 0..cx.room().min(self.answers.len()) {
            let Some(answer) = self.answers.pop_front() else { break };
            self.ledger.answered(&answer.result);
            cx.out.emit(answer);
        }
        if !self.answers.is_empty() {
            cx.again();
        }
    }
}

impl Stage for RingDisk {
    type In = Read;
    type Out = Out<ReadDone>;

    fn handle(&mut self, mut batch: Batch<'_, Read>, cx: &mut Cx<'_, Out<ReadDone>>) {
        // What waits until a call is done is sorted with more.
        if !self.calls.is_empty() || self.flying.len() >= self.depth {
            if let Some(read) = batch.next() {
                batch.put_back(read);
            }
            return;
        }
        let answers = &mut self.answers;
        self.calls = plan(batch, self.merge, &mut |answer| answers.push_back(answer));
        self.begin(cx);
        self.answer(cx);
    }

    fn start(&mut self, cx: &mut Cx<'_, Out<ReadDone>>) {
        let stage = cx.stage();
        self.place = cx.local.get::<Io>().disk(self.gate, stage);
    }

    fn signal(&mut self, cx: &mut Cx<'_, Out<ReadDone>>) {
        while let Some(done) = cx.local.get::<Io>().next_read(self.place) {
            // One that a replica before this asked for has nobody who waits for it.
            let Some(Flying { askers, began }) = self.flying.remove(&done.key) else { continue };
            self.ledger.returned(cx.now().since(began));
            match (Call { extent: done.extent, askers }).outcome(done.result) {
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
