//! The log stage alone: what it writes, and what it says of what it could not write.
use super::*;
use crate::log::{Format, Limits, Target, say};
use crate::scratch::Scratch;
use sluicegate::{Event, Rig, WorkerId};
use sluicegate_http::log::{Line, Lost};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Blocks that may wait.
const QUEUE: usize = 8;

fn block(requests: &[&str], lost: &Arc<Lost>) -> Event<Block> {
    answered(requests, 200, lost)
}

fn answered(requests: &[&str], status: u16, lost: &Arc<Lost>) -> Event<Block> {
    let line = |request: &&'static str| Line {
        at: SystemTime::UNIX_EPOCH,
        peer: None,
        conn: (0, 1),
        request: Some(request.as_bytes()),
        host: None,
        referer: None,
        agent: None,
        id: None,
        status,
        bytes: 3,
        took: Duration::from_micros(5),
        aborted: false,
    };
    let lines: Vec<_> = requests.iter().map(|request| line(&leak(request))).collect();
    Event::note(WorkerId::default(), Block::of(&lines, Arc::clone(lost)))
}

/// Texts of a test live as long as it.
fn leak(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

fn rig(path: &Path) -> (Rig<Log>, Arc<LogFile>, Arc<Counts>) {
    let (counts, limits) = (Arc::new(Counts::default()), Limits::default());
    let file = Arc::new(LogFile::new(Target::File(path.to_owned()), limits));
    let formatter = Formatter::new(Format::Common);
    let log = Log::new(Arc::clone(&file), formatter, Arc::clone(&counts), Some(QUEUE));
    (Rig::of(log), file, counts)
}

fn told(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| (*line).to_owned()).collect()
}

fn requests(path: &PathBuf) -> Vec<String> {
    let text = fs::read_to_string(path).expect("the log is there");
    text.lines().map(|line| line.split('"').nth(1).unwrap_or(line).to_owned()).collect()
}

#[test]
fn a_batch_is_written_in_order() {
    let scratch = Scratch::new();
    let path = scratch.path().join("access.log");
    let (mut rig, file, counts) = rig(&path);
    let lost = &counts.lost;
    file.open().expect("it can be made");
    rig.feed_events([block(&["a", "b"], lost), block(&["c"], lost)]).batch(8);
    assert_eq!(requests(&path), ["a", "b", "c"]);
    let moved = scratch.path().join("access.log.1");
    fs::rename(&path, &moved).expect("it can be renamed");
    rig.feed_events([block(&["d"], lost)]).batch(1);
    file.open().expect("it can be made again");
    rig.feed_events([block(&["e"], lost)]).batch(1);
    assert_eq!((requests(&moved).len(), requests(&path)), (4, vec!["e".to_owned()]));
    assert_eq!((lost.total(), lost.waiting()), (0, 0));
}

#[test]
fn what_could_not_be_written_is_told_when_it_can_again() {
    let scratch = Scratch::new();
    let path = scratch.path().join("logs/access.log");
    let (mut rig, file, counts) = rig(&path);
    let lost = &counts.lost;
    // Its directory is missing: every write fails.
    rig.feed_events([block(&["a", "b"], lost)]).batch(1);
    rig.feed_events([block(&["c"], lost)]).batch(1);
    // Shed on its way, as a full queue does.
    drop(block(&["d"], lost));
    assert_eq!((lost.total(), lost.bytes(), counts.is_failing()), (4, 4, true));
    scratch.write("logs/other", "");
    // Not tried again before its time.
    rig.advance(AGAIN / 2).feed_events([block(&["e"], lost)]).batch(1);
    assert!(!path.exists());
    rig.advance(AGAIN / 2).feed_events([block(&["f"], lost)]).batch(1);
    rig.feed_events([block(&["g"], lost)]).batch(1);
    assert_eq!((requests(&path), counts.is_failing()), (told(&["LOST 5", "f", "g"]), false));
    drop(block(&["g", "h"], lost));
    let last = || say::last(&file, Formatter::new(Format::Common), &counts);
    last();
    last();
    assert_eq!(requests(&path), ["LOST 5", "f", "g", "LOST 2"]);
}

#[test]
fn who_asks_for_the_log_to_be_opened_does_not_wait() {
    let scratch = Scratch::new();
    let path = scratch.path().join("logs/access.log");
    let (mut rig, file, counts) = rig(&path);
    rig.feed_events([block(&["a"], &counts.lost)]).batch(1);
    assert!(file.open().is_err());
    scratch.write("logs/other", "");
    file.open().expect("it can be made");
    rig.feed_events([block(&["b"], &counts.lost)]).batch(1);
    assert_eq!(requests(&path), ["LOST 1", "b"]);
}

#[test]
fn a_disk_that_is_full_costs_lines_and_nothing_else() {
    let (mut rig, file, counts) = rig(Path::new("/dev/full"));
    file.open().expect("it is there on Linux");
    for _ in 0..3 {
        rig.advance(AGAIN).feed_events([block(&["a", "b"], &counts.lost)]).batch(1);
    }
    assert_eq!((rig.queued(), counts.lost.total(), counts.lost.bytes()), (0, 6, 6));
}

#[test]
fn a_queue_that_fills_has_records_left_out_and_the_log_says_so() {
    let scratch = Scratch::new();
    let path = scratch.path().join("access.log");
    let (mut rig, file, counts) = rig(&path);
    let lost = &counts.lost;
    file.open().expect("it can be made");
    let many = vec!["a"; 100];
    // Half of the queue is taken, and each batch leaves it so.
    let mut given = 0;
    for _ in 0..20 {
        while rig.queued() < QUEUE / 2 {
            let errors = answered(&["error"; 10], 503, lost);
            rig.feed_events([block(&many, lost), errors]);
            given += 110;
        }
        rig.batch(1);
    }
    assert!(counts.one_in() > 512, "{}", counts.one_in());
    while rig.queued() > 0 {
        rig.batch(1);
    }
    while counts.one_in() > 1 {
        rig.advance(Duration::from_secs(1)).feed_events([block(&[], lost)]).batch(1);
    }
    // One of each sort, which stand for those left out before them.
    rig.feed_events([block(&["a"], lost), answered(&["error"], 503, lost)]).batch(2);
    given += 2;
    let found = requests(&path);
    let notes: Vec<_> = found.iter().filter(|line| line.starts_with("SAMPL")).collect();
    let left_out = counts.left_out();
    assert_eq!(notes, ["SAMPLING", &format!("SAMPLED {left_out}")]);
    let records = (found.len() - notes.len()) as u64;
    assert_eq!((records + left_out, lost.total()), (given, 0));
    let text = fs::read_to_string(&path).expect("it is there");
    let weight = |line: &str| {
        let weight = line.split_once("\"weight=").and_then(|(_, rest)| rest.strip_suffix('"'));
        weight.map_or(1, |weight| weight.parse::<u64>().expect("a number"))
    };
    let sum = |sort: &str| {
        let of = format!("\"{sort}\"");
        text.lines().filter(|line| line.contains(&of)).map(weight).sum::<u64>()
    };
    assert_eq!(sum("a") + sum("error"), given);
    let written = |sort: &str| found.iter().filter(|line| *line == sort).count();
    let (errors, others) = (written("error"), written("a"));
    assert!(errors * 10 > others * 3, "{errors} of a tenth of the records, {others} of the rest");
}

#[test]
fn a_log_that_makes_requests_wait_leaves_nothing_out() {
    let scratch = Scratch::new();
    let path = scratch.path().join("access.log");
    let counts = Arc::new(Counts::default());
    let file = Arc::new(LogFile::new(Target::File(path.clone()), Limits::default()));
    let log = Log::new(file, Formatter::new(Format::Common), Arc::clone(&counts), None);
    let mut rig = Rig::of(log);
    rig.feed_events((0..50).map(|_| block(&["a"; 20], &counts.lost)));
    while rig.queued() > 0 {
        rig.batch(1);
    }
    assert_eq!((requests(&path).len(), counts.left_out()), (1000, 0));
}
