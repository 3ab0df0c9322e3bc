//! The cache: shared pages under one byte budget, and what each worker knows of them.
mod budget;
mod index;
mod loader;
mod page;
mod policy;
mod store;

pub use budget::Budget;

#[cfg(test)]
pub use index::FRESH;
pub use index::{Index, Kept, Known};
pub use loader::{Answer, Large, Loader};
pub use page::{Meta, Page};
pub use store::{Eviction, Store};
