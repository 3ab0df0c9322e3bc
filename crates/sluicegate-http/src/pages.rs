//! What stands in the place of the bare answers that `http` gives where nobody else did.

use std::fmt::Debug;

use crate::head::Head;
use crate::reply::Reply;

/// Replies for requests whose flow ended without one: 429, 500, 503 and 504. They are made of what
/// is at hand, never awaited: where one is needed, something is wrong already.
///
/// The request may be lost by then, with all that it held. So who it belongs to is asked when its
/// head is read, and kept as a number.
pub trait Pages: Debug + Send + Sync {
    /// Whose pages are for a request, as a number of the implementation's own.
    fn whose(&self, head: &Head) -> u16;

    /// The reply with this status. Without one, its reason phrase is sent as text. One
    /// with 503 or 429 that has no Retry-After gets one out of [`RETRY_AFTER`](crate::RETRY_AFTER).
    fn reply(&self, whose: u16, status: u16) -> Option<Reply>;
}
