//! The body of a request, as services read it.

use crate::BoxError;
use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};
use sluicegate_http::BodyReader;
use sluicegate_io::Chunk;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The body of a request. What has not come yet comes as it is read, and no further ahead than
/// 64 KiB: a service that reads slowly makes its client wait.
pub struct Body(Kind);

enum Kind {
    Whole {
        pieces: std::vec::IntoIter<Chunk>,
        /// Bytes that are still to be read.
        left: u64,
    },
    Coming(BodyReader),
}

impl Body {
    /// One that is all there.
    pub(super) fn whole(pieces: Vec<Chunk>) -> Self {
        let left = pieces.iter().map(|piece| piece.len() as u64).sum();
        Self(Kind::Whole { pieces: pieces.into_iter(), left })
    }

    /// One that is still coming.
    pub(super) fn coming(reader: BodyReader) -> Self {
        Self(Kind::Coming(reader))
    }
}

/// Nothing at all.
impl Default for Body {
    fn default() -> Self {
        Self::whole(Vec::new())
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.0 {
            Kind::Whole { pieces, left } => {
                let piece = pieces.next().map(unpinned);
                *left -= piece.as_ref().map_or(0, |piece| piece.len() as u64);
                Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
            }
            Kind::Coming(reader) => {
                let told = |piece: Result<Bytes, _>| piece.map(Frame::data).map_err(Into::into);
                reader.poll_piece(cx).map(|piece| piece.map(told))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.0, Kind::Whole { left: 0, .. })
    }

    fn size_hint(&self) -> SizeHint {
        let left = match &self.0 {
            Kind::Whole { left, .. } => Some(*left),
            Kind::Coming(reader) => reader.left(),
        };
        left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// The bytes of a piece; whoever kept a receive buffer or pages would keep them from others.
fn unpinned(piece: Chunk) -> Bytes {
    match piece {
        Chunk::Bytes(bytes) => bytes,
        homed => {
            let mut bytes = BytesMut::with_capacity(homed.len());
            homed.slices().for_each(|slice| bytes.extend_from_slice(slice));
            bytes.freeze()
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = http_body::Body::size_hint(self);
        f.debug_struct("Body").field("left", &size.exact()).finish_non_exhaustive()
    }
}
