//! The log stage alone: what it writes, and what it says of what it could not write.
use super::*;
use crate::log::Target;
use crate::scratch::Scratch;
use sluicegate::{Event, Rig, WorkerId};
use sluicegate_http::log::{Line, Lost};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

fn block(requests: &[&str], lost: &Arc<Lost>) -> Event<Block> {
    let line = |request: &&'static str| Line {
        at: SystemTime::UNIX_EPOCH,
        peer: None,
        conn: (0, 1),
        request: Some(request.as_bytes()),
        host: None,
        referer: None,
        agent: None,
        id: None,
        status: 200,
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

fn rig(path: &Path) -> (Rig<Log>, Arc<LogFile>, Arc<Lost>) {
    let lost = Arc::new(Lost::default());
    let file = Arc::new(LogFile::new(Target::File(path.to_owned()), Arc::clone(&lost)));
    (Rig::of(Log::new(Arc::clone(&file), Format::Common)), file, lost)
}

fn requests(path: &PathBuf) -> Vec<String> {
    let text = fs::read_to_string(path).expect("the log is there");
    text.lines().map(|line| line.split('"').nth(1).unwrap_or(line).to_owned()).collect()
}

#[test]
fn a_batch_is_written_in_order() {
    let scratch = Scratch::new();
    let path = scratch.path().join("access.log");
    let (mut rig, file, lost) = rig(&path);
    file.open().expect("it can be made");
    rig.feed_events([block(&["a", "b"], &lost), block(&["c"], &lost)]).batch(8);
    assert_eq!(requests(&path), ["a", "b", "c"]);
    let moved = scratch.path().join("access.log.1");
    fs::rename(&path, &moved).expect("it can be renamed");
    rig.feed_events([block(&["d"], &lost)]).batch(1);
    file.open().expect("it can be made again");
    rig.feed_events([block(&["e"], &lost)]).batch(1);
    assert_eq!((requests(&moved).len(), requests(&path)), (4, vec!["e".to_owned()]));
    assert_eq!(lost.total(), 0);
}

#[test]
fn what_could_not_be_written_is_told_when_it_can_again() {
    let scratch = Scratch::new();
    let path = scratch.path().join("access.log");
    let (mut rig, file, lost) = rig(&path);
    // Not open: every write fails.
    rig.feed_events([block(&["a", "b"], &lost)]).batch(1);
    rig.feed_events([block(&["c"], &lost)]).batch(1);
    // Shed on its way, as a full queue does.
    drop(block(&["d"], &lost));
    assert_eq!(lost.total(), 4);
    file.open().expect("it can be made");
    rig.feed_events([block(&["e"], &lost)]).batch(1);
    rig.feed_events([block(&["f"], &lost)]).batch(1);
    assert_eq!(requests(&path), ["LOST 4", "e", "f"]);
    drop(block(&["g", "h"], &lost));
    file.finish(Format::Common);
    file.finish(Format::Common);
    assert_eq!(requests(&path), ["LOST 4", "e", "f", "LOST 2"]);
}

#[test]
fn a_disk_that_is_full_costs_lines_and_nothing_else() {
    let (mut rig, file, lost) = rig(Path::new("/dev/full"));
    file.open().expect("it is there on Linux");
    for _ in 0..3 {
        rig.feed_events([block(&["a", "b"], &lost)]).batch(1);
    }
    assert_eq!((rig.queued(), lost.total()), (0, 6));
}
