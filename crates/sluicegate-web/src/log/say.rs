//! What is said of a log: to the operator, and by itself at its end.
use super::{Counts, Formatter, LogFile, Note};
use std::io;
use std::time::SystemTime;

/// The first write that fails.
pub fn failing(error: &io::Error) {
    tracing::warn!(
        target: "sluicegate::log",
        "the access log cannot be written: {error}; its records are lost, and counted, until it \
         can; it is tried again each second, and this is said once",
    );
}

/// The first that succeeds again; so many records were lost meanwhile.
pub fn written(lost: u64) {
    tracing::info!(target: "sluicegate::log", lost, "the access log is written again");
}

/// A rotation that fails, until one succeeds.
pub fn unrotated(error: &io::Error) {
    tracing::warn!(
        target: "sluicegate::log",
        "the file of the access log cannot be ended: {error}; it is written on as far as its \
         budget allows, and this is said once",
    );
}

/// At the end of a service: the last word, if records are missing.
pub fn last(file: &LogFile, mut formatter: Formatter, counts: &Counts) {
    counts.lost.add(file.finish(), 0);
    let (mut line, at) = (Vec::new(), SystemTime::now());
    let (lost, left_out) = (counts.lost.take_untold(), counts.take_untold());
    if lost > 0 {
        formatter.note(Note::Lost(lost), at, &mut line);
    }
    if left_out > 0 || counts.one_in() > 1 {
        formatter.note(Note::Sampled(left_out), at, &mut line);
    }
    // The counts are in the net's own figures too; there is nobody left to tell.
    if !line.is_empty() {
        file.write(&line, at);
    }
}
