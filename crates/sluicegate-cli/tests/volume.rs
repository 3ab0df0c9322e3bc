//! Volumes by the real binary: packed, checked, broken; and the same as what is served.
mod common;

use bytes::Bytes;
use common::{Client, Scratch, Server, command, run, until};
use sluicegate_volume::{BLOCK, Form, Front, Kind, Storage, Volume};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::{FileExt, symlink};
use std::process::Output;

fn said(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn site() -> Scratch {
    let scratch = Scratch::new();
    let text = "a page that shrinks well\n".repeat(200);
    scratch.write("www/index.html", &text);
    scratch.write("www/docs/index.html", "short");
    scratch.write("www/docs/app.js", text.repeat(2));
    scratch.write("www/docs/app.js.gz", "coded elsewhere");
    scratch.write("www/a b.png", [0x89; 5000]);
    scratch.write("www/.hidden", "never");
    symlink("index.html", scratch.path().join("www/link.html")).expect("links can be made");
    scratch
}

#[test]
fn a_site_is_packed_checked_and_packed_again() {
    let scratch = site();
    let (dir, file) = (format!("{}/www", scratch.arg()), format!("{}/volume", scratch.arg()));
    let (code, out, err) = said(&run(&["pack", &dir, &file]));
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines[0], format!("packed {dir} into {file}: generation 1"));
    assert_eq!(lines[1], "  files: 6, directories: 1");
    assert_eq!(lines[2], "  coded forms: 9, made here: 8");
    assert!(lines[3].starts_with("  content: "), "{out}");
    assert_eq!(lines[4], "  left out, for they are never served: names with a dot in front: 1");
    assert_eq!(lines.len(), 5);

    let (code, out, err) = said(&run(&["verify", &file]));
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(out.starts_with(&format!("{file} is sound: generation 1, 7 objects, ")), "{out}");

    scratch.write("www/docs/index.html", "other");
    let (code, out, _) = said(&run(&["pack", "--threads", "1", &dir, &file]));
    assert!(code == Some(0) && out.contains(": generation 2\n"), "{out}");
    assert!(out.contains("\n  as they were in the generation before: 6\n"), "{out}");
    assert!(run(&["verify", &file]).status.success());
}

#[test]
fn what_is_broken_is_told_by_name_with_exit_code_1() {
    let scratch = site();
    let (dir, file) = (format!("{}/www", scratch.arg()), format!("{}/volume", scratch.arg()));
    assert!(run(&["pack", &dir, &file]).status.success());
    let whole = fs::read(&file).expect("it is there");
    let open = OpenOptions::new().write(true).open(&file).expect("it is there");
    let volume = Volume::open(&File::open(&file).expect("it is there")).expect("it is sound");
    let entry = volume.find(b"a b.png").expect("it was packed");
    open.write_all_at(b"?", entry.offset() + BLOCK + 7).expect("it can be written");
    let (code, out, err) = said(&run(&["verify", &file]));
    let expected = format!(
        "{file}: `a b.png`: its content (as it is), bytes 0 to 4999: its checksum is wrong\n\
         {file} is broken: 1 of 7 objects; pack it again\n"
    );
    assert_eq!((code, out, err), (Some(1), expected, String::new()));

    fs::write(&file, &whole[..whole.len() - 1]).expect("it can be written");
    let (code, out, _) = said(&run(&["verify", &file]));
    assert!(code == Some(1) && out.starts_with(&format!("{file} is truncated: ")), "{out}");
    let (code, _, err) = said(&run(&["pack", &dir, &file]));
    assert!(code == Some(2) && err.ends_with("If it may be lost: --overwrite\n"), "{err}");
    assert!(run(&["pack", "--overwrite", &dir, &file]).status.success());
    assert!(fs::read(&file).expect("it is there") == whole, "it is deterministic");

    let (code, _, err) = said(&run(&["verify", &format!("{file}-none")]));
    assert!(code == Some(2) && err.starts_with("sluicegate: cannot open `"), "{err}");
}

#[test]
fn what_cannot_be_packed_is_told_in_one_sentence() {
    let scratch = site();
    let (dir, file) = (format!("{}/www", scratch.arg()), format!("{}/volume", scratch.arg()));
    let refused = |dir: &str, file: &str, why: &str| {
        let (code, out, err) = said(&run(&["pack", dir, file]));
        assert_eq!((code, out.as_str()), (Some(2), ""));
        assert_eq!(err, format!("sluicegate: cannot pack `{dir}` into `{file}`: {why}\n"));
    };
    let none = format!("{}/none", scratch.arg());
    let missing = "the directory cannot be opened: No such file or directory (os error 2)";
    refused(&none, &file, missing);
    assert!(fs::metadata(&file).is_err(), "nothing was made");
    refused(&dir, "/dev/null", "a volume is a file or a block device; this is neither");
    let other = scratch.write("other", "what somebody wrote");
    let lost = "there is something, and it is no volume; if it may be lost: --overwrite";
    refused(&dir, &other, lost);
    assert_eq!(fs::read(&other).expect("it is there"), b"what somebody wrote");
    let inside = format!("{dir}/volume");
    let itself = "the volume would hold itself, as `volume`; put it outside of the directory";
    refused(&dir, &inside, itself);
    assert!(fs::metadata(&inside).is_err(), "what was made is removed");
    let link = format!("{}/link", scratch.arg());
    symlink(&inside, &link).expect("links can be made");
    refused(&dir, &link, itself);
    assert!(fs::metadata(&inside).is_err(), "what was made by a link is removed");
    assert!(fs::symlink_metadata(&link).is_ok(), "and the link was there before");
    assert!(run(&["pack", &dir, &file]).status.success());
    let held = File::open(&file).expect("it is there");
    held.lock().expect("nobody has it");
    refused(&dir, &file, "another pack writes to this volume; wait until it has ended");
}

/// What a file system says that is full, as the limit on the length of files says it.
#[test]
fn a_volume_that_cannot_grow_stays_as_it_was() {
    let scratch = site();
    let (dir, file) = (format!("{}/www", scratch.arg()), format!("{}/volume", scratch.arg()));
    assert!(run(&["pack", &dir, &file]).status.success());
    scratch.write("www/more.bin", vec![7; 3 << 20]);
    let program = command().get_program().to_owned();
    let mut shell = std::process::Command::new("sh");
    let limited = "trap '' XFSZ; ulimit -f 2048; exec \"$@\"";
    shell.args(["-c", limited, "sh"]).arg(program).args(["pack", &dir, &file]);
    let (code, _, err) = said(&shell.output().expect("there is a shell"));
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("a generation that was there is still whole"), "{err}");
    let (code, out, _) = said(&run(&["verify", &file]));
    assert!(code == Some(0) && out.contains(": generation 1, 7 objects"), "{out}");
}

/// The forms of a file in a volume.
fn forms(file: &File, volume: &Volume, name: &str) -> Vec<Form> {
    let entry = volume.find(name.as_bytes()).expect("it was packed");
    let mut near = vec![0; entry.near_len() as usize];
    Storage::read_at(file, entry.offset(), &mut near).expect("it lies inside");
    let front = Front::parse(Bytes::from(near), name.as_bytes(), &entry).expect("it is sound");
    let Kind::File { forms, .. } = front.kind else { panic!("{name} is a file") };
    forms
}

#[test]
fn heads_and_tags_are_those_of_the_served_directory() {
    let scratch = site();
    let (dir, path) = (format!("{}/www", scratch.arg()), format!("{}/volume", scratch.arg()));
    let server = Server::start(&[&dir]);
    assert!(run(&["pack", &dir, &path]).status.success());
    let file = File::open(&path).expect("it is there");
    let volume = Volume::open(&file).expect("it is sound");
    let mut client = server.client();
    let docs = ["docs/", "docs/app.js", "docs/app.js.gz"];
    for name in ["", "index.html", "link.html", "a b.png"].into_iter().chain(docs) {
        for form in forms(&file, &volume, name) {
            same(&mut client, &name.replace(' ', "%20"), &form);
        }
    }
    assert_eq!(client.get("/docs").status, 301);
    assert_eq!(client.get("/.hidden").status, 404);
    server.stop();
}

/// The server makes variants when they are asked for: until then it answers with the file as it is.
fn same(client: &mut Client<TcpStream>, name: &str, form: &Form) {
    let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).expect("heads are text");
    let coding = form.coding.map_or("identity", |coding| coding.name());
    let accept = format!("Accept-Encoding: {coding}\r\n");
    let target = format!("/{name}");
    let response = until("a variant is made", || {
        let response = client.ask("GET", &target, &accept);
        let is_it = response.field("content-encoding") == form.coding.map(|coding| coding.name());
        is_it.then_some(response)
    });
    assert!(response.head.starts_with(&text(&form.head)), "{name} {coding}: {}", response.head);
    let fields = format!("{accept}If-None-Match: {}\r\n", text(&form.tag));
    let unchanged = client.ask("GET", &target, &fields);
    assert!(unchanged.head.starts_with(&text(&form.unchanged)), "{name}: {}", unchanged.head);
}

/// A loop device over a file, given back when the test ends.
struct Loop(String);

impl Loop {
    /// Nothing where this process may have none.
    fn new(file: &str) -> Result<Loop, String> {
        let mut losetup = std::process::Command::new("losetup");
        let output = losetup.args(["--find", "--show", file]).output();
        let output = output.map_err(|error| format!("losetup: {error}"))?;
        let (code, out, err) = said(&output);
        if code == Some(0) { Ok(Loop(out.trim().to_owned())) } else { Err(err) }
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = std::process::Command::new("losetup").args(["--detach", &self.0]).status();
    }
}

#[test]
fn a_block_device_is_packed_into_as_far_as_it_goes() {
    let scratch = site();
    let dir = format!("{}/www", scratch.arg());
    let backing = scratch.write("device", vec![0; 1 << 20]);
    let device = match Loop::new(&backing) {
        Ok(device) => device,
        Err(unfit) => {
            // Past the test harness, which keeps what is printed by a test that passes.
            let _ = writeln!(std::io::stderr(), "skipped: no loop device: {}", unfit.trim());
            return;
        }
    };
    let (code, out, err) = said(&run(&["pack", &dir, &device.0]));
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    let (code, out, _) = said(&run(&["verify", &device.0]));
    assert!(code == Some(0) && out.contains(" is sound: generation 1, 7 objects"), "{out}");
    scratch.write("www/more.bin", vec![7; 1 << 20]);
    let (code, _, err) = said(&run(&["pack", &dir, &device.0]));
    assert!(code == Some(2) && err.contains("fit into the 1048576 bytes of the device"), "{err}");
    let (code, out, _) = said(&run(&["verify", &device.0]));
    assert!(code == Some(0) && out.contains(": generation 1, 7 objects"), "{out}");
}
