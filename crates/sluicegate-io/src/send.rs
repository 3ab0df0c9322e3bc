//! Sends at once, by one call: what backends do that wait for readiness, and others where the
//! kernel can be asked for nothing better.

use std::io::IoSlice;
use std::os::fd::BorrowedFd;

use rustix::io::Errno;
use rustix::net::{self, SendAncillaryBuffer, SendFlags};
use smallvec::SmallVec;

use crate::pages::Splice;
use crate::pieces::Pieces;

/// The most pieces sent by one call.
pub(crate) const PIECES_MAX: usize = 64;

/// Sends from the front of `pieces`, of which there is at least one, without waiting: how many
/// bytes the kernel took, of how many. These are off the pieces then. Only page memory waits where
/// the socket is one that blocks.
pub(crate) fn send_now(
    socket: BorrowedFd<'_>,
    pieces: &mut Pieces,
    splice: &mut Splice,
) -> Result<(usize, usize), Errno> {
    let now = pieces.together(PIECES_MAX);
    let last = now.len() == pieces.as_slice().len();
    let (n, asked) = match now {
        [only] => {
            if Splice::takes(only)
                && let Some(sent) = splice.send(socket, only)
            {
                let (n, asked) = sent?;
                pieces.consume(n);
                return Ok((n, asked));
            }
            (net::send(socket, only.as_slice(), FLAGS)?, only.len())
        }
        several => {
            // Filled where it lies: collected, a kilobyte would be moved for a few pieces.
            let (mut slices, mut asked) = (SmallVec::<[IoSlice<'_>; PIECES_MAX]>::new(), 0);
            for piece in several {
                slices.push(IoSlice::new(piece.as_slice()));
                asked += piece.len();
            }
            let mut none = SendAncillaryBuffer::default();
            (net::sendmsg(socket, &slices, &mut none, FLAGS)?, asked)
        }
    };
    if last && n == asked {
        pieces.clear();
    } else {
        pieces.consume(n);
    }
    Ok((n, asked))
}

const FLAGS: SendFlags = SendFlags::NOSIGNAL.union(SendFlags::DONTWAIT);
