//! Finds and reads what the caches ask for: in the pool, where it may wait for the disk.
use crate::cache::{Answer, Eviction, Loader, Page};
use crate::files::Name;
use sluicegate::{Batch, Cx, Event, Out, Stage, WorkerId};
use sluicegate_macros::Ports;
use std::sync::Arc;

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

/// One thread's part of loading.
#[derive(Debug)]
pub struct Load {
    loader: Arc<Loader>,
}

impl Load {
    /// All replicas share `loader`.
    pub fn new(loader: Arc<Loader>) -> Load {
        Load { loader }
    }
}

impl Stage for Load {
    type In = Ask;
    type Out = LoadOut;

    fn handle(&mut self, batch: Batch<'_, Ask>, cx: &mut Cx<'_, LoadOut>) {
        for event in batch {
            let (tag, Ask { name }) = event.split();
            let mut gone = Vec::new();
            let answer = self.loader.answer(&name, tag.home(), &mut gone);
            cx.out.answer.emit(tag.with(Answered { name, answer }));
            for (home, pages) in by_holder(gone) {
                cx.out.gone.emit(Event::note(home, Gone(pages)));
            }
        }
    }
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

    fn ask(path: &str) -> Ask {
        Ask { name: Name::new(path.as_bytes()).expect("a plain path") }
    }

    #[test]
    fn answers_go_to_who_asked_and_news_to_who_holds() {
        let scratch = Scratch::new();
        scratch.write("a.txt", "one");
        let root = Root::open(scratch.path()).expect("the directory is there");
        let content = Content::directory(root, Vec::new());
        let mut rig = Rig::of(Load::new(Arc::new(Loader::new(content, Store::new(1 << 20), 1000))));
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
