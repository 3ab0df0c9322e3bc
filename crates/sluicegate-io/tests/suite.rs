//! How connections behave, the same on real sockets and in the simulated network.

mod common;

use std::time::Duration;

use common::service::{ARENA, PIECE, pattern};
use common::{Rest, Setup, World, ask, even, leave, take_line};
use sluicegate_io::How;

suite![
    lines_come_back,
    pipelined_lines_come_back_in_order,
    unix_sockets_do_the_same,
    several_workers_do_the_same,
    a_half_closed_connection_is_still_answered,
    an_answer_is_not_lost_in_a_lingering_close,
    a_lingering_close_is_bounded,
    a_close_ends_at_once,
    a_reset_of_ours_is_seen,
    a_reset_of_the_peer_is_counted,
    a_peer_that_is_gone_takes_its_answers_with_it,
    the_peer_is_known,
    a_slow_reader_is_dropped,
    a_large_answer_waits_for_its_reader,
    page_memory_is_sent_as_it_was_when_it_was_let_go_of,
    pages_of_an_arena_are_held_until_they_are_sent,
    so_are_those_for_unix_sockets,
    a_panic_costs_one_connection,
    reads_wait_for_buffers,
    a_flood_of_resets_leaves_nothing_behind,
    a_paused_connection_is_not_read,
    who_leaves_is_missed_though_nothing_is_read,
    who_leaves_after_finishing_is_missed,
    a_drain_accepts_what_is_in_the_backlog,
    a_drain_serves_all_who_are_connected,
];

fn lines_come_back<W: World>() {
    let mut world = W::new(Setup::default());
    let mut clients: Vec<_> = (0..20).map(|_| world.connect()).collect();
    for round in 0..3 {
        for (n, client) in clients.iter_mut().enumerate() {
            let text = format!("client {n} in round {round}");
            assert_eq!(ask(&mut world, client, &format!("echo {text}")), text);
        }
    }
    for client in clients {
        leave(&mut world, client);
    }
    let conns = even(world);
    assert_eq!((conns.opened, conns.closed(How::Eof)), (20, 20), "{conns:?}");
}

fn pipelined_lines_come_back_in_order<W: World>() {
    let mut world = W::new(Setup::default());
    let mut client = world.connect();
    let lines: Vec<String> = (0..500).map(|n| format!("echo line {n}\n")).collect();
    world.send(&mut client, lines.concat().as_bytes());
    for n in 0..500 {
        assert_eq!(take_line(&mut world, &mut client), format!("line {n}"));
    }
    leave(&mut world, client);
    even(world);
}

fn unix_sockets_do_the_same<W: World>() {
    let mut world = W::new(Setup::with(|setup| {
        setup.unix = true;
        setup.workers = 2;
    }));
    let mut clients: Vec<_> = (0..8).map(|_| world.connect()).collect();
    for client in &mut clients {
        assert_eq!(ask(&mut world, client, "who"), "unix:");
    }
    for client in clients {
        leave(&mut world, client);
    }
    assert_eq!(even(world).opened, 8);
}

fn several_workers_do_the_same<W: World>() {
    let mut world = W::new(Setup::with(|setup| setup.workers = 2));
    let mut clients: Vec<_> = (0..32).map(|_| world.connect()).collect();
    for client in &mut clients {
        assert_eq!(ask(&mut world, client, "echo me"), "me");
    }
    drop(clients);
    world.until(|conns| conns.closed_total() == 32);
    even(world);
}

fn a_half_closed_connection_is_still_answered<W: World>() {
    let mut world = W::new(Setup::default());
    let mut client = world.connect();
    world.send(&mut client, b"echo one\necho two\n");
    world.finish(&mut client);
    let rest = world.rest(&mut client);
    assert_eq!(rest, Rest { bytes: b"one\ntwo\neof\n".to_vec(), how: How::Eof });
    assert_eq!(even(world).closed(How::Eof), 1);
}

fn an_answer_is_not_lost_in_a_lingering_close<W: World>() {
    let mut world = W::new(Setup::default());
    let mut client = world.connect();
    // More follows than the service will ever look at, but not more than it throws away.
    world.send(&mut client, &[b"bye\n".as_slice(), &[b'x'; 50_000]].concat());
    assert_eq!(world.rest(&mut client), Rest { bytes: b"bye\n".to_vec(), how: How::Eof });
    drop(client);
    assert_eq!(even(world).closed_total(), 1);
}

fn a_lingering_close_is_bounded<W: World>() {
    let mut world = W::new(Setup::default());
    let mut client = world.connect();
    assert_eq!(ask(&mut world, &mut client, "bye"), "bye");
    // The client neither closes nor sends: time ends it.
    world.until(|conns| conns.closed(How::Closed) == 1);
    drop(client);
    even(world);
}

fn a_close_ends_at_once<W: World>() {
    let mut world = W::new(Setup::default());
    let mut client = world.connect();
    assert_eq!(ask(&mut world, &mut client, "close"), "closing");
    world.until(|conns| conns.closed(How::Closed) == 1);
    assert_eq!(world.rest(&mut client).how, How::Eof);
    even(world);
}

fn a_reset_of_ours_is_seen<W: World>() {
    let mut world = W::new(Setup::default());
    let mut client = world.connect();
    assert_eq!(ask(&mut world, &mut client, "echo first"), "first");
    world.send(&mut client, b"reset\n");
    assert_eq!(world.rest(&mut client).how, How::Reset);
    assert_eq!(even(world).closed(How::Closed), 1);
}

fn a_reset_of_the_peer_is_counted<W: World>() {
    let mut world = W::new(Setup::default());
    let (mut one, mut other) = (world.connect(), world.connect());
    assert_eq!(ask(&mut world, &mut one, "echo here"), "here");
    world.send(&mut one, b"echo half a li");
    world.reset(one);
    world.until(|conns| conns.closed(How::Reset) == 1);
    assert_eq!(ask(&mut world, &mut other, "echo still"), "still");
    leave(&mut world, other);
    even(world);
}

fn a_peer_that_is_gone_takes_its_answers_with_it<W: World>() {
    let mut world = W::new(Setup::with(|setup| setup.settings.output = usize::MAX));
    let mut client = world.connect();
    // More than any kernel keeps for one connection.
    world.send(&mut client, b"big 32000000\n");
    // The answer has begun, and most of it waits.
    world.take(&mut client, 1000);
    world.reset(client);
    world.until(|conns| conns.closed_total() == 1);
    let (flows, conns) = world.stop();
    assert_eq!(flows.ended[sluicegate::Why::Gone], 1, "{flows:?}");
    assert!(flows.balanced() && conns.balanced(), "{flows:?} {conns:?}");
    assert_eq!(conns.closed(How::Reset), 1, "{conns:?}");
}

fn the_peer_is_known<W: World>() {
    let mut world = W::new(Setup::default());
    let mut client = world.connect();
    let address = world.address(&client);
    assert_eq!(ask(&mut world, &mut client, "who"), address);
    leave(&mut world, client);
    even(world);
}

fn a_slow_reader_is_dropped<W: World>() {
    let mut world = W::new(Setup::with(|setup| setup.settings.output = 100_000));
    let (mut slow, mut other) = (world.connect(), world.connect());
    world.send(&mut slow, b"big 16000000\n");
    world.until(|conns| conns.closed(How::Slow) == 1);
    assert_eq!(ask(&mut world, &mut other, "echo still"), "still");
    leave(&mut world, other);
    drop(slow);
    let (flows, conns) = world.stop();
    assert_eq!(flows.ended[sluicegate::Why::Gone], 1, "{flows:?}");
    assert!(flows.balanced() && conns.balanced(), "{flows:?} {conns:?}");
}

fn a_large_answer_waits_for_its_reader<W: World>() {
    const SIZE: usize = 1_000_000;
    // Were a piece written before the one before was sent, the connection would be dropped.
    let mut world = W::new(Setup::with(|setup| setup.settings.output = PIECE));
    let (mut client, mut other) = (world.connect(), world.connect());
    world.send(&mut client, format!("pump {SIZE}\n").as_bytes());
    // Others are served although nobody reads this answer yet.
    assert_eq!(ask(&mut world, &mut other, "echo meanwhile"), "meanwhile");
    let answer = world.take(&mut client, SIZE);
    assert!(answer == pattern(SIZE, SIZE), "the answer was garbled");
    leave(&mut world, client);
    leave(&mut world, other);
    even(world);
}

/// What the kernel has taken and nobody has read yet, it must not find changed by those who get
/// the same addresses.
fn page_memory_is_sent_as_it_was_when_it_was_let_go_of<W: World>() {
    let mut world = W::new(Setup::with(|setup| setup.settings.output = 8 << 20));
    let sizes = [40_000, 2_000_000, 300_000, 39_000, 1_000_000, 100_000, 33_000];
    let mut clients: Vec<_> = sizes.map(|size| (world.connect(), size)).into();
    for (client, size) in &mut clients {
        let asked = format!("pages {size}\npages {}\necho behind\n", *size - 7_000);
        world.send(client, asked.as_bytes());
        // So that the next ones find the addresses of this one free, as far as it was taken.
        world.take(client, 1);
    }
    for (mut client, size) in clients {
        let mut first = b"a".to_vec();
        for size in [size, size - 7_000] {
            first.extend(world.take(&mut client, 5 + size + 4 - first.len()));
            let whole = [b"ahead", &pattern(size, size)[..], b"end\n"].concat();
            assert!(std::mem::take(&mut first) == whole, "{size} bytes were garbled");
        }
        assert_eq!(take_line(&mut world, &mut client), "behind");
        leave(&mut world, client);
    }
    even(world);
}

/// What is sent is let go of at once, and its pages are asked for again meanwhile.
fn pages_of_an_arena_are_held_until_they_are_sent<W: World>() {
    pages_are_held::<W>(false);
}

fn so_are_those_for_unix_sockets<W: World>() {
    pages_are_held::<W>(true);
}

fn pages_are_held<W: World>(unix: bool) {
    let mut world = W::new(Setup::with(|setup| {
        setup.settings.output = 8 << 20;
        setup.unix = unix;
    }));
    // The largest lies in more slices than are sent at once.
    let sizes = [1, 4096, 40_000, 300_000, 4097];
    let mut clients: Vec<_> = sizes.map(|size| (world.connect(), size)).into();
    for round in 0..2 {
        for (client, size) in &mut clients {
            world.send(client, format!("paged {size}\npaged {}\n", *size + round).as_bytes());
            world.take(client, 1);
        }
        for (client, size) in &mut clients {
            let mut first = b"a".to_vec();
            for size in [*size, *size + round] {
                first.extend(world.take(client, 5 + size + 4 - first.len()));
                let whole = [b"ahead", &pattern(size, size)[..], b"end\n"].concat();
                assert!(std::mem::take(&mut first) == whole, "{size} bytes were garbled");
            }
        }
    }
    // The kernel has what a client has received, but may not have said so.
    let free = |world: &mut W, client: &mut W::Client| -> usize {
        ask(world, client, "free").parse().unwrap()
    };
    let asks = (0..10_000).map(|_| free(&mut world, &mut clients[0].0));
    assert!(asks.into_iter().any(|free| free == ARENA), "pages did not come home");
    clients.into_iter().for_each(|(client, _)| leave(&mut world, client));
    even(world);
}

fn a_panic_costs_one_connection<W: World>() {
    let mut world = W::new(Setup::default());
    let (mut one, mut other) = (world.connect(), world.connect());
    assert_eq!(ask(&mut world, &mut one, "echo before"), "before");
    assert_eq!(ask(&mut world, &mut other, "echo before"), "before");
    world.send(&mut one, b"panic\n");
    assert!(world.rest(&mut one).bytes.is_empty());
    assert_eq!(ask(&mut world, &mut other, "echo after"), "after");
    leave(&mut world, other);
    assert_eq!(even(world).closed(How::Abandoned), 1);
}

fn reads_wait_for_buffers<W: World>() {
    let mut world = W::new(Setup::with(|setup| {
        setup.settings.buffers = 1;
        setup.settings.buffer_size = 16;
    }));
    let mut clients: Vec<_> = (0..10).map(|_| world.connect()).collect();
    let text = "a line that needs many buffers, of which there is only one";
    for client in &mut clients {
        world.send(client, format!("echo {text}\n").as_bytes());
    }
    for client in &mut clients {
        assert_eq!(take_line(&mut world, client), text);
    }
    for client in clients {
        leave(&mut world, client);
    }
    even(world);
}

fn a_flood_of_resets_leaves_nothing_behind<W: World>() {
    let mut world = W::new(Setup::with(|setup| setup.settings.connections = 8));
    let mut kept = world.connect();
    for n in 1..=300 {
        let mut client = world.connect();
        // Some ask before, some are not accepted yet when they break off.
        if n % 3 != 0 {
            world.send(&mut client, b"echo one\necho two\n");
        }
        world.reset(client);
        if n % 20 == 0 {
            assert_eq!(ask(&mut world, &mut kept, "echo meanwhile"), "meanwhile");
            world.until(|conns| conns.open == 1);
        }
    }
    leave(&mut world, kept);
    even(world);
}

fn a_paused_connection_is_not_read<W: World>() {
    let mut world = W::new(Setup::default());
    let (mut held, mut other) = (world.connect(), world.connect());
    world.send(&mut held, b"hold\n");
    assert_eq!(ask(&mut world, &mut other, "echo others go on"), "others go on");
    leave(&mut world, other);
    // It is never resumed: what it sends, and even its end, waits in the kernel.
    world.send(&mut held, b"echo not heard\n");
    drop(held);
    world.until(|conns| conns.opened == 2 && conns.open == 1);
}

fn on_both_kinds<W: World>(mut play: impl FnMut(&mut W)) {
    for unix in [false, true] {
        let mut world = W::new(Setup::with(|setup| setup.unix = unix));
        play(&mut world);
        even(world);
    }
}

fn who_leaves_is_missed_though_nothing_is_read<W: World>() {
    on_both_kinds(|world: &mut W| {
        let mut clients: Vec<_> = (0..4).map(|_| world.connect()).collect();
        for client in &mut clients {
            assert_eq!(ask(world, client, "ponder over it"), "over it");
            world.send(client, b"echo not heard\n");
        }
        for (n, client) in (1..).zip(clients) {
            world.reset(client);
            world.until(|conns| conns.closed(How::Reset) == n && conns.open == 4 - n);
        }
    });
}

fn who_leaves_after_finishing_is_missed<W: World>() {
    on_both_kinds(|world: &mut W| {
        let (mut one, mut other) = (world.connect(), world.connect());
        for client in [&mut one, &mut other] {
            assert_eq!(ask(world, client, "think it over"), "it over");
            world.finish(client);
        }
        world.reset(one);
        world.until(|conns| conns.closed(How::Reset) == 1);
        // Who only finished is waited for.
        world.until(|conns| conns.open == 1);
        world.reset(other);
        world.until(|conns| conns.closed(How::Reset) == 2);
    });
}

fn a_drain_accepts_what_is_in_the_backlog<W: World>() {
    let mut world = W::new(Setup::with(|setup| setup.late = true));
    let mut clients: Vec<_> = (0..10).map(|_| world.connect()).collect();
    world.arrive();
    for client in &mut clients {
        world.send(client, b"bye\n");
    }
    world.arrive();
    world.start();
    let (flows, conns) = world.stop();
    assert!(flows.balanced() && conns.balanced(), "{flows:?} {conns:?}");
    assert_eq!((flows.finished, conns.opened, conns.open), (10, 10, 0));
    for mut client in clients {
        assert_eq!(world.rest(&mut client), Rest { bytes: b"bye\n".to_vec(), how: How::Eof });
    }
}

fn a_drain_serves_all_who_are_connected<W: World>() {
    const CLIENTS: usize = 100;
    let mut world = W::new(Setup::with(|setup| setup.workers = 2));
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| world.connect()).collect();
    for client in &mut clients {
        world.send(client, b"bye\n");
    }
    world.arrive();
    let (flows, conns) = world.stop();
    assert!(flows.balanced() && conns.balanced(), "{flows:?} {conns:?}");
    assert_eq!((flows.finished, conns.opened), (CLIENTS as u64, CLIENTS as u64));
    for mut client in clients {
        assert_eq!(world.rest(&mut client), Rest { bytes: b"bye\n".to_vec(), how: How::Eof });
    }
}

/// Only simulated handshakes end when it suits: a kernel sends its part again after a second.
#[test]
fn a_drain_waits_for_handshakes_and_no_longer() {
    use common::simulated::{SEEDS, Simulated, with_seed};
    const TIME: Duration = Duration::from_millis(50);
    for seed in 0..SEEDS {
        with_seed(seed, || {
            let mut world = Simulated::new(Setup::with(|setup| {
                setup.settings.handshake_time = TIME;
                setup.workers = 2;
            }));
            let sim = world.sim.as_mut().unwrap();
            sim.drain();
            assert!(sim.run_for(TIME / 2, 10_000));
            let mut half_way = world.connect();
            world.send(&mut half_way, b"bye\n");
            let answer = world.rest(&mut half_way);
            assert_eq!(answer, Rest { bytes: b"bye\n".to_vec(), how: How::Eof });
            assert!(world.sim.as_mut().unwrap().run_for(TIME, 10_000));
            let mut late = world.connect();
            assert_eq!(world.rest(&mut late), Rest { bytes: Vec::new(), how: How::Error });
            assert_eq!(even(world).opened, 1);
        });
    }
}
