//! Plans and outcomes against a model.

use proptest::prelude::*;
use sluicegate::WorkerId;

use super::*;
use crate::arena::Arena;
use crate::disk::Device;
use crate::sim::{SimDisk, SimDiskOptions};

const PAGES: u64 = 24;
const MOST: usize = 5 * PAGE;

fn devices(n: usize) -> Vec<Device> {
    let disk = |_| SimDisk::new(1, vec![0; PAGES as usize * PAGE], SimDiskOptions::default());
    (0..n).map(disk).map(|disk| disk.device()).collect()
}

fn read(arena: &Arena, device: &Device, page: u64, pages: usize, token: u64) -> Event<Read> {
    let (frames, offset) = (arena.take(pages).unwrap(), page * PAGE as u64);
    Event::note(WorkerId::default(), Read { device: device.clone(), offset, frames, token })
}

/// The tokens of a call, and where each of its reads begins.
fn parts(call: &Call) -> Vec<(u64, u32, u64, usize)> {
    let mut offset = call.extent.offset;
    let parts = call.askers.iter().zip(&call.extent.frames).map(|(asker, frames)| {
        let part = (asker.token, call.extent.device.number(), offset, frames.len());
        offset += frames.len() as u64;
        part
    });
    parts.collect()
}

#[test]
fn a_read_from_where_none_can_begin_is_answered_with_an_error() {
    let (arena, devices) = (Arena::new(8 * PAGE).unwrap(), devices(1));
    for offset in [512, 0_u64.wrapping_sub(PAGE as u64)] {
        let misplaced = read(&arena, &devices[0], 1, 1, 7).map(|read| Read { offset, ..read });
        let mut answers = Vec::new();
        let mut answer = |answer: Event<ReadDone>| answers.push(answer.split().1);
        assert!(plan([misplaced].into_iter(), MOST, &mut answer).is_empty());
        let error = answers[0].result.as_ref().unwrap_err();
        assert_eq!((answers[0].token, error.kind()), (7, io::ErrorKind::InvalidInput));
    }
}

#[test]
fn reads_of_a_call_that_failed_are_tried_alone() {
    let (arena, devices) = (Arena::new(8 * PAGE).unwrap(), devices(1));
    let reads = [(3, 1), (4, 2), (6, 1)].map(|(at, n)| read(&arena, &devices[0], at, n, at));
    let mut calls = plan(reads.into_iter(), MOST, &mut |_| unreachable!());
    let call = calls.pop_front().unwrap();
    assert_eq!((call.askers.len(), calls.len()), (3, 0));
    let Outcome::Apart(alone) = call.outcome(Err(io::ErrorKind::Other.into())) else {
        panic!("all were answered by one error")
    };
    let places: Vec<_> =
        alone.iter().flat_map(parts).map(|(token, _, at, _)| (token, at)).collect();
    assert_eq!(places, [3, 4, 6].map(|page| (page, page * PAGE as u64)));
    for call in alone {
        let Outcome::Answered(answers) = call.outcome(Err(io::ErrorKind::Other.into())) else {
            panic!("a single read was taken apart")
        };
        assert!(answers.len() == 1 && answers[0].result.is_err());
    }
}

proptest! {
    /// Every read is in one call, at its place; calls are in order, of neighbours, and no two of
    /// them could be one. What the device gave is told to each as far as it reaches.
    #[test]
    fn plans_are_sorted_and_joined(
        asked in prop::collection::vec((0..2_usize, 0..PAGES, 1..4_usize), 0..40),
        given in 0..10 * PAGE,
    ) {
        let (arena, devices) = (Arena::new(200 * PAGE).unwrap(), devices(2));
        let reads: Vec<_> = asked.iter().enumerate()
            .map(|(n, (of, page, pages))| read(&arena, &devices[*of], *page, *pages, n as u64))
            .collect();
        let calls = plan(reads.into_iter(), MOST, &mut |_| unreachable!());

        let mut planned: Vec<_> = calls.iter().flat_map(parts).collect();
        prop_assert!(planned.iter().is_sorted_by_key(|(_, device, at, _)| (*device, *at)));
        planned.sort_unstable();
        let mut model: Vec<_> = asked.iter().enumerate().map(|(n, (of, page, pages))| {
            (n as u64, devices[*of].number(), page * PAGE as u64, pages * PAGE)
        }).collect();
        model.sort_unstable();
        prop_assert_eq!(planned, model);

        for call in &calls {
            prop_assert!(call.askers.len() == 1 || call.extent.len() <= MOST);
        }
        for (a, b) in calls.iter().zip(calls.iter().skip(1)) {
            let neighbours = a.extent.device.number() == b.extent.device.number()
                && a.extent.offset + a.extent.len() as u64 == b.extent.offset;
            prop_assert!(!neighbours || a.extent.len() + b.extent.len() > MOST);
        }

        for call in calls {
            let (parts, begin) = (parts(&call), call.extent.offset);
            let given = given.min(call.extent.len());
            let Outcome::Answered(answers) = call.outcome(Ok(given)) else { panic!("it failed") };
            prop_assert_eq!(answers.len(), parts.len());
            for (answer, (token, _, at, len)) in answers.iter().zip(parts) {
                let before = (at - begin) as usize;
                prop_assert_eq!(answer.token, token);
                prop_assert_eq!(answer.frames.len(), len);
                let mine = given.saturating_sub(before).min(len);
                prop_assert_eq!(answer.result.as_ref().unwrap(), &mine);
            }
        }
        prop_assert_eq!(arena.free(), 200);
    }
}
