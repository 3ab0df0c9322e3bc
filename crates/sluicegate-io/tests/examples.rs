//! The examples of line protocols, run against each other and on real sockets.

#[allow(dead_code, reason = "the examples' own entry points")]
#[path = "../examples/line_chat.rs"]
mod chat;
#[allow(dead_code, reason = "the examples' own entry points")]
#[path = "../examples/line_echo_client.rs"]
mod client;
#[allow(dead_code, reason = "the examples' own entry points")]
#[path = "../examples/line_echo_server.rs"]
mod server;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::mpsc::channel;

use sluicegate_io::{Addr, Listeners, Settings};

fn listeners(workers: usize) -> (Listeners, Addr) {
    let any: Addr = "127.0.0.1:0".parse().unwrap();
    let listeners = Listeners::bind(&[(any, 0)], workers, &Settings::default()).unwrap();
    let addr = listeners.bound()[0].0.clone();
    (listeners, addr)
}

#[test]
fn the_client_gets_its_lines_back_from_the_server() {
    let (listeners, addr) = listeners(1);
    let _server = server::net(listeners, 1).run().unwrap();
    // Far more than one buffer, so that lines are cut anywhere.
    let lines: String = (0..5000).map(|n| format!("line {n}\n")).collect();
    let (send, answer) = channel();
    let _client = client::net(addr, lines.clone().into_bytes(), send).run().unwrap();
    assert_eq!(answer.recv().unwrap(), lines);
}

#[test]
fn nobody_there_is_told() {
    let (listeners, addr) = listeners(1);
    drop(listeners);
    let (send, answer) = channel();
    let _client = client::net(addr, Vec::new(), send).run().unwrap();
    assert!(answer.recv().unwrap().contains("refused"));
}

#[test]
fn several_workers_share_one_port() {
    let (listeners, addr) = listeners(2);
    let _server = server::net(listeners, 2).run().unwrap();
    let clients = (0..32).map(|n| {
        let stream = TcpStream::connect(addr.to_string()).unwrap();
        (&stream).write_all(format!("client {n}\n").as_bytes()).unwrap();
        (n, BufReader::new(stream))
    });
    // All are connected before the first is answered.
    for (n, mut stream) in clients.collect::<Vec<_>>() {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        assert_eq!(line, format!("client {n}\n"));
    }
}

#[test]
fn what_one_says_all_others_hear() {
    let (listeners, addr) = listeners(2);
    let _server = chat::net(listeners, 2).run().unwrap();
    let mut line = String::new();
    let mut members: Vec<_> = (1..=8)
        .map(|n| {
            let mut member = BufReader::new(TcpStream::connect(addr.to_string()).unwrap());
            line.clear();
            member.read_line(&mut line).unwrap();
            assert_eq!(line, format!("you are one of {n}\n"));
            member
        })
        .collect();
    for speaker in 0..members.len() {
        let said = format!("I am {speaker}\n");
        members[speaker].get_mut().write_all(said.as_bytes()).unwrap();
        for (_, member) in members.iter_mut().enumerate().filter(|member| member.0 != speaker) {
            line.clear();
            member.read_line(&mut line).unwrap();
            assert_eq!(line, said);
        }
    }
}
