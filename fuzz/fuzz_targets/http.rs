//! Arbitrary bytes in arbitrary splits, with early and late replies: the machine of a connection
//! never panics, holds no more than its bounds, and says the same however the bytes are split.
#![no_main]

#[path = "../../crates/sluicegate-http/tests/exercise/mod.rs"]
mod exercise;

/// The first bytes of an input say where to cut the rest.
const CUTS: usize = 4;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let (cuts, input) = data.split_at(data.len().min(CUTS));
    exercise::splits_do_not_matter(input, cuts);
});
