//! What is typed wrong, and what is taken: one sentence, exit code 2.
mod common;

use common::{Client, Scratch, Server, on_each_backend, run};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::process::Command;

/// The command ends with 2, says this on stderr, and nothing on stdout.
#[track_caller]
fn check(args: &[&str], expected: &str) {
    let output = run(args);
    assert_eq!(output.status.code(), Some(2), "{args:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{args:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), format!("sluicegate: {expected}\n"));
}

#[test]
fn what_is_typed_wrong_is_told_in_one_sentence() {
    let site = Scratch::new();
    let dir = site.arg();
    let file = site.write("site.toml", "workers = 1\n[cache]\nbugdet = 5\n");
    check(
        &["check", &file],
        &format!(
            "{file}:3:1: unknown key `bugdet`; did you mean `budget`? accepted here: budget, \
             hot_list, registered, stream_above"
        ),
    );
    check(
        &["serve", "--config", &file],
        &format!(
            "{file}:3:1: unknown key `bugdet`; did you mean `budget`? accepted here: budget, \
             hot_list, registered, stream_above"
        ),
    );
    check(
        &["serve", &format!("{dir}/nowhere")],
        &format!(
            "cannot serve `{dir}/nowhere`: No such file or directory (os error 2); accepted: a \
             directory or a volume that can be read"
        ),
    );
    let pipe = site.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs").success());
    let pipe = pipe.display();
    check(
        &["serve", &format!("{pipe}")],
        &format!(
            "cannot serve `{pipe}`: it cannot be read: it is neither a file nor a block device; \
             accepted: a directory or a volume that can be read"
        ),
    );
    check(
        &["verify", &format!("{pipe}")],
        &format!("cannot open `{pipe}`: it is neither a file nor a block device"),
    );
    check(
        &["serve", "--workers", "0"],
        "--workers: `workers` is \"0\"; accepted: a whole number from 1 to 1024",
    );
    check(
        &["check", &format!("{dir}/none.toml")],
        &format!(
            "{dir}/none.toml: cannot be read: No such file or directory (os error 2); accepted: \
             a readable TOML file"
        ),
    );
    check(
        &[dir],
        &format!("`{dir}` is a directory, not a command; to serve it: sluicegate serve {dir}"),
    );
    check(
        &["sevre"],
        "unrecognized subcommand 'sevre'; a similar subcommand exists: 'serve'; see sluicegate \
         --help",
    );
}

#[test]
fn all_mistakes_are_told_at_once() {
    let site = Scratch::new();
    let file = site.write("site.toml", "worker = 1\ndrain = 5\n");
    check(
        &["check", &file],
        &format!(
            "{file}:1:1: unknown key `worker`; did you mean `workers`? accepted here: admin, \
             admin_hosts, admin_token_file, cache, class, compression, cpus, deadline, direct, \
             drain, errors, fallback, host, index, io, limits, listen, listing, log, otlp, pool, \
             redirect, resources, root, route, rule, strict_hosts, workers\n\
             sluicegate: {file}:2:9: `drain` is 5; accepted: a time from 0ns to 3600s, such as \
             \"500ms\", \"5s\" or \"2m\""
        ),
    );
    let users = site.write("users", "# people\nali:secret\n");
    let dir = site.arg();
    let text = "root = \"none\"\n[[host]]\nname = \"a\"\nroot = \".\"\n\
                [[host.rule]]\npath = \"/\"\nauth = { file = \"users\" }\n";
    let file = site.write("site.toml", text);
    let expected = format!(
        "cannot serve `{dir}/none`: No such file or directory (os error 2); accepted: a directory \
         or a volume that can be read\n\
         sluicegate: {users}:2:1: this is no user; accepted: `name:hash`, with bcrypt hashes as \
         `sluicegate hash-password` makes them"
    );
    check(&["check", &file], &expected);
    check(&["serve", "--config", &file], &expected);
}

#[test]
fn an_address_that_is_taken_is_told() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it has one").to_string();
    let expected = format!(
        "cannot listen on {address}: another program listens there; choose another port, or 0 \
         for any"
    );
    check(&["serve", "--listen", &address, "--admin", "127.0.0.1:0"], &expected);
    check(&["serve", "--listen", "127.0.0.1:0", "--admin", &address], &expected);
}

#[test]
fn the_default_admin_address_moves_when_it_is_taken() {
    // Where this fails, somebody else has it: as good.
    let _taken = TcpListener::bind("127.0.0.1:9900");
    let server = Server::start_with(&["serve", "--listen", "127.0.0.1:0"]);
    assert!(server.line("admin").ends_with("/ (127.0.0.1:9900 was taken)"), "{:?}", server.banner);
    assert!(server.net()["stages"].is_array());
    server.stop();
}

#[test]
fn a_unix_socket_is_listened_on_and_removed() {
    on_each_backend(|| {
        let site = Scratch::new();
        site.write("index.html", "home");
        let socket = site.path().join("site.sock");
        let unix = format!("unix:{}", socket.display());
        let server = Server::start_with(&[
            "serve",
            site.arg(),
            "--listen",
            &unix,
            "--listen",
            "127.0.0.1:0",
            "--admin",
            "127.0.0.1:0",
        ]);
        assert!(server.line("site").contains(&unix), "{:?}", server.banner);
        let stream = UnixStream::connect(&socket).expect("it listens");
        assert_eq!(Client::over(stream).get("/").text(), "home");
        assert_eq!(server.client().get("/").text(), "home");
        server.stop();
        assert!(!socket.exists(), "the socket's file is removed");
    });
}

#[test]
fn ipv6_is_listened_on() {
    if TcpListener::bind("[::1]:0").is_err() {
        println!("skipped: this machine has no IPv6");
        return;
    }
    let args = ["serve", "--listen", "[::1]:0", "--admin", "127.0.0.1:0"];
    let server = Server::start_with(&args);
    assert!(server.address("site").starts_with("[::1]:"));
    assert_eq!(server.client().get("/").status, 200);
    server.stop();
}

#[test]
fn what_is_right_is_told_too() {
    let site = Scratch::new();
    let text =
        format!("root = \"{}\"\nlisten = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n", site.arg());
    let file = site.write("site.toml", text);
    let output = run(&["check", &file]);
    assert!(output.status.success());
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.starts_with(&format!("{file} can be used\nlistens on 127.0.0.1:0;")), "{said}");
    let args = ["serve", "--config", &file, "--workers", "1", "--io", "epoll"];
    let server = Server::start_with(&args);
    assert!(server.line("site").starts_with(&format!("{} on http://127.0.0.1:", site.arg())));
    assert_eq!(server.line("workers"), "1 pinned, epoll");
    assert!(server.line("memory").contains(" for the cache, of "));
    assert_eq!(server.line("settings"), format!("{file}, --workers, --io, defaults"));
    server.stop();
}

#[test]
fn the_net_is_drawn_in_three_formats() {
    let text = |args: &[&str]| {
        let output = run(args);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    let mermaid = text(&["graph"]);
    assert!(
        mermaid.starts_with("flowchart LR\n")
            && mermaid.contains("stage_cache -->|\"ask, window 256\"| stage_load")
    );
    let dot = text(&["graph", "--format", "dot"]);
    assert!(dot.starts_with("digraph \"web\" {") && dot.contains("\"http\" -> \"route\""));
    let json = text(&["graph", "--format", "json"]);
    let net: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert!(net["stages"].as_array().is_some_and(|stages| stages.len() > 10));
    let site = Scratch::new();
    let plain = site.write("site.toml", format!("root = \"{}\"\n", site.arg()));
    let plain = text(&["graph", &plain]);
    assert!(!plain.contains("route") && plain.contains("stage_http -->|\"request\"| stage_cache"));
}
