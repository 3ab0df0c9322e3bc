//! A reading of how much of a resource is used: one place writes it, everybody reads it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// How much of a resource's budget is used: 0 is nothing, 1 all of it, and more is too much.
///
/// It knows nothing of the resource: who watches that, writes it now and then; laws such as
/// [`Headroom`](crate::Headroom) read it at their ticks. Where nobody could read the resource, the
/// gauge says nothing.
///
/// ```
/// use sluicegate::Gauge;
///
/// let memory = Gauge::new("memory");
/// memory.set(Some(0.4));
/// assert_eq!((memory.name(), memory.used()), ("memory", Some(0.4)));
/// ```
#[derive(Debug)]
pub struct Gauge {
    name: &'static str,
    /// The bits of an `f64`; not a number where nothing is known.
    used: AtomicU64,
}

impl Gauge {
    /// For the resource `name`, of which nothing is known yet.
    pub fn new(name: &'static str) -> Arc<Self> {
        Arc::new(Self { name, used: AtomicU64::new(f64::NAN.to_bits()) })
    }

    /// The resource, which is also the name of laws that go by it.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Says how much is used, or that it could not be read. What is not a number is no reading.
    pub fn set(&self, used: Option<f64>) {
        self.used.store(used.unwrap_or(f64::NAN).to_bits(), Relaxed);
    }

    /// How much was used at the last reading, if that is known.
    pub fn used(&self) -> Option<f64> {
        let used = f64::from_bits(self.used.load(Relaxed));
        (!used.is_nan()).then_some(used)
    }
}
