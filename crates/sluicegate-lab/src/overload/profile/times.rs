//! How long the parts of an experiment take.

/// How long everything takes, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// Each run that looks for the capacity, with a second at its beginning that does not count.
    pub capacity: u64,
    /// A load that stays the same.
    pub step: u64,
    /// Before a spike or whatever else befalls the server, in it, and after it.
    pub spike: [u64; 3],
}

impl Times {
    /// For results.
    pub const FULL: Self = Self { capacity: 6, step: 10, spike: [5, 10, 10] };
    /// To see whether all works.
    pub const QUICK: Self = Self { capacity: 2, step: 2, spike: [2, 3, 4] };
}
