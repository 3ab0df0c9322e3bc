//! The making of variants on real directories: what is made, from what, and when it goes.
use super::*;
use crate::cache::{Answer, Kept, Payload, Store};
use crate::decode::decode;
use crate::files::{Content, Name};
use crate::rules::Effect;
use crate::scratch::{Random, Scratch};
use sluicegate::WorkerId;
use sluicegate_files::Root;
use sluicegate_files::{Compression, Effort, Order};
use sluicegate_http::Head;
use sluicegate_http::coding::accepted;
use std::fs;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

fn loader(scratch: &Scratch, budget: u64) -> Loader {
    let root = Root::open(scratch.path()).expect("the directory is there");
    let content = Content::directory(root, vec!["index.html".to_owned()]);
    let order = Order::new(&Coding::ALL);
    let types = vec!["text/*".to_owned()];
    let some = Compression { order, effort: Effort::Low, min: 512, types };
    Loader::new(content, Store::new(budget), 1 << 20).coding(some)
}

fn answer(loader: &Loader, path: &str) -> Answer {
    let name = Name::new(path.as_bytes()).expect("a plain path");
    loader.answer(&name, WorkerId::default(), &mut Vec::new())
}

fn page(loader: &Loader, path: &str) -> Arc<Page> {
    match answer(loader, path) {
        Answer::Page(page) => page,
        other => panic!("{path} is {other:?}"),
    }
}

/// Makes a variant, and returns what a worker then has of it.
fn make(loader: &Loader, page: &Arc<Page>, coding: Coding) -> Option<(String, Vec<u8>)> {
    let job = Job::claim(page, coding).expect("nobody has tried");
    loader.make(job, &mut Vec::new());
    let kept = Kept::page(Arc::clone(page), &Effect::default());
    let coded = kept.coded.iter().find(|coded| coded.coding == Some(coding))?;
    let Payload::Bytes(body) = &coded.payload else { panic!("not in memory: {coded:?}") };
    Some((coded.meta.tag.clone(), body.to_vec()))
}

fn text(seed: u64, len: usize) -> String {
    let mut random = Random::new(seed);
    (0..len).map(|_| char::from(b'a' + random.below(4) as u8)).collect()
}

/// Sets the time of modification, `secs` after a certain moment long ago.
fn set_modified(scratch: &Scratch, name: &str, secs: u64) {
    let file = fs::File::options().write(true).open(scratch.path().join(name)).expect("is there");
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000 + secs);
    file.set_modified(then).expect("times can be set");
}

#[test]
fn each_coding_is_made_once_and_comes_back() {
    let scratch = Scratch::new();
    scratch.write("index.html", text(1, 5000));
    let loader = loader(&scratch, 1 << 20);
    let page = page(&loader, "/");
    let before = loader.budget().used();
    let mut tags = vec![page.meta.tag.clone()];
    for coding in Coding::ALL {
        let (tag, body) = make(&loader, &page, coding).expect("it is text");
        assert_eq!(decode(coding, &body), page.content());
        assert!(tag.ends_with(&format!("-{}\"", coding.name())), "{tag}");
        assert!(!tags.contains(&tag));
        tags.push(tag);
        assert!(Job::claim(&page, coding).is_none(), "once is enough");
    }
    assert_eq!(loader.counts.made.load(Relaxed), 3);
    assert!(loader.counts.saved.load(Relaxed) > 3 * 2500);
    let charged: u64 = Coding::ALL.iter().map(|c| page.variant(*c).expect("made").charged()).sum();
    assert_eq!(loader.budget().used(), before + charged);
    let again = self::page(&loader, "/");
    assert!(Arc::ptr_eq(&again, &page), "what was made is not lost while the file settles");
    drop((again, page));
    fs::remove_file(scratch.path().join("index.html")).unwrap();
    assert!(matches!(answer(&loader, "/"), Answer::Missing));
    assert_eq!(loader.budget().used(), 0, "they go with their page");
}

#[test]
fn what_gains_nothing_has_no_variant() {
    let scratch = Scratch::new();
    let mut random = Random::new(2);
    scratch.write("noise.txt", (0..5000).map(|_| random.below(256) as u8).collect::<Vec<_>>());
    scratch.write("short.txt", text(1, 511));
    scratch.write("other.png", text(1, 5000));
    let loader = loader(&scratch, 1 << 20);
    for path in ["/short.txt", "/other.png"] {
        assert!(page(&loader, path).meta.codings.is_empty(), "{path}");
    }
    let page = page(&loader, "/noise.txt");
    let before = loader.budget().used();
    assert_eq!(make(&loader, &page, Coding::Gzip), None);
    assert_eq!(loader.budget().used(), before);
    assert_eq!(loader.counts.too_large.load(Relaxed), 1);
    assert!(Job::claim(&page, Coding::Gzip).is_none(), "it is not tried again");
    let head = b"GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip, br;q=0.5\r\n\r\n";
    let accepted = accepted(&Head::read(head).expect("a plain head")).expect("it says so");
    let (page, coding) =
        Kept::page(page, &Effect::default()).lack(&accepted).expect("the next best").begin();
    assert_eq!((page.meta.len, coding), (5000, Coding::Br));
}

#[test]
fn a_job_that_is_shed_may_be_asked_for_again() {
    let scratch = Scratch::new();
    scratch.write("a.txt", text(1, 5000));
    let loader = loader(&scratch, 1 << 20);
    let page = page(&loader, "/a.txt");
    let job = Job::claim(&page, Coding::Br).expect("the first");
    assert!(Job::claim(&page, Coding::Br).is_none(), "one at a time");
    drop(job);
    assert!(make(&loader, &page, Coding::Br).is_some());
}

#[test]
fn a_page_that_changes_while_its_variant_is_made_does_not_get_it() {
    let scratch = Scratch::new();
    scratch.write("a.txt", text(1, 5000));
    let loader = loader(&scratch, 1 << 20);
    let old = page(&loader, "/a.txt");
    let job = Job::claim(&old, Coding::Br).expect("the first");
    scratch.write("a.txt", text(2, 6000));
    let new = page(&loader, "/a.txt");
    assert!(old.life.is_gone() && !Arc::ptr_eq(&old, &new));
    loader.make(job, &mut Vec::new());
    assert!(old.variant(Coding::Br).is_none() && new.variant(Coding::Br).is_none());
    assert_eq!(loader.counts.dropped.load(Relaxed), 1);
    // The same when it changes at the last moment: then the store knows.
    let charge = loader.store.room(5000, &mut Vec::new()).expect("there is room");
    let variant = Variant::new(Coding::Br, old.meta.clone(), vec![1].into(), charge);
    assert!(!loader.store.attach(&old, variant));
    let (_, body) = make(&loader, &new, Coding::Br).expect("it is text");
    assert_eq!(decode(Coding::Br, &body), new.content());
    drop(old);
    let variant = new.variant(Coding::Br).expect("made");
    assert_eq!(loader.budget().used(), new.charged() + variant.charged());
}

#[test]
fn a_file_coded_ahead_is_used_unless_it_is_older_or_useless() {
    let scratch = Scratch::new();
    scratch.write("dir/index.html", text(1, 5000));
    set_modified(&scratch, "dir/index.html", 100);
    let loader = loader(&scratch, 1 << 20);
    for (name, content, secs, used) in [
        ("older", "coded elsewhere", 99, false),
        ("as old", "coded elsewhere", 100, true),
        ("empty", "", 200, false),
        ("newer, changed", "coded once more", 200, true),
        ("longer", &text(2, 5000), 200, false),
    ] {
        scratch.write("dir/index.html.br", content);
        set_modified(&scratch, "dir/index.html.br", secs);
        let page = page(&loader, "/dir/");
        let (_, body) = make(&loader, &page, Coding::Br).expect("either way");
        assert_eq!(body == content.as_bytes(), used, "{name}");
        assert!(used || decode(Coding::Br, &body) == page.content(), "{name}");
    }
    assert_eq!(loader.counts.ahead.load(Relaxed), 2);
}

#[test]
fn a_file_coded_ahead_that_changes_meanwhile_is_not_used() {
    let scratch = Scratch::new();
    scratch.write("a.txt", text(1, 5000));
    scratch.write("a.txt.gz", "one");
    let loader = loader(&scratch, 1 << 20);
    let old = page(&loader, "/a.txt");
    scratch.write("a.txt.gz", "three");
    assert_eq!(make(&loader, &old, Coding::Gzip), None, "it is not the one that was seen");
    let new = page(&loader, "/a.txt");
    assert!(old.life.is_gone(), "the page is read anew when its files change");
    assert_eq!(make(&loader, &new, Coding::Gzip).expect("it is there").1, b"three");
    fs::remove_file(scratch.path().join("a.txt.gz")).unwrap();
    let bare = page(&loader, "/a.txt");
    let (_, body) = make(&loader, &bare, Coding::Gzip).expect("it is text");
    assert_eq!(decode(Coding::Gzip, &body), bare.content());
}

#[test]
fn a_large_file_is_streamed_as_it_was_coded_ahead() {
    let scratch = Scratch::new();
    scratch.write("big.txt", text(1, (1 << 20) + 1));
    scratch.write("big.txt.zst", "coded elsewhere");
    let loader = loader(&scratch, 1 << 20);
    let Answer::Stream(forms) = answer(&loader, "/big.txt") else { panic!("not streamed") };
    let [(Coding::Zstd, large)] = &forms.coded[..] else { panic!("{forms:?}") };
    assert_eq!(large.piece(0, large.meta.len as usize).unwrap(), b"coded elsewhere");
    assert!(large.meta.tag.ends_with("-s-zstd\""), "{}", large.meta.tag);
    assert_ne!(large.meta.tag, forms.plain.meta.tag);
    assert_eq!(forms.plain.meta.len, (1 << 20) + 1);
}

#[test]
fn the_budget_holds_with_variants() {
    const LIMIT: u64 = 1 << 18;
    let scratch = Scratch::new();
    for n in 0..40 {
        scratch.write(&format!("{n}.txt"), text(n, 4000 + 100 * n as usize));
    }
    let loader = loader(&scratch, LIMIT);
    let mut random = Random::new(3);
    let mut made = 0;
    for _ in 0..400 {
        let page = page(&loader, &format!("/{}.txt", random.below(40)));
        let coding = Coding::ALL[random.below(3) as usize];
        if let Some(job) = Job::claim(&page, coding) {
            loader.make(job, &mut Vec::new());
            made += u32::from(page.variant(coding).is_some());
        }
        assert!(loader.budget().used() <= LIMIT);
    }
    assert!(made > 100 && loader.budget().used() > LIMIT / 2);
    for n in 0..40 {
        fs::remove_file(scratch.path().join(format!("{n}.txt"))).unwrap();
        assert!(matches!(answer(&loader, &format!("/{n}.txt")), Answer::Missing));
    }
    assert_eq!(loader.budget().used(), 0);
}

#[test]
fn many_threads_make_a_variant_once() {
    let scratch = Scratch::new();
    scratch.write("a.txt", text(1, 5000));
    let loader = loader(&scratch, 1 << 20);
    let page = page(&loader, "/a.txt");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                if let Some(job) = Job::claim(&page, Coding::Br) {
                    loader.make(job, &mut Vec::new());
                }
            });
        }
    });
    assert_eq!(loader.counts.made.load(Relaxed), 1);
}
