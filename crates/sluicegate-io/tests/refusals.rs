//! Connections that find no place, or that an address has too many of, the same on real sockets and
//! in the simulated network.

mod common;

use bytes::Bytes;
use std::time::Duration;

use common::{Rest, Setup, World, ask, even, leave};
use sluicegate_io::{How, Refusal, WhenFull};

suite![
    a_full_table_leaves_the_rest_in_the_backlog,
    a_full_table_refuses_where_that_is_asked_for,
    who_is_refused_without_an_answer_is_reset,
    the_answers_to_refused_connections_are_bounded,
    an_address_has_so_many_connections_and_no_more,
    unix_sockets_have_no_address_to_bound,
];

fn a_full_table_leaves_the_rest_in_the_backlog<W: World>() {
    let mut world = W::new(Setup::with(|setup| setup.settings.connections = 2));
    let mut clients: Vec<_> = (0..6).map(|_| world.connect()).collect();
    for client in &mut clients {
        world.send(client, b"bye\n");
    }
    for mut client in clients {
        assert_eq!(world.rest(&mut client), Rest { bytes: b"bye\n".to_vec(), how: How::Eof });
        world.until(|conns| {
            assert!(conns.open <= 2, "{conns:?}");
            conns.opened > conns.open
        });
    }
    assert_eq!(even(world).opened, 6);
}

const FULL: &[u8] = b"full\n";

/// A service with two connections, which it has, and refuses others.
fn a_full_one<W: World>(answer: &'static [u8]) -> (W, Vec<W::Client>) {
    let mut world = W::new(Setup::with(|setup| {
        setup.settings.connections = 2;
        setup.when_full = WhenFull::Refuse(Bytes::from_static(answer));
    }));
    let mut clients: Vec<_> = (0..2).map(|_| world.connect()).collect();
    for client in &mut clients {
        assert_eq!(ask(&mut world, client, "echo in"), "in");
    }
    (world, clients)
}

fn a_full_table_refuses_where_that_is_asked_for<W: World>() {
    let (mut world, mut clients) = a_full_one::<W>(FULL);
    for n in 1..=5 {
        let mut refused = world.connect();
        // What it asked is thrown away, and takes the answer not with it.
        world.send(&mut refused, b"echo me\n");
        assert_eq!(world.rest(&mut refused), Rest { bytes: FULL.to_vec(), how: How::Eof });
        world.until(|conns| conns.refused(Refusal::Full) == n);
    }
    for client in &mut clients {
        assert_eq!(ask(&mut world, client, "echo still"), "still");
    }
    leave(&mut world, clients.remove(0));
    world.until(|conns| conns.open == 1);
    let mut third = world.connect();
    assert_eq!(ask(&mut world, &mut third, "echo in"), "in");
    leave(&mut world, third);
    leave(&mut world, clients.remove(0));
    let conns = even(world);
    assert_eq!((conns.opened, conns.refused(Refusal::Full)), (3, 5), "{conns:?}");
}

fn who_is_refused_without_an_answer_is_reset<W: World>() {
    let (mut world, clients) = a_full_one::<W>(b"");
    let mut refused = world.connect();
    assert_eq!(world.rest(&mut refused), Rest { bytes: Vec::new(), how: How::Reset });
    drop(clients);
    let conns = even(world);
    assert_eq!((conns.opened, conns.refused(Refusal::Full)), (2, 1), "{conns:?}");
}

fn the_answers_to_refused_connections_are_bounded<W: World>() {
    // As many as may read their answer at once, and some more.
    const ANSWERED: usize = 256;
    let mut world = W::new(Setup::with(|setup| {
        setup.settings.connections = 0;
        setup.settings.linger_time = Duration::from_secs(20);
        setup.when_full = WhenFull::Refuse(Bytes::from_static(FULL));
    }));
    let mut clients = Vec::new();
    for n in 1..=ANSWERED as u64 + 20 {
        // One after the other, so that no backlog is too short.
        clients.push(world.connect());
        world.until(|conns| conns.refused(Refusal::Full) == n);
    }
    for (n, client) in clients.iter_mut().enumerate() {
        let Rest { bytes, how } = world.rest(client);
        let expected = if n < ANSWERED { (FULL, How::Eof) } else { (&[][..], How::Reset) };
        assert_eq!((&*bytes, how), expected, "client {n}");
    }
    drop(clients);
    assert_eq!(even(world).opened, 0);
}

fn an_address_has_so_many_connections_and_no_more<W: World>() {
    let mut world = W::new(Setup::with(|setup| {
        setup.workers = 2;
        setup.per_address = Some(3);
    }));
    let mut clients: Vec<_> = (0..3).map(|_| world.connect()).collect();
    for round in 1..=4 {
        for client in &mut clients {
            assert_eq!(ask(&mut world, client, "echo in"), "in");
        }
        // Whichever worker it comes to.
        for _ in 0..4 {
            let mut refused = world.connect();
            assert_eq!(world.rest(&mut refused), Rest { bytes: Vec::new(), how: How::Reset });
        }
        // One leaves in any of the ways there are, and another comes.
        let left = clients.remove(0);
        match round {
            1 => leave(&mut world, left),
            2 => world.reset(left),
            3 => drop(left),
            _ => {
                let mut left = left;
                world.send(&mut left, b"reset\n");
                assert_eq!(world.rest(&mut left).how, How::Reset);
            }
        }
        world.until(|conns| conns.open == 2);
        clients.push(world.connect());
    }
    assert_eq!(ask(&mut world, &mut clients[2], "echo in"), "in");
    drop(clients);
    let conns = even(world);
    assert_eq!((conns.opened, conns.refused(Refusal::Address)), (7, 16), "{conns:?}");
}

fn unix_sockets_have_no_address_to_bound<W: World>() {
    let mut world = W::new(Setup::with(|setup| {
        setup.unix = true;
        setup.per_address = Some(1);
    }));
    let mut clients: Vec<_> = (0..3).map(|_| world.connect()).collect();
    for client in &mut clients {
        assert_eq!(ask(&mut world, client, "echo in"), "in");
    }
    drop(clients);
    assert_eq!(even(world).refused(Refusal::Address), 0);
}
