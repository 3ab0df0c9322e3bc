//! Sends at once, by one call: what backends do that wait for readiness, and others where the
//! kernel can be asked for nothing better.

use std::io::IoSlice;
use std::os::fd::BorrowedFd;

use rustix::io::Errno;
use rustix::net::{self, SendAncillaryBuffer, SendFlags};
use smallvec::SmallVec;

use crate::chunk::gather;
use crate::pages::Splice;
use crate::pieces::Pieces;

/// The most slices sent by one call.
pub(crate) const SLICES_MAX: usize = 64;

/// Sends from the front of `pieces`, of which there is at least one, without waiting: how many
/// bytes the kernel took, of how many. These are off the pieces then. Only page memory waits where
/// the socket is one that blocks.
pub(crate) fn send_now(
    socket: BorrowedFd<'_>,
    pieces: &mut Pieces,
    splice: &mut Splice,
) -> Result<(usize, usize), Errno> {
    let now = pieces.together(SLICES_MAX);
    let last = now.len() == pieces.as_slice().len();
    if let [only] = now
        && let Some(bytes) = only.as_slice()
    {
        if Splice::takes(only)
            && let Some(sent) = splice.send(socket, only)
        {
            let (n, asked) = sent?;
            pieces.consume(n);
            return Ok((n, asked));
        }
        let (n, asked) = (net::send(socket, bytes, FLAGS)?, bytes.len());
        pieces.consume(n);
        return Ok((n, asked));
    }
    let (n, asked, all) = {
        // Filled where it lies: collected, a kilobyte would be moved for a few pieces.
        let (mut slices, mut asked) = (SmallVec::<[IoSlice<'_>; SLICES_MAX]>::new(), 0);
        gather(now, SLICES_MAX, |slice| {
            slices.push(IoSlice::new(slice));
            asked += slice.len();
        });
        let n = net::sendmsg(socket, &slices, &mut SendAncillaryBuffer::default(), FLAGS)?;
        // Of pages that lie apart there may be more.
        (n, asked, slices.len() < SLICES_MAX)
    };
    if last && all && n == asked {
        pieces.clear();
    } else {
        pieces.consume(n);
    }
    Ok((n, asked))
}

const FLAGS: SendFlags = SendFlags::NOSIGNAL.union(SendFlags::DONTWAIT);
