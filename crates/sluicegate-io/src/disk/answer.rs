//! Answers on their way to whoever asked: one kind for each port.

use sluicegate::{Cx, Event};
use smallvec::SmallVec;

use crate::disk::events::DiskOut;
use crate::disk::{DiskLedger, ReadDone, SyncDone, WriteDone};

/// An answer of the stage `disk`.
#[derive(Debug)]
pub(crate) enum Answer {
    Read(ReadDone),
    Written(WriteDone),
    Synced(SyncDone),
}

/// The answers to a call.
pub(crate) type Answers = SmallVec<[Event<Answer>; 1]>;

/// Counts an answer, and gives it out.
pub(super) fn give(answer: Event<Answer>, ledger: &DiskLedger, cx: &mut Cx<'_, DiskOut>) {
    let (tag, answer) = answer.split();
    match answer {
        Answer::Read(done) => {
            ledger.read(&done.result);
            cx.out.read.emit(tag.with(done));
        }
        Answer::Written(done) => {
            ledger.written(done.written, &done.result);
            cx.out.written.emit(tag.with(done));
        }
        Answer::Synced(done) => {
            ledger.synced(&done.result);
            cx.out.synced.emit(tag.with(done));
        }
    }
}
