//! A site in a volume: which generation is open, its objects and their pieces in pages of a bounded
//! arena, and what the caches ask the stage `pages` for.
mod counts;
mod edition;
mod faults;
mod fetch;
mod hot;
mod keeper;
mod memory;
mod misses;
mod object;
mod open_volume;
#[cfg(test)]
mod packed;
mod piece;
mod shelf;

#[cfg(test)]
pub(crate) use packed::pack;

pub use counts::{Counts, Sum};
pub use edition::Edition;
pub use fetch::{Evicted, Fault, Fetch, Fetched, Got, Key};
pub use hot::{Warm, read as read_hot};
pub use keeper::Keeper;
pub use memory::{Memory, Share};
pub use misses::{Asker, Miss, Misses, Waiter};
pub use object::{Form, Object};
pub use open_volume::OpenVolume;
pub use piece::Piece;
#[cfg(test)]
pub use shelf::Item;
