//! Kept flows as spans, sent to a collector by the OpenTelemetry protocol: OTLP over plain HTTP, in
//! its JSON encoding.
//!
//! A thread of its own reads the flows that a net keeps, once a second. No worker waits for it, and
//! what a collector does not take in time is dropped and counted.

mod counts;
mod export;
#[cfg(feature = "otlp")]
mod exporter;
#[cfg(feature = "otlp")]
mod pace;
#[cfg(feature = "otlp")]
mod queue;
#[cfg(feature = "otlp")]
mod send;
#[cfg(feature = "otlp")]
mod spans;
#[cfg(not(feature = "otlp"))]
mod without;

pub use counts::{Counts, Dropped};
pub use export::{BadEndpoint, Export};
#[cfg(feature = "otlp")]
pub use exporter::Exporter;
#[cfg(not(feature = "otlp"))]
pub use without::Exporter;
