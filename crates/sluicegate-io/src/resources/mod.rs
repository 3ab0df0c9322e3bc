//! Resources that run short: how much of its budget each uses, by what the kernel tells, and by
//! what other parts of a service measure.
//!
//! Each resource is one file beside this: what its text means, apart from where it is read. They
//! are read off the workers, by whoever owns the [`Reader`], and the gauges say what came out.
//! Laws at gates go by them (see [`Headroom`](sluicegate::Headroom)), and any stage hears when the
//! level of one changes (see [`Spec::hear_level`](sluicegate::Spec::hear_level)).

mod descriptors;
#[cfg(test)]
mod fake;
mod groups;
mod kernel_file;
mod memory;
mod pressure;
mod reader;
mod resource;
mod run_delay;
mod samples;
mod space;
mod system_memory;
mod throttling;
mod usage;

pub use memory::Parts;
pub use reader::{Reader, Sources};
pub use resource::{Budget, Resource};
pub use run_delay::Threads;
pub(crate) use run_delay::schedstat;
pub use samples::{Sampler, Samples};
pub use system_memory::memory_max;
pub use usage::Usage;

#[cfg(test)]
mod tests;
