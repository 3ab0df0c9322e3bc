//! Which backend the real binary takes, and what it says where the system forbids one.
mod common;

use common::{Scratch, Server, run};
use seccompiler::{SeccompAction, SeccompFilter, apply_filter};
use sluicegate_io::{Asked, Choice};
use std::collections::BTreeMap;
use std::io::Write;
use std::process::Command;

/// The number of `io_uring_setup`, on every architecture.
const IO_URING_SETUP: i64 = 425;
const EPERM: u32 = 1;
/// Open files that a server may have, of which direct descriptors need 512 in each table.
const FILES: usize = 640;

/// Runs `test` on a thread that may not use io_uring, and neither may the processes it starts.
fn where_uring_is_forbidden(test: impl FnOnce() + Send + 'static) {
    let forbidden = move || {
        let filter = SeccompFilter::new(
            BTreeMap::from([(IO_URING_SETUP, Vec::new())]),
            SeccompAction::Allow,
            SeccompAction::Errno(EPERM),
            std::env::consts::ARCH.try_into().expect("an architecture with filters"),
        );
        let filter = filter.and_then(seccompiler::BpfProgram::try_from).expect("a filter");
        apply_filter(&filter).expect("filters are supported");
        test();
    };
    std::thread::spawn(forbidden).join().expect("the test passes");
}

#[test]
fn where_uring_is_forbidden_epoll_serves() {
    where_uring_is_forbidden(|| {
        let server = Server::start(&["--workers", "1"]);
        assert_eq!(server.line("workers"), "1 pinned, epoll, as io_uring is not permitted here");
        assert_eq!(server.client().get("/").status, 200);
        server.stop();
    });
}

#[test]
fn where_uring_is_forbidden_asking_for_it_is_told() {
    where_uring_is_forbidden(|| {
        let output = run(&["serve", "--listen", "127.0.0.1:0", "--io", "uring"]);
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(
            String::from_utf8_lossy(&output.stderr),
            "sluicegate: `io` is \"uring\", but io_uring is not permitted here; accepted here: \
             auto, epoll\n"
        );
    });
}

#[test]
fn what_is_asked_for_is_taken() {
    let server = Server::start(&["--workers", "1", "--io", "epoll"]);
    assert_eq!(server.line("workers"), "1 pinned, epoll");
    server.stop();
    if Choice::new(Asked::Uring).is_ok() {
        for asked in ["uring", "auto"] {
            let server = Server::start(&["--workers", "1", "--io", asked]);
            assert_eq!(server.line("workers"), "1 pinned, io_uring");
            server.stop();
        }
    }
    let output = run(&["serve", "--io", "kqueue"]);
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("--io: `io` is \"kqueue\"; accepted: "), "{told}");
}

#[test]
fn with_direct_descriptors_there_are_more_connections_than_open_files() {
    if Choice::new(Asked::Uring).and_then(|choice| choice.try_direct()).is_err() {
        return writeln!(std::io::stderr(), "skipped: no direct descriptors here").unwrap();
    }
    let mut few_files = Command::new("sh");
    let limit = format!("ulimit -n {FILES} && exec \"$0\" \"$@\"");
    few_files.args(["-c", &limit, env!("CARGO_BIN_EXE_sluicegate")]);
    let site = Scratch::new();
    let config = site.write("site.toml", "direct = true\nworkers = 8\n");
    let args = ["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--config", &config];
    let server = Server::start_as(few_files, &args);
    let mut clients: Vec<_> = (0..FILES + 60).map(|_| server.client()).collect();
    for _ in 0..2 {
        for client in &mut clients {
            assert_eq!(client.get("/").status, 200);
        }
    }
    drop(clients);
    server.stop();
}

#[test]
fn direct_descriptors_want_io_uring() {
    let site = Scratch::new();
    let config = site.write("site.toml", "direct = true\nio = \"epoll\"\n");
    let output = run(&["serve", "--config", &config]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "sluicegate: `direct` is true, but only io_uring has direct descriptors, and this is \
         epoll; do without them, or let io_uring be used\n"
    );
}
