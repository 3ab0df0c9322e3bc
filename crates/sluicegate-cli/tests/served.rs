//! Volumes served by the real binary over each backend: as the directory they were packed from.
mod common;

use common::{Client, Scratch, Server, on_each_backend, run, until};
use std::fs::{self, File};
use std::net::TcpStream;
use std::os::unix::fs::FileExt;

const BIG: usize = 500_000;

fn site() -> Scratch {
    let scratch = Scratch::new();
    scratch.write("www/index.html", "home ".repeat(300));
    scratch.write("www/docs/index.html", "docs");
    scratch.write("www/docs/app.js", "let a = 1;\n".repeat(900));
    scratch.write("www/a b.png", [0x89; 9000]);
    scratch.write("www/empty", "");
    scratch.write("www/big.bin", (0..BIG).map(|n| (n % 251) as u8).collect::<Vec<u8>>());
    let (dir, file) = paths(&scratch);
    assert!(run(&["pack", &dir, &file]).status.success());
    scratch
}

fn paths(scratch: &Scratch) -> (String, String) {
    (format!("{}/www", scratch.arg()), format!("{}/site.volume", scratch.arg()))
}

/// A configuration of two workers, in whose memory all fits.
fn config(scratch: &Scratch, root: &str) -> String {
    let text = format!(
        "root = \"{root}\"\nworkers = 2\nfallback = \"/docs/index.html\"\n[cache]\nbudget = \"16 \
         MiB\"\n[errors]\n404 = \"/docs/index.html\"\n[[rule]]\npath = \"*.js\"\ncache_control = \
         \"no-cache\"\n"
    );
    scratch.write(&format!("{}.toml", root.rsplit('/').next().expect("a name")), text)
}

/// What came, without what tells when.
fn answer(client: &mut Client<TcpStream>, line: (&str, &str), fields: &str) -> (String, Vec<u8>) {
    let response = client.ask(line.0, line.1, fields);
    let lines = response.head.lines().filter(|line| !line.starts_with("Date: "));
    let mut lines: Vec<&str> = lines.collect();
    lines[1..].sort_unstable();
    (lines.join("\n"), response.body)
}

#[test]
fn a_volume_is_served_as_its_directory_over_each_backend() {
    let scratch = site();
    let (dir, file) = paths(&scratch);
    on_each_backend(|| {
        let plain = Server::start(&["--config", &config(&scratch, &dir)]);
        let packed = Server::start(&["--config", &config(&scratch, &file)]);
        for (line, fields) in [
            (("GET", "/"), ""),
            (("HEAD", "/"), ""),
            (("GET", "/docs"), ""),
            (("GET", "/docs/"), ""),
            (("GET", "/docs/app.js"), ""),
            (("GET", "/docs/app.js"), "Range: bytes=100-199\r\n"),
            (("GET", "/docs/app.js"), "If-None-Match: *\r\n"),
            (("GET", "/a%20b.png"), ""),
            (("GET", "/empty"), ""),
            (("GET", "/none"), ""),
            (("GET", "/none"), "Accept: text/html\r\n"),
            (("GET", "/big.bin"), ""),
            (("GET", "/big.bin"), "Range: bytes=130000-400000\r\n"),
            (("DELETE", "/"), ""),
        ] {
            // From the disk, and from memory; by another worker, perhaps.
            for _ in 0..3 {
                let one = answer(&mut plain.client(), line, fields);
                let other = answer(&mut packed.client(), line, fields);
                assert_eq!(one.0, other.0, "{line:?} {fields}");
                assert!(one.1 == other.1, "{line:?} {fields}");
            }
        }
        let coded = packed.client().ask("GET", "/docs/app.js", "Accept-Encoding: br\r\n");
        assert_eq!(coded.field("Content-Encoding"), Some("br"));
        assert!(coded.body.len() < 2000, "it was coded ahead");
        let volumes = packed.net_by_now()["cache"]["volumes"].clone();
        assert!(volumes["asked"]["hit"].as_u64() > Some(10), "{volumes}");
        assert!(volumes["read_bytes"].as_u64() > Some(BIG as u64), "{volumes}");
        for count in [&volumes["reads"], &volumes["calls"], &volumes["call_time"]["count"]] {
            assert!(count.as_u64() > Some(1), "{volumes}");
        }
        assert_eq!(volumes["faults"]["damaged"], 0);
        plain.stop();
        packed.stop();
    });
}

#[test]
fn what_is_packed_while_it_serves_is_served_soon() {
    let scratch = site();
    let (dir, file) = paths(&scratch);
    let server = Server::start(&["--workers", "2", &file]);
    assert_eq!(server.line("volume"), format!("{file}, generation 1"));
    assert!(server.client().get("/").text().starts_with("home"));
    assert_eq!(server.client().get("/new").status, 404);
    scratch.write("www/index.html", "another home");
    scratch.write("www/new", "new");
    assert!(run(&["pack", &dir, &file]).status.success());
    until("the new generation is served", || {
        (server.client().get("/").text() == "another home").then_some(())
    });
    assert_eq!(server.client().get("/new").text(), "new");
    // Another volume in the place of the file.
    scratch.write("www/new", "newer");
    let other = format!("{file}.next");
    assert!(run(&["pack", &dir, &other]).status.success());
    fs::rename(&other, &file).expect("files can be renamed");
    until("the other volume is served", || {
        (server.client().get("/new").text() == "newer").then_some(())
    });
    server.signal(rustix::process::Signal::TERM);
    let (status, _, complaints) = server.end();
    assert!(status.success(), "{complaints}");
    let told = complaints.matches("another generation is served from now on").count();
    assert_eq!(told, 2, "{complaints}");
}

#[test]
fn damaged_content_is_an_error_and_what_is_no_volume_is_told() {
    let scratch = site();
    let (_, file) = paths(&scratch);
    let volume = fs::read(&file).expect("it was packed");
    let place = volume.windows(1000).position(|w| w == [0x89; 1000]).expect("it is there");
    let open = File::options().write(true).open(&file).expect("it can be written");
    open.write_all_at(&[0], place as u64 + 5000).expect("within it");
    let server = Server::start(&["--workers", "1", &file]);
    let response = server.client().get("/a%20b.png");
    assert_eq!(
        (response.status, response.field("Content-Type")),
        (500, Some("text/plain; charset=utf-8"))
    );
    assert_eq!(server.client().get("/docs/").text(), "docs");
    let mut admin = Client::connect(&server.address("admin"));
    let metrics = admin.get("/metrics");
    let line = "sluicegate_volume_faults_total{kind=\"damaged\"} ";
    let found = metrics.text().lines().find_map(|text| text.strip_prefix(line)?.parse().ok());
    assert!(found >= Some(1_u64), "{}", metrics.text());
    server.stop();

    let no_volume = scratch.write("plain.txt", "a".repeat(20_000));
    let listing = scratch.write("l.toml", format!("root = \"{file}\"\nlisting = true\n"));
    let small = format!("root = \"{file}\"\nworkers = 2\n[cache]\nbudget = \"1 MiB\"\n");
    let small = scratch.write("s.toml", small);
    for (args, told) in [
        (vec!["serve", &no_volume], "is no volume"),
        (vec!["serve", "--config", &listing], "whose directories cannot be shown"),
        (vec!["check", &small], "a volume needs 1 MiB for each worker"),
    ] {
        let output = run(&args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && said.contains(told), "{args:?}: {said}");
    }
}

#[test]
fn what_was_hot_is_in_memory_after_a_restart() {
    let scratch = site();
    let (_, file) = paths(&scratch);
    let text = format!("root = \"{file}\"\nworkers = 2\n[cache]\nhot_list = \"hot\"\n");
    let config = scratch.write("hot.toml", text);
    let server = Server::start(&["--config", &config]);
    assert_eq!(server.client().get("/a%20b.png").status, 200);
    let coded = "Accept-Encoding: br\r\n";
    assert_eq!(server.client().ask("GET", "/docs/app.js", coded).status, 200);
    server.stop();
    let list = fs::read_to_string(scratch.path().join("hot")).expect("it was written at the end");
    assert!(list.contains("0\ta b.png\t") && list.contains("\tdocs/app.js\t"), "{list}");

    let server = Server::start(&["--config", &config]);
    let volumes = |server: &Server| server.net_by_now()["cache"]["volumes"].clone();
    let read = until("what was hot is read", || {
        let read = volumes(&server)["read_bytes"].as_u64()?;
        // Both fronts, one content as it is, and one coded.
        (read > 20_000).then_some(read)
    });
    assert_eq!(server.client().get("/a%20b.png").status, 200);
    assert_eq!(server.client().ask("GET", "/docs/app.js", coded).status, 200);
    let then = volumes(&server);
    assert_eq!((then["read_bytes"].as_u64(), &then["asked"]["missed"]), (Some(read), &0.into()));
    server.stop();
}

#[test]
fn pages_are_registered_where_that_is_asked_for_and_can_be() {
    let scratch = site();
    let (dir, file) = paths(&scratch);
    let text = format!("root = \"{file}\"\n[cache]\nbudget = \"8 MiB\"\nregistered = true\n");
    let config = scratch.write("registered.toml", text);
    let expected = fs::read(format!("{dir}/docs/app.js")).expect("it was packed");
    on_each_backend(|| {
        let server = Server::start(&["--workers", "2", "--config", &config]);
        for _ in 0..2 {
            let reply = server.client().get("/docs/app.js");
            assert!(reply.status == 200 && reply.body == expected, "{reply:?}");
        }
        let pinned = server.pinned_kib();
        server.signal(rustix::process::Signal::TERM);
        let (status, said, complaints) = server.end();
        assert!(status.success(), "{status}: {said}{complaints}");
        // Seven eighths of the budget are pages.
        let told = complaints.matches("`cache.registered` is of no use").count();
        assert!(matches!((told, pinned), (0, 7168..) | (2, ..7168)), "{pinned} {complaints}");
    });
}
