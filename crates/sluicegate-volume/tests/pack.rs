//! What is packed is what a server of the directory would serve, and is read back.

mod common;

use common::{
    Disk, Got, Model, Scratch, body, codings, expected, front, holds, noise, options, pack_into,
    set_modified, text, write,
};
use proptest::prelude::*;
use sluicegate_files::{content_tag, worth};
use sluicegate_http::Coding;
use sluicegate_volume::{Kind, PIECE, Volume, pack, verify};
use std::os::unix::fs::symlink;
use std::time::{Duration, SystemTime};

const NAMES: [&str; 9] = [
    "index.html",
    "a.txt",
    "a.txt.gz",
    "b.bin",
    "dir/index.html",
    "dir/app.js",
    "dir/below/empty.css",
    "dir/below/page.html",
    "other/x/y/z.json",
];

fn model(lengths: &[(u64, usize)]) -> Model {
    let content = |(name, (seed, len)): (&&'static str, &(u64, usize))| {
        let content = if seed % 3 == 0 { noise(*seed, *len) } else { text(*seed, *len) };
        (*name, content)
    };
    NAMES.iter().zip(lengths).map(content).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_directory_is_read_back(
        before in prop::collection::vec((0u64..100, 0usize..6000), 0..9),
        after in prop::collection::vec((0u64..100, 0usize..300_000), 0..9),
    ) {
        let (before, after) = (model(&before), model(&after));
        let mut disk = Disk::default();
        for (generation, (one, other)) in [(1, (&before, &after)), (2, (&after, &before))] {
            let dir = Scratch::new();
            write(&dir, one);
            // Coded ahead it would have to be well coded.
            set_ages(&dir, one);
            let packed = pack_into(&mut disk, &dir).unwrap();
            prop_assert_eq!(packed.files, one.len() as u64);
            prop_assert_eq!(holds(&disk, &expected(one, other)), Ok(generation));
            let checked = verify(&disk, |broken| panic!("{broken}")).unwrap();
            prop_assert_eq!(checked.objects, packed.files + packed.directories);
            prop_assert_eq!(checked.bytes, packed.bytes);
        }
    }
}

/// Makes what looks like a coded form too old to be one.
fn set_ages(dir: &Scratch, model: &Model) {
    if model.contains_key("a.txt.gz") {
        set_modified(&dir.path().join("a.txt.gz"), 1);
    }
}

#[test]
fn the_same_directory_makes_the_same_volume() {
    let site: Model = model(&[(1, 5000), (2, 900), (3, 20_000), (4, 0), (5, 70_000), (6, 200_000)]);
    let (mut first, mut second) = (Disk::default(), Disk::default());
    let (one, other) = (Scratch::new(), Scratch::new());
    write(&one, &site);
    for (name, content) in site.iter().rev() {
        other.write(name, content);
        set_modified(&other.path().join(name), 1_000_000_000 + content.len() as u64);
    }
    set_ages(&one, &site);
    set_ages(&other, &site);
    pack(one.path(), &mut first, &options()).unwrap();
    let later = options().now + Duration::from_secs(1000);
    let alone = sluicegate_volume::Options { threads: 1, now: later, ..options() };
    pack(other.path(), &mut second, &alone).unwrap();
    assert!(first.bytes == second.bytes, "the volumes differ");
}

#[test]
fn heads_tags_and_forms_are_made_ahead() {
    let dir = Scratch::new();
    let page = text(7, 3000);
    dir.write("page.html", &page);
    dir.write("noise.txt", noise(8, 2000));
    set_modified(&dir.path().join("page.html"), 1_000_000_000);
    let mut disk = Disk::default();
    pack_into(&mut disk, &dir).unwrap();
    let volume = Volume::open(&disk).unwrap();
    let front = front(&disk, &volume, "page.html").unwrap().unwrap();
    let Kind::File { media, varies, forms } = &front.kind else { panic!("it is a file") };
    assert_eq!((&media[..], *varies), (&b"text/html; charset=utf-8"[..], true));
    let all = [None, Some(Coding::Br), Some(Coding::Zstd), Some(Coding::Gzip)];
    assert_eq!(codings(&front), all);
    let tag = content_tag(&page);
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nAccept-Ranges: bytes\r\n\
         Vary: Accept-Encoding\r\nETag: {tag}\r\nLast-Modified: Sun, 09 Sep 2001 01:46:40 GMT\r\n\
         Content-Length: 3000\r\n"
    );
    assert_eq!(forms[0].head, head);
    assert_eq!(forms[0].modified, SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000));
    for form in &forms[1..] {
        let (coded, name) = (body(&disk, form).unwrap(), form.coding.unwrap().name());
        assert!(coded.len() as u64 <= worth(3000));
        let tag = format!("{}-{name}\"", content_tag(&coded).strip_suffix('"').unwrap());
        assert_eq!(form.tag, tag);
        let unchanged = String::from_utf8(form.unchanged.to_vec()).unwrap();
        assert!(unchanged.starts_with("HTTP/1.1 304 ") && unchanged.contains(&tag), "{unchanged}");
    }
    // It varies all the same, as in a directory, where nobody knows before it is tried.
    let noise = common::front(&disk, &volume, "noise.txt").unwrap().unwrap();
    assert_eq!(codings(&noise), [None]);
    assert!(matches!(noise.kind, Kind::File { varies: true, .. }));
}

#[test]
fn a_small_object_is_one_read_and_a_large_one_comes_in_pieces() {
    let dir = Scratch::new();
    dir.write("small.bin", noise(1, 5000));
    // Longer than what is held in memory.
    let large = noise(2, 9 << 20 | 17);
    dir.write("large.bin", &large);
    let mut disk = Disk::default();
    pack_into(&mut disk, &dir).unwrap();
    let volume = Volume::open(&disk).unwrap();
    let small = volume.find(b"small.bin").unwrap();
    assert_eq!((small.near_len(), small.extent_len()), (3 * 4096, 3 * 4096));
    let entry = volume.find(b"large.bin").unwrap();
    assert_eq!(entry.near_len(), 4096);
    let front = front(&disk, &volume, "large.bin").unwrap().unwrap();
    let Kind::File { forms, .. } = &front.kind else { panic!("it is a file") };
    let form = &forms[0];
    assert_eq!(form.pieces(), 73);
    assert_eq!(form.piece(72), Some(72 * PIECE..large.len() as u64));
    assert_eq!(form.piece(73), None);
    assert_eq!(form.tag, content_tag(&large));
    assert!(body(&disk, form).unwrap() == large);
    let (first, second) = (&large[..PIECE as usize], &large[PIECE as usize..2 * PIECE as usize]);
    assert!(form.check_piece(0, [first]).is_ok());
    assert!(form.check_piece(0, [second]).is_err());
    assert!(form.check_piece(0, [&first[1..]]).is_err());
    assert!(form.check_piece(73, [&first[..0]]).is_err());
}

#[test]
fn only_what_is_served_is_packed() {
    let scratch = Scratch::new();
    scratch.write("secret.txt", "secret");
    scratch.write("site/.htpasswd", "secret");
    scratch.write("site/.git/config", "secret");
    scratch.write("site/real/page.html", "page");
    let site = scratch.path().join("site");
    symlink("../secret.txt", site.join("out.txt")).unwrap();
    symlink("nowhere", site.join("dead.txt")).unwrap();
    symlink("real/page.html", site.join("link.html")).unwrap();
    symlink("real", site.join("alias")).unwrap();
    symlink("../real", site.join("real/again")).unwrap();
    let mut disk = Disk::default();
    let packed = pack(&site, &mut disk, &options()).unwrap();
    let left_out: Vec<_> = packed.left_out.into_iter().collect();
    assert_eq!(
        left_out,
        [
            ("links that lead nowhere or out of the directory", 2),
            // From `real` and from `alias`.
            ("links to a directory above them", 2),
            ("names with a dot in front", 2),
        ]
    );
    let volume = Volume::open(&disk).unwrap();
    let page = |name| common::read(&disk, &volume, name).unwrap();
    let html = || Got::File("text/html; charset=utf-8".to_owned(), b"page".to_vec());
    for name in ["real/page.html", "link.html", "alias/page.html"] {
        assert_eq!(page(name), html(), "{name}");
    }
    for name in ["real", "alias"] {
        assert_eq!(page(name), Got::Directory, "{name}");
    }
    for name in ["", "real/", ".htpasswd", ".git", "out.txt", "dead.txt", "real/again", "none"] {
        assert_eq!(page(name), Got::Missing, "{name}");
    }
    assert_eq!(volume.entries().len(), 5);
}

#[test]
fn a_file_coded_ahead_is_a_form_unless_it_is_old() {
    let plain = text(1, 4000);
    for (age, is_used) in [(1_000_000_000, true), (1_000_000_001, true), (999_999_999, false)] {
        let dir = Scratch::new();
        dir.write("app.js", &plain);
        set_modified(&dir.path().join("app.js"), 1_000_000_000);
        // Nobody looks whether it is well coded.
        dir.write("app.js.br", "short");
        set_modified(&dir.path().join("app.js.br"), age);
        let mut disk = Disk::default();
        let packed = pack_into(&mut disk, &dir).unwrap();
        assert_eq!((packed.coded, packed.made), (3, if is_used { 2 } else { 3 }));
        let volume = Volume::open(&disk).unwrap();
        let front = front(&disk, &volume, "app.js").unwrap().unwrap();
        let Kind::File { forms, .. } = &front.kind else { panic!("it is a file") };
        assert_eq!(forms[1].coding, Some(Coding::Br));
        assert_eq!(body(&disk, &forms[1]).unwrap() == b"short", is_used);
        let age = age.max(1_000_000_000);
        assert_eq!(forms[1].modified, SystemTime::UNIX_EPOCH + Duration::from_secs(age));
        let own = common::read(&disk, &volume, "app.js.br").unwrap();
        assert!(matches!(own, Got::File(..)), "it is a file of its own too");
    }
}

#[test]
fn a_time_to_come_is_told_as_that_of_packing() {
    let dir = Scratch::new();
    dir.write("a.txt", "x");
    set_modified(&dir.path().join("a.txt"), 5_000_000_000);
    let mut disk = Disk::default();
    pack_into(&mut disk, &dir).unwrap();
    let front = front(&disk, &Volume::open(&disk).unwrap(), "a.txt").unwrap().unwrap();
    let Kind::File { forms, .. } = &front.kind else { panic!("it is a file") };
    assert_eq!(forms[0].modified, options().now);
}

#[test]
fn an_empty_directory_is_a_site_without_pages() {
    let mut disk = Disk::default();
    let packed = pack_into(&mut disk, &Scratch::new()).unwrap();
    assert_eq!((packed.files, packed.directories, packed.generation), (0, 0, 1));
    let volume = Volume::open(&disk).unwrap();
    assert!(volume.find(b"").is_none() && volume.entries().is_empty());
    assert_eq!(verify(&disk, |broken| panic!("{broken}")).unwrap().objects, 0);
}
