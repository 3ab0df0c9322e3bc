//! The cache: shared pages under one byte budget, and what each worker knows of them.
mod budget;
mod counts;
mod index;
mod kept;
mod life;
mod loader;
mod make;
mod page;
mod policy;
mod store;
mod stored;
mod variant;

pub use budget::{Budget, Charge};
pub use counts::Counts;

#[cfg(test)]
pub use index::FRESH;
pub use index::{Index, Known};
pub use kept::{Form, Kept, Lack, Payload};
pub use life::Life;
pub use loader::{Answer, Large, Loader};
pub use page::{Meta, Page};
pub use policy::{Heat, Policy};
pub use store::{Eviction, Store};
pub use variant::Job;
