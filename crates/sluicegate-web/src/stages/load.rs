//! Finds and reads what the caches ask for: in the pool, where it may wait for the disk.
use crate::cache::{Answer, Eviction, Loader, Page};
use crate::files::Name;
use sluicegate::{Batch, Cx, Event, Gauge, Level, Out, Stage, WorkerId};
use sluicegate_io::resources::Sampler;
use sluicegate_macros::Ports;
use std::sync::Arc;
use std::time::Duration;

/// What lies at this name?
#[derive(Debug)]
pub struct Ask {
    /// The name.
    pub name: Name,
}

impl From<Name> for Ask {
    fn from(name: Name) -> Ask {
        Ask { name }
    }
}

/// This does.
#[derive(Debug)]
pub struct Answered {
    /// The name.
    pub name: Name,
    /// What lies there.
    pub answer: Answer,
}

/// The store has let go of these pages; whoever holds them is to do the same.
#[derive(Debug)]
pub struct Gone(pub Vec<Arc<Page>>);

/// Where `load` sends.
#[derive(Ports)]
pub struct LoadOut {
    /// Answers, to those who asked.
    pub answer: Out<Answered>,
    /// News of pages that had to go, to each worker that may hold them.
    pub gone: Out<Gone>,
}

/// What it measures.
#[derive(Debug)]
pub struct Measured {
    /// How long each look at the disk, or each read, took, in nanoseconds.
    pub took: Sampler,
    /// Whether what was asked for had to be read: 1, or 0 where it was still good.
    pub lookups: Sampler,
}

/// One thread's part of loading.
#[derive(Debug)]
pub struct Load {
    loader: Arc<Loader>,
    measured: Measured,
    /// The worst level of these has the budget follow it.
    memory: Vec<Arc<Gauge>>,
    /// The most notes that are sent at once.
    workers: usize,
}

impl Load {
    /// All replicas share `loader`, whose budget follows the levels of `memory`; there are so many
    /// workers.
    pub fn new(
        loader: Arc<Loader>,
        measured: Measured,
        memory: Vec<Arc<Gauge>>,
        workers: usize,
    ) -> Load {
        Load { loader, measured, memory, workers }
    }

    /// Sends pages away until the budget is kept, some of them each time.
    fn squeeze(&self, cx: &mut Cx<'_, LoadOut>) {
        if cx.out.gone.room() < self.workers {
            return cx.again();
        }
        let level = || self.memory.iter().map(|gauge| gauge.level()).max().unwrap_or_default();
        let mut gone = Vec::new();
        if self.loader.squeeze(level, &mut gone) {
            cx.again();
        }
        tell(gone, cx);
    }
}

/// Tells who holds pages that had to go.
fn tell(gone: Vec<Eviction>, cx: &mut Cx<'_, LoadOut>) {
    for (home, pages) in by_holder(gone) {
        cx.out.gone.emit(Event::note(home, Gone(pages)));
    }
}

impl Stage for Load {
    type In = Ask;
    type Out = LoadOut;

    fn handle(&mut self, batch: Batch<'_, Ask>, cx: &mut Cx<'_, LoadOut>) {
        for event in batch {
            let (tag, Ask { name }) = event.split();
            let mut gone = Vec::new();
            let (begun, known) = (cx.clock(), self.loader.kept(&name));
            let answer = self.loader.answer(&name, tag.home(), &mut gone);
            self.measured.took.add(nanos(cx.clock().since(begun)));
            if let Answer::Page(page) = &answer {
                let was_read = Loader::was_read(known.as_ref(), page);
                self.measured.lookups.add(was_read.into());
            }
            cx.out.answer.emit(tag.with(Answered { name, answer }));
            tell(gone, cx);
        }
    }

    fn level(&mut self, _: &Gauge, _: Level, cx: &mut Cx<'_, LoadOut>) {
        self.squeeze(cx);
    }

    fn signal(&mut self, cx: &mut Cx<'_, LoadOut>) {
        self.squeeze(cx);
    }
}

pub(super) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// One note for each holder, so that there are never more notes than workers.
pub(super) fn by_holder(gone: Vec<Eviction>) -> Vec<(WorkerId, Vec<Arc<Page>>)> {
    let mut notes: Vec<(WorkerId, Vec<Arc<Page>>)> = Vec::new();
    for Eviction { page, holders } in gone {
        for holder in holders {
            match notes.iter_mut().find(|(home, _)| *home == holder) {
                Some((_, pages)) => pages.push(Arc::clone(&page)),
                None => notes.push((holder, vec![Arc::clone(&page)])),
            }
        }
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::Store;
    use crate::files::Content;
    use crate::scratch::Scratch;
    use sluicegate::Rig;
    use sluicegate_files::Root;
    use sluicegate_io::resources::Samples;

    fn ask(path: &str) -> Ask {
        Ask { name: Name::new(path.as_bytes()).expect("a plain path") }
    }

    fn rig(loader: Loader, memory: Vec<Arc<Gauge>>) -> Rig<Load> {
        let [took, lookups] = [(); 2].map(|()| Samples::default().sampler());
        Rig::of(Load::new(Arc::new(loader), Measured { took, lookups }, memory, 1))
    }

    #[test]
    fn less_memory_sends_pages_away_in_parts_and_more_lets_them_come_again() {
        const PAGES: usize = 700;
        let scratch = Scratch::new();
        for n in 0..PAGES {
            scratch.write(&format!("{n}"), "x".repeat(1000));
        }
        let root = Root::open(scratch.path()).expect("the directory is there");
        let content = Content::directory(root, Vec::new());
        let memory = [Gauge::new("memory"), Gauge::new("system-memory")];
        let loader = Loader::new(content, Store::new(4 << 20), 4096);
        let budget = Arc::clone(loader.budget());
        let mut rig = rig(loader, memory.to_vec());
        let load = |rig: &mut Rig<Load>| {
            rig.feed((0..PAGES).map(|n| ask(&format!("/{n}")))).batch(PAGES);
            rig.out.answer.take().into_iter().for_each(|event| event.split().0.finish());
        };
        load(&mut rig);
        let full = budget.used();
        assert!(full > 1 << 19 && rig.out.gone.take().is_empty(), "{full}: all have room");

        memory[1].set(Some(1.0));
        memory[0].set(Some(0.9));
        rig.level(&memory[0]);
        let mut told = 0;
        loop {
            let gone: Vec<_> = rig.out.gone.take();
            let pages: usize = gone.iter().map(|note| note.0.len()).sum();
            assert!(pages <= 256, "{pages} at once");
            told += pages;
            drop(gone);
            if !rig.wants_again() {
                break;
            }
            rig.signal();
        }
        assert_eq!(budget.limit(), 1 << 20, "the worst of both counts");
        assert!(budget.used() <= 1 << 20, "{} in use, {told} told", budget.used());

        memory[1].set(Some(0.0));
        rig.level(&memory[1]);
        assert_eq!(budget.limit(), 2 << 20);
        memory[0].set(None);
        rig.level(&memory[0]);
        load(&mut rig);
        assert_eq!((budget.limit(), budget.used()), (4 << 20, full));
    }

    #[test]
    fn pages_that_are_read_are_misses_and_those_that_are_still_good_are_not() {
        let scratch = Scratch::new();
        let (disk, lookups) = (Samples::default(), Samples::default());
        scratch.write("a.txt", "one");
        let root = Root::open(scratch.path()).expect("the directory is there");
        let loader = Loader::new(Content::directory(root, Vec::new()), Store::new(1 << 20), 1000);
        let measured = Measured { took: disk.sampler(), lookups: lookups.sampler() };
        let mut rig = Rig::of(Load::new(Arc::new(loader), measured, Vec::new(), 1));
        let mut ask_for = |path: &str| {
            rig.feed([ask(path)]).batch(1);
            rig.out.answer.take().into_iter().for_each(|event| event.split().0.finish());
            (disk.total().0, lookups.total())
        };
        assert_eq!(ask_for("/a.txt"), (1, (1, 1)));
        assert_eq!(ask_for("/a.txt"), (2, (2, 1)), "it is read anew, being young, and kept");
        assert_eq!(ask_for("/none"), (3, (2, 1)), "there is no page");
        scratch.write("a.txt", "three");
        assert_eq!(ask_for("/a.txt"), (4, (3, 2)));
    }

    #[test]
    fn answers_go_to_who_asked_and_news_to_who_holds() {
        let scratch = Scratch::new();
        scratch.write("a.txt", "one");
        let root = Root::open(scratch.path()).expect("the directory is there");
        let content = Content::directory(root, Vec::new());
        let mut rig = rig(Loader::new(content, Store::new(1 << 20), 1000), Vec::new());
        rig.feed([ask("/a.txt"), ask("/none")]).batch(2);
        let answers: Vec<_> = rig.out.answer.take().into_iter().map(Event::split).collect();
        assert!(matches!(answers[0].1.answer, Answer::Page(_)));
        assert!(matches!(answers[1].1.answer, Answer::Missing));
        assert!(rig.out.gone.take().is_empty());
        answers.into_iter().for_each(|(tag, _)| tag.finish());

        scratch.write("a.txt", "three");
        rig.feed([ask("/a.txt")]).batch(1);
        rig.out.answer.take().into_iter().for_each(|event| event.split().0.finish());
        let news = rig.out.gone.take();
        assert_eq!(news.len(), 1);
        assert!(!news[0].tag().is_flow(), "news belongs to no flow");
        assert!(news[0].0.iter().all(|page| page.life.is_gone() && page.meta.len == 3));
    }
}
