//! A connection that was taken over, as bytes both ways: for hyper at one end, and for the stage
//! that gives its exchange pieces at the other.

use bytes::{Buf, Bytes};
use hyper::rt::{Read, ReadBufCursor, Write};
use sluicegate_http::BodyReader;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};

/// Bytes that wait to be sent; who writes more waits.
const UNSENT_MAX: usize = 64 * 1024;
/// Bytes that are taken of them at once.
const PIECE: usize = 16 * 1024;

/// What hyper, and then the service, reads from and writes to.
pub(super) struct Pipe {
    /// What was received before the rest.
    first: Bytes,
    reader: BodyReader,
    out: DuplexStream,
}

/// What is to be sent, as it comes out at the other end. Dropped, it lets the writer know.
pub(super) struct Sent(DuplexStream);

/// A pipe that reads `first`, and then what `reader` does.
pub(super) fn pipe(first: Bytes, reader: BodyReader) -> (Pipe, Sent) {
    let (out, sent) = duplex(UNSENT_MAX);
    (Pipe { first, reader, out }, Sent(sent))
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
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.out).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.out).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.out).poll_shutdown(cx)
    }
}

impl Sent {
    /// The next bytes; `None` behind the last.
    pub fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let mut piece = [0; PIECE];
        let mut piece = ReadBuf::new(&mut piece);
        // Reading from memory does not fail.
        let _ = ready!(Pin::new(&mut self.0).poll_read(cx, &mut piece));
        let bytes = piece.filled();
        Poll::Ready((!bytes.is_empty()).then(|| Bytes::copy_from_slice(bytes)))
    }
}
