//! The blocks that may be written: those that neither generation uses which has to stay.
use crate::layout::SLOTS;
use crate::volume::Volume;
use std::ops::Range;

/// Free blocks.
#[derive(Debug)]
pub(super) struct Space {
    /// In order, none empty but perhaps the last, which is what lies behind everything.
    gaps: Vec<Range<u64>>,
}

impl Space {
    /// What these generations leave of so many blocks.
    pub(super) fn new(kept: &[&Volume], limit: u64) -> Space {
        let mut used: Vec<Range<u64>> = kept.iter().flat_map(|volume| volume.used()).collect();
        used.push(0..SLOTS);
        used.sort_unstable_by_key(|range| range.start);
        let (mut gaps, mut free) = (Vec::new(), 0);
        for range in used {
            if free < range.start {
                gaps.push(free..range.start);
            }
            free = free.max(range.end);
        }
        gaps.push(free..limit.max(free));
        Space { gaps }
    }

    /// Takes so many blocks, the first that are free and adjoin.
    pub(super) fn take(&mut self, blocks: u64) -> Option<u64> {
        let at = self.gaps.iter().position(|gap| gap.end - gap.start >= blocks)?;
        let start = self.gaps[at].start;
        self.gaps[at].start += blocks;
        if self.gaps[at].is_empty() && at + 1 < self.gaps.len() {
            self.gaps.remove(at);
        }
        Some(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_gap_that_is_long_enough_is_taken() {
        let mut space = Space { gaps: vec![4..6, 10..15, 20..23] };
        assert_eq!(space.take(3), Some(10));
        assert_eq!(space.take(2), Some(4));
        assert_eq!(space.take(2), Some(13));
        assert_eq!(space.take(4), None);
        assert_eq!(space.take(3), Some(20));
        assert_eq!(space.take(1), None);
        assert_eq!(space.take(0), Some(23), "nothing has a place too");
    }
}
