//! A handler that panics, to test what a panic costs: one request, never the process.
use sluicegate::{Batch, Cx, Out, Stage};
use sluicegate_http::Exchange;

/// Answers nothing. The kernel tells the source of the flow, which answers 500; 503 while the
/// breaker of the stage is open.
#[derive(Debug, Default)]
pub struct Panic;

impl Stage for Panic {
    type In = Exchange;
    type Out = Out<Exchange>;

    fn handle(&mut self, mut batch: Batch<'_, Exchange>, _: &mut Cx<'_, Out<Exchange>>) {
        if let Some(event) = batch.next() {
            panic!("asked to panic by {event:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate::Rig;

    #[test]
    #[should_panic(expected = "asked to panic by")]
    fn it_panics() {
        let request = b"GET /panic HTTP/1.1\r\nHost: a\r\n\r\n";
        Rig::of(Panic).feed([Exchange::read(request).unwrap()]).batch(64);
    }
}
