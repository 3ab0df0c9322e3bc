//! A connection that was taken over, as bytes both ways: for hyper at one end, and for the stage
//! that gives its exchange pieces at the other.

use bytes::{Buf, Bytes, BytesMut};
use hyper::rt::{Read, ReadBufCursor, Write};
use sluicegate_http::BodyReader;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Bytes that wait to be sent; who writes more waits.
const UNSENT_MAX: usize = 64 * 1024;

/// What hyper, and then the service, reads from and writes to.
pub(super) struct Pipe {
    /// What was received before the rest.
    first: Bytes,
    reader: BodyReader,
    out: Arc<Mutex<Unsent>>,
}

/// What is to be sent, as it comes out at the other end.
pub(super) struct Sent(Arc<Mutex<Unsent>>);

#[derive(Default)]
struct Unsent {
    bytes: BytesMut,
    /// Nothing more is written.
    ended: bool,
    /// Nothing more is sent.
    lost: bool,
    /// Who waits for room, and who for bytes.
    writer: Option<Waker>,
    sender: Option<Waker>,
}

/// A pipe that reads `first`, and then what `reader` does.
pub(super) fn pipe(first: Bytes, reader: BodyReader) -> (Pipe, Sent) {
    let out = Arc::<Mutex<Unsent>>::default();
    (Pipe { first, reader, out: Arc::clone(&out) }, Sent(out))
}

impl Read for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut into: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        while self.first.is_empty() {
            match self.reader.poll_piece(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Ready(Some(Ok(piece))) => self.first = piece,
                Poll::Ready(Some(Err(error))) => {
                    let kind = io::ErrorKind::ConnectionReset;
                    return Poll::Ready(Err(io::Error::new(kind, error)));
                }
            }
        }
        let n = self.first.len().min(into.remaining());
        into.put_slice(&self.first[..n]);
        self.first.advance(n);
        Poll::Ready(Ok(()))
    }
}

impl Write for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut out = lock(&self.out);
        if out.lost || out.ended {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let room = UNSENT_MAX.saturating_sub(out.bytes.len());
        if room == 0 {
            out.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let n = bytes.len().min(room);
        out.bytes.extend_from_slice(&bytes[..n]);
        let sender = out.sender.take();
        drop(out);
        wake(sender);
        Poll::Ready(Ok(n))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // What is written is sent as soon as it can be.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        end(&self.out);
        Poll::Ready(Ok(()))
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        end(&self.out);
    }
}

impl Sent {
    /// The next bytes, all that wait; `None` behind the last.
    pub fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let mut out = lock(&self.0);
        if out.bytes.is_empty() && !out.ended {
            out.sender = Some(cx.waker().clone());
            return Poll::Pending;
        }
        // With all of its memory: a connection that rests is to keep none.
        let bytes = std::mem::take(&mut out.bytes);
        let writer = out.writer.take();
        drop(out);
        wake(writer);
        Poll::Ready((!bytes.is_empty()).then(|| bytes.freeze()))
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        let mut out = lock(&self.0);
        (out.lost, out.bytes) = (true, BytesMut::new());
        let writer = out.writer.take();
        drop(out);
        wake(writer);
    }
}

fn end(out: &Mutex<Unsent>) {
    let mut out = lock(out);
    out.ended = true;
    let sender = out.sender.take();
    drop(out);
    wake(sender);
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

fn lock(out: &Mutex<Unsent>) -> MutexGuard<'_, Unsent> {
    out.lock().unwrap_or_else(PoisonError::into_inner)
}
