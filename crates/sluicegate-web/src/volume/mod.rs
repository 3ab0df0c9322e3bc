//! A site in a volume: which generation is open, its objects and their pieces in pages of a bounded
//! arena, and what the caches ask the stage `pages` for.
mod counts;
mod edition;
mod fetch;
mod memory;
mod misses;
mod object;
#[cfg(test)]
mod packed;
mod piece;
mod shelf;
mod source;

#[cfg(test)]
pub(crate) use packed::pack;

pub use counts::{Counts, Sum};
pub use edition::Edition;
pub use fetch::{Evicted, Fault, Fetch, Fetched, Got, Key};
pub use memory::{Memory, Share};
pub use misses::{Asker, Miss, Misses, Waiter};
pub use object::{Form, Object};
pub use piece::Piece;
#[cfg(test)]
pub use shelf::Kept;
pub use shelf::Shelf;
pub use source::Source;
