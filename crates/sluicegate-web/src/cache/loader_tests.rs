//! The loader on real directories: what is read, what is kept, what is noticed.
use super::*;
use crate::files::Content;
use crate::scratch::Scratch;
use sluicegate_files::Root;
use std::fs;
use std::time::Duration;

const ABOVE: u64 = 1000;

fn loader(scratch: &Scratch) -> Loader {
    let root = Root::open(scratch.path()).expect("the directory is there");
    let content = Content::directory(root, vec!["index.html".to_owned()]);
    Loader::new(content, Store::new(1 << 20), ABOVE)
}

fn ask(loader: &Loader, path: &str) -> (Answer, usize) {
    let mut gone = Vec::new();
    let name = Name::new(path.as_bytes()).expect("a plain path");
    let answer = loader.answer(&name, WorkerId::default(), &mut gone);
    (answer, gone.len())
}

fn page(loader: &Loader, path: &str) -> Arc<Page> {
    match ask(loader, path).0 {
        Answer::Page(page) => page,
        other => panic!("{path} is {other:?}"),
    }
}

/// Makes a file look as if it had last changed long ago, as far as a user may.
fn backdate(scratch: &Scratch, name: &str) {
    let file = fs::File::options().write(true).open(scratch.path().join(name)).expect("is there");
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    file.set_modified(long_ago).expect("times can be set");
}

#[test]
fn content_is_read_and_told_of() {
    let scratch = Scratch::new();
    scratch.write("a.txt", "hello");
    let loader = loader(&scratch);
    let page = page(&loader, "/a.txt");
    assert_eq!(&page.bytes()[..], b"hello");
    assert_eq!((page.meta.len, &*page.meta.media), (5, "text/plain; charset=utf-8"));
    assert!(page.meta.modified.is_some());
    assert!(matches!(ask(&loader, "/none").0, Answer::Missing));
    assert!(matches!(ask(&loader, "/").0, Answer::Missing));
}

#[test]
fn a_change_is_noticed_even_within_the_same_tick() {
    let scratch = Scratch::new();
    let loader = loader(&scratch);
    for round in 0..50 {
        scratch.write("a.txt", format!("{round:02}"));
        assert_eq!(&page(&loader, "/a.txt").bytes()[..], format!("{round:02}").as_bytes());
    }
}

#[test]
fn a_change_that_keeps_length_and_modification_time_is_noticed() {
    let scratch = Scratch::new();
    let loader = loader(&scratch);
    scratch.write("a.txt", "one");
    backdate(&scratch, "a.txt");
    assert_eq!(&page(&loader, "/a.txt").bytes()[..], b"one");
    scratch.write("a.txt", "two");
    backdate(&scratch, "a.txt");
    assert_eq!(&page(&loader, "/a.txt").bytes()[..], b"two");
}

#[test]
fn a_page_in_the_store_is_not_read_again_once_settled() {
    let scratch = Scratch::new();
    scratch.write("a.txt", "one");
    let loader = loader(&scratch);
    let stamp = Stamp::of(&fs::metadata(scratch.path().join("a.txt")).unwrap());
    let name = Name::new(b"/a.txt").unwrap();
    let mut gone = Vec::new();
    let loading = loader.store.begin(&name);
    let charge = loading.room(2000, &mut gone).unwrap();
    let (tag, codings) = (String::new(), Order::NONE);
    let meta = Meta { media: "x".into(), tag, modified: None, len: 3, codings };
    let kept =
        Page::read(name.clone(), meta, Files::alone(stamp), true, b"old".to_vec().into(), charge);
    loading.keep(&kept, WorkerId::default(), &mut gone);
    drop(loading);
    assert!(Arc::ptr_eq(&page(&loader, "/a.txt"), &kept), "same stamp, same page");
    fs::rename(scratch.path().join("a.txt"), scratch.path().join("b.txt")).unwrap();
    scratch.write("a.txt", "new");
    assert_eq!(&page(&loader, "/a.txt").bytes()[..], b"new");
    assert!(kept.life.is_gone());
}

#[test]
fn a_deleted_file_leaves_the_store() {
    let scratch = Scratch::new();
    scratch.write("a.txt", "one");
    let loader = loader(&scratch);
    drop(page(&loader, "/a.txt"));
    assert!(loader.budget().used() > 0);
    fs::remove_file(scratch.path().join("a.txt")).unwrap();
    assert!(matches!(ask(&loader, "/a.txt"), (Answer::Missing, 1)));
    assert_eq!(loader.budget().used(), 0);
}

#[test]
fn a_large_file_is_streamed_in_pieces() {
    let scratch = Scratch::new();
    let content: Vec<u8> = (0..5000u32).map(|n| n as u8).collect();
    scratch.write("big.bin", &content);
    let loader = loader(&scratch);
    let Answer::Stream(forms) = ask(&loader, "/big.bin").0 else { panic!("not streamed") };
    let large = forms.plain;
    assert_eq!(large.meta.len, 5000);
    assert_eq!(large.piece(0, 100).unwrap(), content[..100]);
    assert_eq!(large.piece(4900, 100).unwrap(), content[4900..]);
    fs::File::options()
        .write(true)
        .open(scratch.path().join("big.bin"))
        .unwrap()
        .set_len(10)
        .unwrap();
    let error = large.piece(4900, 100).expect_err("it has shrunk");
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    assert_eq!(loader.budget().used(), 0);
}

#[test]
fn without_room_a_file_is_streamed() {
    let scratch = Scratch::new();
    let root = Root::open(scratch.path()).unwrap();
    let content = Content::directory(root, Vec::new());
    let loader = Loader::new(content, Store::new(0), ABOVE);
    scratch.write("a.txt", "hello");
    let Answer::Stream(forms) = ask(&loader, "/a.txt").0 else { panic!("not streamed") };
    assert_eq!(forms.plain.piece(0, 5).unwrap(), b"hello");
}
