//! Codings in the order of preference, as a value that is copied.
use sluicegate_http::Coding;

/// At most one of each coding, best first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Order([Option<Coding>; Coding::ALL.len()]);

impl Order {
    /// No coding at all.
    pub const NONE: Order = Order([None; Coding::ALL.len()]);

    /// These, in their order; one that comes again is passed over.
    pub fn new(codings: &[Coding]) -> Order {
        let mut order = Order::NONE;
        for &coding in codings {
            if !order.iter().any(|known| known == coding)
                && let Some(free) = order.0.iter_mut().find(|place| place.is_none())
            {
                *free = Some(coding);
            }
        }
        order
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0[0].is_none()
    }

    /// The codings, best first.
    pub fn iter(self) -> impl Iterator<Item = Coding> {
        self.0.into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_coding_is_there_once() {
        use Coding::{Br, Gzip};
        let order = Order::new(&[Gzip, Br, Gzip, Br, Br]);
        assert_eq!(order.iter().collect::<Vec<_>>(), [Gzip, Br]);
        assert!(!order.is_empty() && Order::NONE.is_empty());
    }
}
