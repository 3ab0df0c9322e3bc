//! Nets on real threads. Nothing here measures time; what is waited for is a state of the net.
#![forbid(unsafe_code)]

mod common;
mod ends;
mod load;
mod machines;
mod parts;
mod slowest;
mod snapshots;
mod stalls;
mod steered;
mod supervised;
