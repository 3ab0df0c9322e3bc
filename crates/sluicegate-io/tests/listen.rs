//! Addresses to listen on: taken ones, stale ones, and ones chosen by the kernel.

use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use sluicegate_io::{Addr, ListenFault, Listeners, Settings};

fn bind(addr: &str, workers: usize) -> Result<Listeners, sluicegate_io::ListenError> {
    Listeners::bind(&[(addr.parse().unwrap(), 0)], workers, &Settings::default())
}

fn path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("sluicegate-io-{}-{name}", std::process::id()))
}

#[test]
fn a_taken_port_is_told_whoever_took_it() {
    for workers in [1, 2] {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = other.local_addr().unwrap().to_string();
        let told = bind(&taken, workers).unwrap_err().to_string();
        assert!(told.contains(&taken) && told.contains("another program listens there"), "{told}");
        // A second instance of ours, which shares its own ports among its workers.
        let ours = bind("127.0.0.1:0", workers).unwrap();
        let taken = ours.bound()[0].0.to_string();
        for workers in [1, 2] {
            assert!(matches!(bind(&taken, workers).unwrap_err().fault, ListenFault::InUse));
        }
    }
}

#[test]
fn a_port_is_free_again_when_its_listeners_are_gone() {
    let first = bind("127.0.0.1:0", 2).unwrap();
    let addr = first.bound()[0].0.to_string();
    drop(first);
    assert_eq!(bind(&addr, 2).unwrap().bound()[0].0.to_string(), addr);
}

#[test]
fn all_addresses_or_none() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = Addr::Tcp(other.local_addr().unwrap());
    let path = path("all-or-none");
    let wanted = [(Addr::Unix(path.clone()), 0), (taken, 1)];
    assert!(Listeners::bind(&wanted, 1, &Settings::default()).is_err());
    assert!(!path.exists());
}

#[test]
fn an_address_that_is_not_here_is_told() {
    // TEST-NET-1 of RFC 5737: no machine has it.
    let told = bind("192.0.2.1:0", 1).unwrap_err();
    assert!(matches!(told.fault, ListenFault::NotHere), "{told}");
}

#[test]
fn a_unix_socket_takes_over_what_is_stale_and_nothing_else() {
    let path = path("stale");
    let addr = format!("unix:{}", path.display());
    // The file of a process that is gone.
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let ours = bind(&addr, 2).unwrap();
    let told = bind(&addr, 1).unwrap_err();
    assert!(matches!(told.fault, ListenFault::InUse), "{told}");
    drop(ours);
    assert!(!path.exists(), "the file is removed at the end");

    std::fs::write(&path, "notes").unwrap();
    let told = bind(&addr, 1).unwrap_err();
    assert!(matches!(told.fault, ListenFault::NotASocket), "{told}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "notes");
    std::fs::remove_file(&path).unwrap();

    let told = bind("unix:/nowhere/at/all.sock", 1).unwrap_err();
    assert!(matches!(told.fault, ListenFault::NoDirectory), "{told}");
}

#[test]
fn a_file_that_another_put_there_is_left() {
    let path = path("replaced");
    let ours = bind(&format!("unix:{}", path.display()), 1).unwrap();
    std::fs::remove_file(&path).unwrap();
    let _theirs = UnixListener::bind(&path).unwrap();
    drop(ours);
    assert!(path.exists());
    std::fs::remove_file(&path).unwrap();
}
