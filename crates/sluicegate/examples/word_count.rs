//! Counting words on two workers: a line becomes an event for each of its words, and all events of
//! one word go to the same replica, which so counts without a lock.

use sluicegate::{Batch, Cx, Net, Out, Stage, from_fn, ms, stage};
use std::collections::BTreeMap;
use std::error::Error;
use std::sync::mpsc::{Sender, channel};

const TEXT: &str = "to be or not to be
that is the question
whether it is nobler in the mind to suffer
or to take arms against a sea of troubles";
/// The most words of a line, for what a stage emits is bounded.
const WORDS: usize = 16;

/// What one replica has counted; told when the net has drained.
struct Count {
    seen: BTreeMap<String, usize>,
    tell: Sender<(String, usize)>,
}

impl Stage for Count {
    type In = String;
    type Out = ();

    fn handle(&mut self, batch: Batch<'_, String>, _: &mut Cx<'_, ()>) {
        for event in batch {
            let (tag, word) = event.split();
            *self.seen.entry(word).or_default() += 1;
            tag.finish();
        }
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        while let Some(counted) = self.seen.pop_first() {
            // Whoever counts on does not listen any more.
            let _ = self.tell.send(counted);
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut net = Net::new("word count");
    let cpu = net.domain("cpu").pinned(2);
    let split = || {
        from_fn(|batch: Batch<'_, &'static str>, cx: &mut Cx<'_, Out<String>>| {
            for event in batch {
                let (tag, line) = event.split();
                // Work beside the flow has a second tag; the line itself is done here.
                for word in line.split_whitespace().take(WORDS) {
                    cx.out.emit(tag.fork().with(word.to_owned()));
                }
                tag.finish();
            }
        })
    };
    let split = net.add(stage("split", split).on(cpu).emits(WORDS));
    let (tell, told) = channel();
    let count = move || Count { seen: BTreeMap::new(), tell: tell.clone() };
    let count = net.add(stage("count", count).on(cpu));
    net.wire(split.out, count.inlet).keyed(|word: &String| word.clone());
    let entry = net.entry(split.inlet);

    let running = net.run()?;
    println!("{}", running.observer().snapshot().mermaid());
    for line in TEXT.lines() {
        entry.send(line).map_err(|_| "a full queue")?;
    }
    assert!(running.drain(ms(10_000)).complete);
    let counted: Vec<(String, usize)> = told.try_iter().collect();
    for (word, times) in counted.iter().filter(|counted| counted.1 > 1) {
        println!("{times} {word}");
    }
    let all: BTreeMap<_, _> = counted.iter().cloned().collect();
    assert_eq!(all.len(), counted.len(), "each word was counted by one replica");
    assert_eq!((all["to"], all["be"], all["or"], all["sea"]), (4, 2, 2, 1));
    Ok(())
}
