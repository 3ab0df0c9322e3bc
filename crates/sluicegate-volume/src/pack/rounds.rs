//! Objects are made in rounds, each of as much as may be in memory, by several threads.
use crate::pack::PackError;
use crate::pack::content::HELD_MAX;
use crate::pack::make::{Made, Maker};
use crate::pack::plan::Object;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

/// Bytes of content of a round; with their coded forms they take up to four times as much, and one
/// round is made while another one is written.
const ROUND: u64 = 32 << 20;
/// Objects of a round, for they have fronts too, and some of them files that stay open.
const ROUND_OBJECTS: usize = 4096;

/// Cuts the objects into rounds.
pub(super) fn rounds(mut objects: &[Object]) -> impl Iterator<Item = &[Object]> {
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |object: &&Object| {
            bytes += object.stamp.map_or(0, |stamp| stamp.len.min(HELD_MAX));
            bytes <= ROUND
        };
        let number = objects.iter().take(ROUND_OBJECTS).take_while(fits).count();
        let (round, rest) = objects.split_at(number);
        objects = rest;
        (!round.is_empty()).then_some(round)
    })
}

/// Makes the objects of a round, in their order.
pub(super) fn make<'a>(maker: &Maker<'_>, round: &'a [Object]) -> Result<Vec<Made<'a>>, PackError> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut made = Vec::new();
        while let Some((at, object)) = {
            let at = next.fetch_add(1, Relaxed);
            round.get(at).map(|object| (at, object))
        } {
            let one = maker.make(object);
            if one.is_err() {
                // The others need not go on.
                next.store(round.len(), Relaxed);
            }
            made.push((at, one));
        }
        made
    };
    let mut made = thread::scope(|scope| {
        let threads: Vec<_> =
            (0..maker.options.threads.max(1)).map(|_| scope.spawn(work)).collect();
        let made = threads.into_iter().map(|thread| thread.join().expect("making does not panic"));
        made.flatten().collect::<Vec<_>>()
    });
    made.sort_unstable_by_key(|(at, _)| *at);
    made.into_iter().map(|(_, made)| made).collect()
}
