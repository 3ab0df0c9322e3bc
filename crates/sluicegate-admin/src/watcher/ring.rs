//! A list of fixed length that forgets its oldest.

/// The newest `len` values, in memory that is taken once.
#[derive(Clone, Debug)]
pub(super) struct Ring<T> {
    values: Box<[T]>,
    /// How many were ever put in.
    put: usize,
}

impl<T: Copy> Ring<T> {
    /// With room for `len` values; what was never put in reads as `blank`.
    pub fn new(len: usize, blank: T) -> Self {
        Self { values: vec![blank; len].into(), put: 0 }
    }

    /// One that was put in as often as another, so that both are read at the same places.
    pub fn beside<U>(other: &Ring<U>, blank: T) -> Self {
        Self { values: vec![blank; other.values.len()].into(), put: other.put }
    }

    pub fn push(&mut self, value: T) {
        let at = self.put % self.values.len();
        self.values[at] = value;
        self.put += 1;
    }

    /// Those that are kept, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = T> {
        let from = self.put.saturating_sub(self.values.len());
        (from..self.put).map(|n| self.values[n % self.values.len()])
    }

    /// The newest `n` of them, oldest first.
    pub fn last(&self, n: usize) -> impl Iterator<Item = T> {
        let kept = self.put.min(self.values.len());
        self.iter().skip(kept.saturating_sub(n))
    }

    pub fn each_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.values.iter_mut()
    }
}
