//! What a simulated disk has taken and not kept: each sector of it may be lost when power fails.

use std::collections::BTreeMap;

use sluicegate::sim::Random;

use crate::sim::SECTOR;

/// Of 100 sectors, how many hold what was written last, at one cut or another: often enough all,
/// or none.
const KEPT: [usize; 5] = [0, 100, 50, 10, 90];
/// One sector in so many is torn in itself.
const TORN: usize = 8;
const BYTES: usize = SECTOR as usize;

/// By its number, what each sector held since it was kept.
#[derive(Default)]
pub(super) struct Unsynced {
    sectors: BTreeMap<usize, Versions>,
    /// Writes so far.
    taken: u64,
}

/// The oldest first, each with the number of its write. The first is what is kept.
type Versions = Vec<(u64, [u8; BYTES])>;

impl Unsynced {
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// Whole sectors are written.
    pub fn write(&mut self, content: &mut [u8], offset: usize, bytes: &[u8]) {
        self.taken += 1;
        for (n, new) in bytes.as_chunks::<BYTES>().0.iter().enumerate() {
            let sector = offset / BYTES + n;
            let place = &mut content[sector * BYTES..][..BYTES];
            let versions = self.sectors.entry(sector).or_insert_with(|| {
                let mut kept = [0; BYTES];
                kept.copy_from_slice(place);
                vec![(0, kept)]
            });
            versions.push((self.taken, *new));
            place.copy_from_slice(new);
        }
    }

    /// The first so many writes are kept.
    pub fn sync(&mut self, taken: u64) {
        self.sectors.retain(|_, versions| {
            let kept = versions.iter().rposition(|(write, _)| *write <= taken).unwrap_or(0);
            versions.drain(..kept);
            versions.len() > 1
        });
    }

    /// Leaves what a cut leaves.
    pub fn cut(&mut self, random: &mut Random, content: &mut [u8]) {
        let kept = KEPT[random.below(KEPT.len())];
        for (sector, versions) in std::mem::take(&mut self.sectors) {
            let last = versions.len() - 1;
            let mut left = match random.below(100) < kept {
                true => versions[last].1,
                false => versions[random.below(last)].1,
            };
            if random.one_in(TORN) {
                let torn = random.below(BYTES);
                left[..torn].copy_from_slice(&versions[last].1[..torn]);
            }
            content[sector * BYTES..][..BYTES].copy_from_slice(&left);
        }
    }
}
