//! The byte budget of the cache: bytes are charged before they are read and given back when the
//! last holder lets go of them, so that the bound holds at every moment.
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A number of bytes that is never exceeded, but for what was taken before it became less.
#[derive(Debug)]
pub struct Budget {
    most: u64,
    limit: AtomicU64,
    used: AtomicU64,
}

/// Bytes taken from a budget; dropping it gives them back.
#[derive(Debug)]
pub struct Charge {
    budget: Arc<Budget>,
    bytes: u64,
}

impl Budget {
    /// A budget of `limit` bytes.
    pub fn new(limit: u64) -> Arc<Budget> {
        let (most, limit) = (limit, AtomicU64::new(limit));
        Arc::new(Budget { most, limit, used: AtomicU64::new(0) })
    }

    /// Takes `bytes`, all or none.
    pub fn take(self: &Arc<Self>, bytes: u64) -> Option<Charge> {
        let fits = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= self.limit());
        let taken = self.used.fetch_update(Ordering::AcqRel, Ordering::Acquire, fits);
        taken.ok().map(|_| Charge { budget: Arc::clone(self), bytes })
    }

    /// The bytes in use now.
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Acquire)
    }

    /// The most bytes in use now.
    pub fn limit(&self) -> u64 {
        self.limit.load(Ordering::Acquire)
    }

    /// The most bytes in use ever.
    pub fn most(&self) -> u64 {
        self.most
    }

    /// Has no more than `limit` bytes be taken from now on, and never more than there were at
    /// first.
    pub(super) fn set_limit(&self, limit: u64) {
        self.limit.store(limit.min(self.most), Ordering::Release);
    }
}

impl Charge {
    /// How many bytes these are.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Gives back all but `bytes` of it.
    pub fn shrink(&mut self, bytes: u64) {
        let over = self.bytes.saturating_sub(bytes);
        self.bytes -= over;
        self.budget.used.fetch_sub(over, Ordering::AcqRel);
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_when_the_charge_goes() {
        let budget = Budget::new(10);
        let seven = budget.take(7).expect("fits");
        assert!(budget.take(4).is_none());
        assert!(budget.take(u64::MAX).is_none());
        let three = budget.take(3).expect("fits exactly");
        assert_eq!((budget.used(), three.bytes()), (10, 3));
        drop(seven);
        assert_eq!(budget.used(), 3);
        let mut three = three;
        three.shrink(5);
        assert_eq!((budget.used(), three.bytes()), (3, 3));
        three.shrink(1);
        assert_eq!((budget.used(), three.bytes()), (1, 1));
        drop(three);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn a_smaller_limit_holds_for_what_is_taken_from_then_on() {
        let budget = Budget::new(10);
        let seven = budget.take(7).expect("fits");
        budget.set_limit(5);
        assert!(budget.take(1).is_none());
        assert_eq!((budget.limit(), budget.most(), budget.used()), (5, 10, 7));
        drop(seven);
        assert!(budget.take(6).is_none() && budget.take(5).is_some());
        budget.set_limit(11);
        assert_eq!(budget.limit(), 10);
    }
}
