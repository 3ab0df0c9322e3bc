//! Many seeds over the whole site, with clients of all manners and troubles: `cargo xtask sim` runs
//! this with more of them.
use super::{World, get};
use crate::scratch::Random;
use sluicegate::TRACE_COLUMNS;
use sluicegate::sim::{Case, Failure, Search, Setup, Troubles};
use sluicegate_io::sim::SimPeer;
use std::time::Duration;

/// Seeds unless the arguments say otherwise.
const SEEDS: u64 = 12;
/// What clients do, and troubles.
const MOST: (u64, usize, usize) = (120, 0, 5);
/// Stages that hold what belongs to connections.
pub(super) const SPARED: [&str; 8] =
    ["accept", "read", "write", "http", "admin-accept", "admin-read", "admin-write", "admin-http"];
/// Batches between which time moves.
const STEPS: usize = 1_000_000;
/// Until when who has vanished is given up.
const REST: Duration = Duration::from_secs(200);

#[test]
fn the_site_is_even_and_comes_to_rest_whatever_befalls_it() {
    try_seeds("web", SEEDS, MOST, site);
}

/// Tries so many seeds of a net, or those that the arguments say; says how one that fails is
/// repeated.
pub(super) fn try_seeds(
    net: &str,
    seeds: u64,
    most: (u64, usize, usize),
    run: impl FnMut(&Case, Setup),
) {
    let arguments = std::env::var("SLUICEGATE_SIM").unwrap_or_default();
    let search = Search::parse(&arguments, seeds).expect("arguments of a search");
    if !search.wants(net) {
        return;
    }
    // Handlers panic as they should.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let outcome = search.run(most, run);
    std::panic::set_hook(hook);
    if let Err(failure) = outcome {
        let Failure { case, why, trace } = *failure;
        println!("{TRACE_COLUMNS}\n{}", trace.join("\n"));
        println!("FAILED: {why}\nreplay: cargo xtask sim --net {net} {case}");
        panic!("the net {net} failed");
    }
}

fn site(case: &Case, setup: Setup) {
    let paths = ["/", "/a.txt", "/dir", "/none", "/big.bin", "/echo", "/burn?us=2000", "/panic"];
    let more = ["/sleep?ms=30", "/net", "/sleep?ms=x", "/long.txt"];
    let paths: Vec<&str> = paths.into_iter().chain(more).collect();
    let seed = case.seed;
    let routes = ["echo", "burn", "sleep", "net", "panic"];
    let routes = routes.map(|h| format!("[[route]]\npath=\"/{h}\"\nhandler=\"{h}\"\n")).concat();
    let target = if seed.is_multiple_of(2) { "target = \"20ms\"\n" } else { "" };
    let routes = routes.replace("handler=\"burn\"\n", &format!("handler=\"burn\"\n{target}"));
    let troubles = |net: &_| case.left(Troubles::drawn(net, seed, case.troubles, &SPARED));
    let mut world = World::befallen(setup, troubles, seed, "", (&routes, None));
    world.files.write("long.txt", "text ".repeat(500));
    let mut random = Random::new(seed + 1);
    let (mut peers, mut lost): (Vec<SimPeer>, Vec<SimPeer>) = (Vec::new(), Vec::new());
    for _ in 0..case.flows {
        let n = random.below(peers.len() as u32 + 1) as usize;
        match random.below(14) {
            0..=2 => peers.push(world.net.connect(&world.site)),
            3 if n < peers.len() => peers.swap_remove(n).reset(),
            4 if n < peers.len() => drop(peers.swap_remove(n)),
            5 if n < peers.len() => peers[n].finish(),
            6 if n < peers.len() => drop(peers[n].recv()),
            7 if n < peers.len() => {
                peers[n].vanish();
                lost.push(peers.swap_remove(n));
            }
            8 => run(&mut world, Duration::from_millis(random.below(50).into())),
            _ if n < peers.len() => {
                let mut text = get(paths[random.below(paths.len() as u32) as usize]);
                if random.below(8) == 0 {
                    // Only a part of it.
                    text.truncate(random.below(text.len() as u32) as usize);
                }
                peers[n].send(text.as_bytes());
            }
            _ => {}
        }
        run(&mut world, Duration::from_millis(random.below(3).into()));
    }
    drop(peers);
    rest(&mut world);
    drop(lost);
}

/// Drains; then nothing may be left anywhere.
pub(super) fn rest(world: &mut World) {
    world.sim.drain();
    run(world, REST);
    let ledger = world.sim.ledger();
    assert!(ledger.balanced() && ledger.in_flight == 0 && ledger.places == 0, "{ledger:?}");
    let connections = world.watch.connections();
    assert!(connections.balanced() && connections.open == 0, "{connections:?}");
}

/// Runs for so long; both ledgers must be even after every batch.
pub(super) fn run(world: &mut World, span: Duration) {
    let end = world.sim.now() + span;
    loop {
        for step in 0.. {
            if !world.sim.step() {
                break;
            }
            assert!(step < STEPS, "the net does not rest");
            world.sim.assert_even();
            let connections = world.watch.connections();
            assert!(connections.balanced(), "{connections:?}");
        }
        if !world.sim.skip(end) {
            return;
        }
    }
}
