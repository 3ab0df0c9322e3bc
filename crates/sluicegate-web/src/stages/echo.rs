//! Sends the body of a request back, in the buffers in which it came.
use sluicegate::{Batch, Cx, Out, Stage};
use sluicegate_http::{Body, Exchange, Reply};

/// Any method; nothing of the body is copied. Its type is not echoed, so that a browser runs
/// nothing of it.
#[derive(Debug, Default)]
pub struct Echo;

impl Stage for Echo {
    type In = Exchange;
    type Out = Out<Exchange>;

    fn handle(&mut self, batch: Batch<'_, Exchange>, cx: &mut Cx<'_, Out<Exchange>>) {
        for mut event in batch {
            let body = Body::Chunks(event.take_body());
            event.reply(Reply::content(200, "application/octet-stream", "").with(body));
            cx.out.emit(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate::Rig;

    #[test]
    fn the_body_comes_back() {
        let mut rig = Rig::of(Echo);
        let request = b"PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
        rig.feed([Exchange::read(request).unwrap()]).batch(64);
        let event = rig.out.take().pop().expect("an answer");
        let reply = event.replied().expect("a reply");
        let Body::Chunks(chunks) = reply.body() else { panic!("not echoed: {reply:?}") };
        assert_eq!((reply.status(), chunks[0].as_slice()), (200, Some(&b"abc"[..])));
        event.split().0.finish();
    }
}
