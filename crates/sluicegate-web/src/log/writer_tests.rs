//! The file of a log against a disk that fails: lines are whole, counted once, within the budget.
use super::*;
use crate::log::disk::System;
use crate::log::fake_disk::{ERRORS, FakeDisk, Fault, LOG};
use crate::scratch::Scratch;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::fs;

/// A log on a disk, and what it said of the records that it was given.
struct Trial {
    disk: FakeDisk,
    writer: Writer<FakeDisk>,
    limits: Limits,
    given: u64,
    kept: BTreeSet<u64>,
    broken: usize,
    moved: u32,
}

/// What happens to it.
#[derive(Clone, Debug)]
enum Step {
    /// Records come, each with so many bytes beside its number.
    Write(Vec<usize>),
    /// Time passes.
    Pass(u64),
    /// The next calls of the disk.
    Faults(Vec<Fault>),
    /// The disk has room for so many bytes.
    Room(usize),
    /// Others take the names for the next old files first.
    Claim(usize),
    /// An operator renames the file, and has it opened again or not.
    Rename(bool),
    /// He removes it.
    Remove,
    /// He copies it and empties it.
    Empty,
}

impl Trial {
    fn new(limits: Limits) -> Trial {
        let disk = FakeDisk::default();
        let writer = Writer::new(disk.clone(), Some(PathBuf::from(LOG)), limits);
        let (given, kept, broken, moved) = Default::default();
        Trial { disk, writer, limits, given, kept, broken, moved }
    }

    fn step(&mut self, step: &Step) {
        let log = Path::new(LOG);
        match step {
            Step::Write(sizes) => drop(self.write(sizes)),
            Step::Pass(ms) => self.disk.lock().now += Duration::from_millis(*ms),
            Step::Faults(faults) => self.disk.lock().faults = faults.iter().copied().collect(),
            Step::Room(bytes) => self.disk.lock().capacity = *bytes,
            Step::Claim(names) => self.disk.lock().claims = *names,
            Step::Rename(opens) => {
                self.moved += 1;
                let name = format!("moved.{}", self.moved);
                self.disk.lock().take_away(log, Some(&name));
                if let (true, Ok(file)) = (opens, self.disk.open(log)) {
                    self.writer.adopt(file);
                }
            }
            Step::Remove => self.disk.lock().take_away(log, None),
            Step::Empty => self.disk.lock().copy_and_empty(log),
        }
        self.broken += self.writer.take_broken();
        if let Some(budget) = self.limits.budget {
            assert!(self.disk.lock().peak as u64 <= budget, "more bytes than the budget has");
        }
    }

    /// Gives records to the log, and notes which it says that it has.
    fn write(&mut self, sizes: &[usize]) -> Result<(), Failed> {
        let (mut lines, mut ends) = (Vec::new(), Vec::new());
        for size in sizes {
            lines
                .extend_from_slice(format!("{:06}{}.\n", self.given, "x".repeat(*size)).as_bytes());
            ends.push((lines.len(), self.given));
            self.given += 1;
        }
        let now = self.disk.lock().now;
        let done = self.writer.write(&lines, now);
        let kept = done.as_ref().map_or_else(|failed| failed.kept, |()| lines.len());
        self.kept.extend(ends.iter().filter(|(end, _)| *end <= kept).map(|(_, n)| n));
        done
    }

    /// The disk is well again: from then on all is written.
    fn heal(&mut self) {
        let mut content = self.disk.lock();
        content.faults.clear();
        content.capacity = usize::MAX;
        content.claims = 0;
        content.now += Duration::from_secs(5);
        drop(content);
        self.write(&[1]).expect("nothing is in the way");
        self.broken += self.writer.take_broken();
    }

    /// Each record that it says it has is in the files, once and whole, but for those that it
    /// says are broken; and no other is.
    fn check(&self) {
        let content = self.disk.lock();
        let (mut found, mut torn) = (BTreeSet::new(), 0);
        for data in content.all() {
            let text = std::str::from_utf8(data).expect("text");
            for line in text.split_inclusive('\n') {
                let (number, rest) = line.split_at_checked(6).unwrap_or((line, ""));
                let is_whole = rest.trim_start_matches('x') == ".\n";
                match number.parse().ok().filter(|_| is_whole) {
                    Some(number) => assert!(found.insert(number), "{number} is there twice"),
                    None => torn += 1,
                }
            }
        }
        assert!(found.is_subset(&self.kept), "lost and there: {:?}", &found - &self.kept);
        let missing = self.kept.len() - found.len();
        // One that lacks its end alone, and gets it because the file does, is there all the same.
        assert!(missing <= self.broken, "{missing} are missing, {} are known", self.broken);
        assert!(torn <= self.broken, "{torn} lines are torn, {} are known", self.broken);
    }
}

fn limits(size: u64, budget: u64) -> Limits {
    Limits { size: Some(size), budget: Some(budget), age: Some(Duration::from_secs(60)) }
}

/// Some records, several rotations and removals.
fn script() -> Vec<Step> {
    let mut script = vec![Step::Pass(59_000)];
    for n in 0..12 {
        script.push(Step::Write(vec![5 + n, 20, 1, 30]));
        script.push(Step::Pass(700));
    }
    script
}

#[test]
fn any_call_may_fail_in_any_way() {
    let mut clean = Trial::new(limits(150, 400));
    script().iter().for_each(|step| clean.step(step));
    clean.heal();
    assert_eq!((clean.kept.len(), clean.broken, clean.given), (49, 0, 49));
    assert!(clean.writer.take_rotated() >= 5 && clean.disk.lock().used_by(Path::new(LOG)) <= 400);
    clean.check();
    let calls = clean.disk.lock().calls;
    let faults = ERRORS.map(Fault::Error).into_iter().chain([1, 7, 12].map(Fault::Short));
    for fault in faults {
        for at in 0..calls {
            // One call; a short write and an error; all calls for a while.
            for after in [&[][..], &[Fault::Error(ErrorKind::StorageFull)], &[fault; 12]] {
                let mut trial = Trial::new(limits(150, 400));
                let planned = std::iter::repeat_n(Fault::None, at).chain([fault]);
                trial.disk.lock().faults = planned.chain(after.iter().copied()).collect();
                script().iter().for_each(|step| trial.step(step));
                trial.heal();
                trial.check();
            }
        }
    }
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        3 => Just(Fault::None),
        2 => (0..ERRORS.len()).prop_map(|at| Fault::Error(ERRORS[at])),
        2 => (1..40_usize).prop_map(Fault::Short),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => prop::collection::vec(0..60_usize, 0..8).prop_map(Step::Write),
        3 => (0..3000_u64).prop_map(Step::Pass),
        1 => (0..200_000_u64).prop_map(Step::Pass),
        3 => prop::collection::vec(fault(), 0..25).prop_map(Step::Faults),
        2 => (0..600_usize).prop_map(Step::Room),
        1 => Just(Step::Room(usize::MAX)),
        1 => (0..2 * NAMES).prop_map(Step::Claim),
        1 => any::<bool>().prop_map(Step::Rename),
        1 => Just(Step::Remove),
        1 => Just(Step::Empty),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn whatever_happens_records_are_whole_and_counted(
        steps in prop::collection::vec(step(), 1..60),
        size in 80..300_u64,
        times in 2..6_u64,
        is_limited in any::<bool>(),
    ) {
        let limits = if is_limited { limits(size, size * times) } else { Limits::default() };
        let mut trial = Trial::new(limits);
        steps.iter().for_each(|step| trial.step(step));
        trial.heal();
        trial.check();
    }
}

fn at(secs: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(secs)
}

fn names(scratch: &Scratch) -> Vec<(String, u64)> {
    let mut found = System.list(scratch.path()).expect("it is there");
    found.sort();
    found
}

#[test]
fn a_real_file_is_ended_by_size_and_by_age() {
    let scratch = Scratch::new();
    let path = scratch.path().join("log");
    let limits = Limits { size: Some(10), age: Some(Duration::from_secs(100)), budget: Some(26) };
    let mut writer = Writer::new(System, Some(path.clone()), limits);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock").as_secs();
    let hour = now - now % 100 + 1000;
    let mut write = |text: &str, secs| {
        writer.write(text.as_bytes(), at(secs)).expect("there is room");
    };
    write("a\nb\n", hour);
    write("c\n", hour + 99);
    assert_eq!(fs::read_to_string(&path).expect("it is there"), "a\nb\nc\n");
    write("d\n", hour + 100);
    assert_eq!(fs::read_to_string(&path).expect("it is there"), "d\n");
    write("123456789\n", hour + 101);
    write("e\nf\n123456\nz\n", hour + 102);
    let found = names(&scratch);
    let lens: Vec<_> = found.iter().map(|(_, len)| *len).collect();
    // `log`, then the old ones by age; the oldest, of 6 bytes, had to go for the last lines.
    assert_eq!((lens, found[0].0.as_str()), (vec![9, 2, 10, 4], "log"));
}

#[test]
fn a_line_that_a_crash_cut_off_is_ended() {
    let scratch = Scratch::new();
    scratch.write("log", "whole\nha");
    let path = scratch.path().join("log");
    let mut writer = Writer::new(System, Some(path.clone()), Limits::default());
    writer.write(b"next\n", at(0)).expect("there is room");
    assert_eq!(fs::read_to_string(&path).expect("it is there"), "whole\nha\nnext\n");
}

#[test]
fn a_file_that_was_removed_is_begun_anew() {
    let scratch = Scratch::new();
    let (dir, path) = (scratch.path().join("d"), scratch.path().join("d/log"));
    scratch.write("d/log", "");
    let mut writer = Writer::new(System, Some(path.clone()), Limits::default());
    writer.write(b"a\n", at(0)).expect("there is room");
    fs::remove_dir_all(&dir).expect("it is there");
    for _ in 0..2 {
        let failed = writer.write(b"b\n", at(1)).expect_err("no directory");
        assert_eq!((failed.kept, failed.error.kind()), (0, ErrorKind::NotFound));
    }
    fs::create_dir(&dir).expect("it can be made");
    writer.write(b"c\n", at(2)).expect("it is there again");
    assert_eq!(fs::read_to_string(&path).expect("it is there"), "c\n");
}

#[test]
fn a_file_that_cannot_be_ended_is_written_on_and_that_is_told_once() {
    let mut trial = Trial::new(Limits { size: Some(20), ..Limits::default() });
    trial.write(&[10]).expect("there is room");
    let (disk, now) = (trial.disk.clone(), trial.disk.lock().now);
    let mut told = 0;
    for ms in [0, 500, 999, 1001, 1500, 5000] {
        disk.lock().now = now + Duration::from_millis(ms);
        // The directory is read-only: the file is not.
        let calls = [Fault::None; 5].into_iter().chain([Fault::Error(ErrorKind::PermissionDenied)]);
        disk.lock().faults = calls.collect();
        trial.write(&[10]).expect("it is written on");
        disk.lock().faults.clear();
        told += usize::from(trial.writer.take_unrotated().is_some());
    }
    assert_eq!((trial.writer.take_rotated(), told), (0, 1));
    trial.heal();
    assert_eq!(trial.writer.take_rotated(), 1, "it is, as soon as it can be");
    trial.check();
}

#[test]
fn a_name_that_others_take_first_is_left_to_them() {
    for (claims, rotated) in [(NAMES - 1, 1), (NAMES, 0)] {
        let mut trial = Trial::new(Limits { size: Some(20), ..Limits::default() });
        trial.write(&[10]).expect("there is room");
        trial.disk.lock().claims = claims;
        trial.write(&[10]).expect("it is written all the same");
        assert_eq!(trial.writer.take_rotated(), rotated, "{claims} are taken");
        assert_eq!(trial.writer.take_unrotated().is_none(), rotated == 1);
        assert_eq!(trial.disk.lock().claims, 0, "as many were tried");
        trial.heal();
        trial.check();
    }
}
