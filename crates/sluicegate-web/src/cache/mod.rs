//! The cache: shared pages under one byte budget, and what each worker knows of them.
mod budget;
mod counts;
mod index;
mod loader;
mod make;
mod page;
mod policy;
mod store;
mod stored;
mod variant;

pub use budget::Budget;
pub use counts::Counts;

#[cfg(test)]
pub use index::FRESH;
pub use index::{Coded, Index, Kept, Known};
pub use loader::{Answer, Forms, Large, Loader};
pub use page::{Meta, Page};
pub use store::{Eviction, Store};
pub use variant::Job;
