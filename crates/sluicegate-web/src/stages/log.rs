//! Writes the access log: in a domain of its own, where it may wait for the disk.
use crate::log::{Format, Formatter, LogFile};
use sluicegate::{Batch, Cx, Stage};
use sluicegate_http::log::Block;
use std::io::Write;
use std::sync::Arc;
use std::time::SystemTime;

/// Each batch is one write. What cannot be written is lost, and a line says so as soon as one can
/// be written again.
#[derive(Debug)]
pub struct Log {
    file: Arc<LogFile>,
    formatter: Formatter,
    /// Empty between batches; kept for its memory.
    lines: Vec<u8>,
    /// The last write failed ...
    failing: bool,
    /// ... within a line.
    torn: bool,
}

impl Log {
    /// Writes to `file`, as `format` says.
    pub fn new(file: Arc<LogFile>, format: Format) -> Log {
        let formatter = Formatter::new(format);
        Log { file, formatter, lines: Vec::new(), failing: false, torn: false }
    }

    /// Tells once of a log that fails, however long it does.
    fn fails(&mut self, error: &std::io::Error) {
        if !std::mem::replace(&mut self.failing, true) {
            // Nothing more can be done where stderr is closed.
            let _ = writeln!(
                std::io::stderr(),
                "sluicegate: the access log cannot be written: {error}; its lines are lost, and \
                 counted, until it can"
            );
        }
    }
}

impl Stage for Log {
    type In = Block;
    type Out = ();

    fn handle(&mut self, batch: Batch<'_, Block>, _cx: &mut Cx<'_, ()>) {
        let lost = self.file.lost().take_untold();
        let mut blocks = Vec::new();
        if self.torn {
            self.lines.push(b'\n');
        }
        if lost > 0 {
            self.formatter.lost(lost, SystemTime::now(), &mut self.lines);
        }
        for event in batch {
            let (tag, block) = event.split();
            block.lines().for_each(|line| self.formatter.line(&line, &mut self.lines));
            blocks.push(block);
            tag.finish();
        }
        match self.file.write(&self.lines) {
            Ok(()) => {
                (self.failing, self.torn) = (false, false);
                blocks.into_iter().for_each(Block::written);
            }
            Err((error, partly)) => {
                self.torn |= partly;
                self.file.lost().untell(lost);
                self.fails(&error);
            }
        }
        self.lines.clear();
    }
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;
