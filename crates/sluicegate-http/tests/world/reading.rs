//! Handlers that take the bodies of their requests in pieces.

use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use sluicegate::{Batch, Cx, Event, Flag, Out, Stage, Why};
use sluicegate_http::{BodyError, BodyReader, Exchange, Head, Reply};

use super::SLEEP;

/// Whether the body of a request is for these handlers.
pub fn reads(head: &Head) -> bool {
    let paths: [&[u8]; 5] = [b"/upload", b"/later", b"/never", b"/ignore", b"/mirror"];
    paths.iter().any(|path| head.path().starts_with(path))
}

/// Wakes a stage.
struct Raise(Flag);

impl Wake for Raise {
    fn wake(self: Arc<Self>) {
        self.0.raise();
    }
}

fn waker<O: sluicegate::Ports>(cx: &Cx<'_, O>) -> Waker {
    Waker::from(Arc::new(Raise(cx.flag())))
}

/// Reads all of it and says how much that was: at once, or `/later`, or `/never`.
#[derive(Default)]
pub struct Read {
    begun: Vec<Upload>,
    asleep: Vec<Event<Exchange>>,
}

struct Upload {
    event: Event<Exchange>,
    reader: BodyReader,
    bytes: u64,
}

impl Stage for Read {
    type In = Exchange;
    type Out = Out<Exchange>;

    fn handle(&mut self, batch: Batch<'_, Exchange>, cx: &mut Cx<'_, Out<Exchange>>) {
        for event in batch {
            match event.path() {
                b"/later" => {
                    self.asleep.push(event);
                    cx.after(SLEEP, 0);
                }
                b"/never" => self.asleep.push(event),
                _ => self.begin(event, cx),
            }
        }
        self.go_on(cx);
    }

    fn signal(&mut self, cx: &mut Cx<'_, Out<Exchange>>) {
        self.go_on(cx);
    }

    fn timer(&mut self, _token: u64, cx: &mut Cx<'_, Out<Exchange>>) {
        let event = self.asleep.remove(0);
        self.begin(event, cx);
        self.go_on(cx);
    }
}

impl Read {
    fn begin(&mut self, mut event: Event<Exchange>, cx: &mut Cx<'_, Out<Exchange>>) {
        match event.body_reader() {
            Some(reader) => self.begun.push(Upload { event, reader, bytes: 0 }),
            None => {
                let text = format!("{} bytes at once", event.body_len());
                event.reply(Reply::text(200, text));
                cx.out.emit(event);
            }
        }
    }

    fn go_on(&mut self, cx: &mut Cx<'_, Out<Exchange>>) {
        let waker = waker(cx);
        for mut upload in std::mem::take(&mut self.begun) {
            match upload.read(&mut Context::from_waker(&waker)) {
                None => self.begun.push(upload),
                Some(Ok(())) => {
                    let text = format!("{} bytes in pieces", upload.bytes);
                    upload.event.reply(Reply::text(200, text));
                    cx.out.emit(upload.event);
                }
                Some(Err(BodyError::Refused(problem))) => {
                    upload.event.reply(Reply::text(problem.status, problem.why));
                    cx.out.emit(upload.event);
                }
                Some(Err(BodyError::Gone)) => upload.event.split().0.refuse(Why::Gone),
            }
        }
    }
}

impl Upload {
    fn read(&mut self, cx: &mut Context<'_>) -> Option<Result<(), BodyError>> {
        loop {
            match self.reader.poll_piece(cx) {
                Poll::Pending => return None,
                Poll::Ready(None) => return Some(Ok(())),
                Poll::Ready(Some(Err(error))) => return Some(Err(error)),
                Poll::Ready(Some(Ok(piece))) => self.bytes += piece.len() as u64,
            }
        }
    }
}

/// Sends back what comes, as it comes.
#[derive(Default)]
pub struct Mirror {
    waiting: Vec<Event<Exchange>>,
}

impl Mirror {
    pub fn give(&mut self, mut event: Event<Exchange>, cx: &mut Cx<'_, Out<Exchange>>) {
        let reader = event.kept::<BodyReader>().expect("it was left there");
        match reader.poll_piece(&mut Context::from_waker(&waker(cx))) {
            Poll::Pending => return self.waiting.push(event),
            Poll::Ready(Some(Ok(piece))) => event.give(piece),
            Poll::Ready(None) => event.end(),
            Poll::Ready(Some(Err(_))) => event.fail(),
        }
        cx.out.emit(event);
    }

    pub fn go_on(&mut self, cx: &mut Cx<'_, Out<Exchange>>) {
        for event in std::mem::take(&mut self.waiting) {
            self.give(event, cx);
        }
    }
}
