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

fn note(asked: impl Into<DiskIn>) -> Event<DiskIn> {
    Event::note(WorkerId::default(), asked.into())
}

fn ask(
    op: DiskOp,
    arena: &Arena,
    device: &Device,
    (page, pages): (u64, usize),
    token: u64,
) -> Event<DiskIn> {
    let (device, offset) = (device.clone(), page * PAGE as u64);
    let frames = || arena.take(pages).unwrap();
    match op {
        DiskOp::Read => note(Read { device, offset, frames: frames(), token }),
        DiskOp::Write => note(DiskWrite { device, offset, frames: frames(), token }),
        DiskOp::Sync => note(DiskSync { device, token }),
    }
}

/// The kind, token, result and bytes of an answer.
fn told(answer: Event<Answer>) -> (DiskOp, u64, io::Result<()>, usize) {
    match answer.split().1 {
        Answer::Read(ReadDone { token, result, .. }) => {
            let bytes = *result.as_ref().unwrap_or(&0);
            (DiskOp::Read, token, result.map(drop), bytes)
        }
        Answer::Written(WriteDone { token, result, written, .. }) => {
            (DiskOp::Write, token, result, written)
        }
        Answer::Synced(SyncDone { token, result }) => (DiskOp::Sync, token, result, 0),
    }
}

fn failed() -> io::Result<()> {
    Err(io::Error::from_raw_os_error(libc::ENOSPC))
}

/// The tokens of a call that moves bytes, and where each of its parts begins.
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
fn what_begins_where_nothing_can_is_answered_with_an_error() {
    let (arena, devices) = (Arena::new(8 * PAGE).unwrap(), devices(1));
    for offset in [512, 0_u64.wrapping_sub(PAGE as u64)] {
        let (device, token) = (devices[0].clone(), 7);
        let frames = arena.take(2).unwrap();
        let write = note(DiskWrite { device: device.clone(), offset, frames, token });
        let read = note(Read { device, offset, frames: arena.take(1).unwrap(), token });
        let mut answers = Vec::new();
        let mut answer = |answer: Event<Answer>| answers.push(told(answer));
        assert!(plan([read, write].into_iter(), MOST, &mut answer).is_empty());
        for (answer, op) in answers.into_iter().zip([DiskOp::Read, DiskOp::Write]) {
            let (of, token, result, bytes) = answer;
            let error = result.unwrap_err();
            assert_eq!((of, token, bytes), (op, 7, 0));
            assert!(error.to_string().starts_with(&format!("a {op} begins at a multiple of 4096")));
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }
    }
    assert_eq!(arena.free(), 8);
}

#[test]
fn parts_of_a_call_that_failed_are_tried_alone() {
    let (arena, devices) = (Arena::new(8 * PAGE).unwrap(), devices(1));
    for op in [DiskOp::Read, DiskOp::Write] {
        let asked = [(3, 1), (4, 2), (6, 1)].map(|at| ask(op, &arena, &devices[0], at, at.0));
        let mut calls = plan(asked.into_iter(), MOST, &mut |_| unreachable!());
        let call = calls.pop_front().unwrap();
        assert_eq!((call.askers.len(), calls.len()), (3, 0));
        let Outcome::Apart(alone) = call.outcome(PAGE, failed()) else {
            panic!("all were answered by one error")
        };
        let places: Vec<_> =
            alone.iter().flat_map(parts).map(|(token, _, at, _)| (token, at)).collect();
        assert_eq!(places, [3, 4, 6].map(|page| (page, page * PAGE as u64)));
        for call in alone {
            assert_eq!(call.op, op);
            let Outcome::Answered(answers) = call.outcome(512, failed()) else {
                panic!("what was alone was taken apart")
            };
            let [answer] = answers.into_iter().collect::<Vec<_>>().try_into().unwrap();
            let (of, _, result, bytes) = told(answer);
            assert_eq!(result.unwrap_err().raw_os_error(), Some(libc::ENOSPC));
            assert_eq!((of, bytes), (op, if op == DiskOp::Write { 512 } else { 0 }));
        }
    }
}

#[test]
fn syncs_are_one_call_whose_error_all_are_told() {
    let (arena, devices) = (Arena::new(8 * PAGE).unwrap(), devices(2));
    let syncs = (0..6).map(|n| ask(DiskOp::Sync, &arena, &devices[n % 2], (0, 0), n as u64));
    let calls = plan(syncs, 0, &mut |_| unreachable!());
    assert_eq!(calls.len(), 2);
    let mut tokens = Vec::new();
    for (n, call) in calls.into_iter().enumerate() {
        assert_eq!((call.op, call.askers.len(), call.extent.len()), (DiskOp::Sync, 3, 0));
        let fails = n == 0;
        let result = if fails { failed() } else { Ok(()) };
        let Outcome::Answered(answers) = call.outcome(0, result) else {
            panic!("a sync that failed was tried again")
        };
        for answer in answers {
            let (op, token, result, _) = told(answer);
            assert_eq!((op, result.is_err()), (DiskOp::Sync, fails));
            tokens.push(token);
        }
    }
    assert_eq!(tokens, [0, 2, 4, 1, 3, 5]);
}

#[test]
fn what_is_open_to_be_read_is_not_written() {
    let path = std::env::current_exe().unwrap();
    let (device, arena) = (Device::open(&path).unwrap(), Arena::new(8 * PAGE).unwrap());
    let asked = [DiskOp::Write, DiskOp::Sync].map(|op| ask(op, &arena, &device, (0, 1), 1));
    let mut answers = Vec::new();
    let mut answer = |answer: Event<Answer>| answers.push(told(answer));
    assert!(plan(asked.into_iter(), MOST, &mut answer).is_empty());
    for (n, (_, _, result, _)) in answers.into_iter().enumerate() {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied, "{n}");
        let text = error.to_string();
        assert!(text.starts_with(path.to_str().unwrap()) && text.contains("open_to_write"));
    }
}

fn op() -> impl Strategy<Value = DiskOp> {
    prop_oneof![Just(DiskOp::Read), Just(DiskOp::Write)]
}

proptest! {
    /// All that is asked for is in one call, at its place; calls are in order, of neighbours of a
    /// kind, and no two of them could be one. What the device moved is told to each as far as it
    /// reaches.
    #[test]
    fn plans_are_sorted_and_joined(
        asked in prop::collection::vec((op(), 0..2_usize, 0..PAGES, 1..4_usize), 0..60),
        given in 0..10 * PAGE,
    ) {
        let (arena, devices) = (Arena::new(200 * PAGE).unwrap(), devices(2));
        let events: Vec<_> = asked.iter().enumerate()
            .map(|(n, (op, of, page, pages))| {
                ask(*op, &arena, &devices[*of], (*page, *pages), n as u64)
            })
            .collect();
        let calls = plan(events.into_iter(), MOST, &mut |_| unreachable!());

        let of_call = |call: &Call| {
            let op = call.op;
            let parts = parts(call).into_iter();
            parts.map(move |(token, device, at, len)| (token, device, op, at, len))
        };
        let mut planned: Vec<_> = calls.iter().flat_map(of_call).collect();
        prop_assert!(planned.iter().is_sorted_by_key(|(_, device, op, at, _)| (*device, *op, *at)));
        planned.sort_unstable();
        let mut model: Vec<_> = asked.iter().enumerate().map(|(n, (op, of, page, pages))| {
            (n as u64, devices[*of].number(), *op, page * PAGE as u64, pages * PAGE)
        }).collect();
        model.sort_unstable();
        prop_assert_eq!(planned, model);

        for call in &calls {
            prop_assert!(call.askers.len() == 1 || call.extent.len() <= MOST);
        }
        for (a, b) in calls.iter().zip(calls.iter().skip(1)) {
            let neighbours = a.op == b.op
                && a.extent.device.number() == b.extent.device.number()
                && a.extent.offset + a.extent.len() as u64 == b.extent.offset;
            prop_assert!(!neighbours || a.extent.len() + b.extent.len() > MOST);
        }

        for call in calls {
            let (op, parts, begin) = (call.op, parts(&call), call.extent.offset);
            let all = call.extent.len();
            let given = if op == DiskOp::Write { all } else { given.min(all) };
            let Outcome::Answered(answers) = call.outcome(given, Ok(())) else {
                panic!("it failed")
            };
            prop_assert_eq!(answers.len(), parts.len());
            for (answer, (token, _, at, len)) in answers.into_iter().zip(parts) {
                let before = (at - begin) as usize;
                let (of, told, result, bytes) = told(answer);
                prop_assert_eq!((of, told), (op, token));
                prop_assert!(result.is_ok());
                prop_assert_eq!(bytes, given.saturating_sub(before).min(len));
            }
        }
        prop_assert_eq!(arena.free(), 200);
    }
}
