//! What is read next: how much, and where.

use std::str::FromStr;

use anyhow::{Context, Result, ensure};
use sluicegate::sim::Random;
use sluicegate_io::PAGE;

/// Neighbours that are read one after the other in no order, and how many such clusters at once.
const CLUSTER: u64 = 16;
const CLUSTERS: usize = 8;

/// Sizes in pages and how often each is drawn, of a hundred.
#[derive(Clone)]
pub struct Sizes(Vec<(u64, usize)>);

impl FromStr for Sizes {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let one = |part: &str| -> Result<(u64, usize)> {
            let (size, share) = part.split_once("k/").context("a size is such as 64k/40")?;
            Ok((size.parse::<u64>()? * 1024 / PAGE as u64, share.parse()?))
        };
        let all = text.split(':').map(one).collect::<Result<Vec<_>>>()?;
        let shares: usize = all.iter().map(|(_, share)| share).sum();
        ensure!(shares == 100 && all.iter().all(|(pages, _)| *pages > 0), "not 100 %: {text}");
        Ok(Self(all))
    }
}

impl Sizes {
    fn draw(&self, random: &mut Random) -> u64 {
        let mut left = random.below(100);
        for &(pages, share) in &self.0 {
            match left.checked_sub(share) {
                None => return pages,
                Some(rest) => left = rest,
            }
        }
        1
    }
}

/// Places of a device of so many pages.
pub struct Places {
    pages: u64,
    sizes: Sizes,
    random: Random,
    /// What is left of each cluster; none where places are drawn from all of the device.
    clusters: Vec<Vec<u64>>,
}

impl Places {
    pub fn new(len: u64, sizes: Sizes, clustered: bool, seed: u64) -> Self {
        let clusters = vec![Vec::new(); if clustered { CLUSTERS } else { 0 }];
        Self { pages: len / PAGE as u64, sizes, random: Random::new(seed), clusters }
    }

    /// The page at which the next read begins, and how many pages it has.
    pub fn draw(&mut self) -> (u64, u64) {
        let pages = self.sizes.draw(&mut self.random);
        if self.clusters.is_empty() {
            return (self.below(self.pages - pages + 1), pages);
        }
        let cluster = self.random.below(self.clusters.len());
        if self.clusters[cluster].is_empty() {
            let first = self.below(self.pages - CLUSTER * pages + 1);
            let mut new: Vec<u64> = (0..CLUSTER).map(|n| first + n * pages).collect();
            for last in (1..new.len()).rev() {
                new.swap(last, self.random.below(last + 1));
            }
            self.clusters[cluster] = new;
        }
        (self.clusters[cluster].pop().unwrap_or(0), pages)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random.next_u64() % bound
    }
}
