//! Asks whoever streams a reply for its next pieces: files, volumes, or the application.
use crate::streamed::{Source, Streamed};
use sluicegate::{Batch, Cx, Out, Stage};
use sluicegate_http::Exchange;
use sluicegate_macros::Ports;

/// Who streams.
#[derive(Ports)]
pub struct PullOut {
    /// Files of directories.
    pub files: Out<Exchange>,
    /// Objects of volumes.
    pub volumes: Out<Exchange>,
    /// The application.
    pub app: Out<Exchange>,
}

/// Stands where several may stream; an exchange knows which of them it is by what was left in it.
#[derive(Debug, Default)]
pub struct Pull;

impl Stage for Pull {
    type In = Exchange;
    type Out = PullOut;

    fn handle(&mut self, batch: Batch<'_, Exchange>, cx: &mut Cx<'_, PullOut>) {
        for mut event in batch {
            match event.kept::<Streamed>().map(|streamed| &streamed.source) {
                Some(Source::File(_)) => cx.out.files.emit(event),
                Some(Source::Object(..)) => cx.out.volumes.emit(event),
                None => cx.out.app.emit(event),
            }
        }
    }
}
