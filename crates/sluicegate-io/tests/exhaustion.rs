//! Descriptors run out: new connections are refused, old ones served, and it passes. A process of
//! its own, for the real descriptors are taken from all of it.

mod common;

use common::real::{OnEpoll, OnUring, Real, uring_works};
use common::simulated::{SEEDS, Simulated, with_seed};
use common::{Setup, World, ask, even};

fn exhaustion_passes<W: World>() {
    let mut world = W::new(Setup::default());
    let mut first = world.connect();
    assert_eq!(ask(&mut world, &mut first, "echo before"), "before");
    for round in 1..4 {
        world.exhaust(1);
        let mut refused = world.connect();
        assert!(world.rest(&mut refused).bytes.is_empty());
        world.until(|conns| conns.shed == round);
        drop(refused);
        assert_eq!(ask(&mut world, &mut first, "echo meanwhile"), "meanwhile");
    }
    world.recover();
    let mut second = world.connect();
    assert_eq!(ask(&mut world, &mut second, "echo after"), "after");
    drop((first, second));
    world.until(|conns| conns.open == 0);
    let conns = even(world);
    assert_eq!((conns.opened, conns.shed), (2, 3), "{conns:?}");
    // It was tried again after a pause, not all the time.
    assert!(conns.starved <= 4, "{conns:?}");
}

#[test]
fn descriptors_come_back() {
    for seed in 0..SEEDS {
        with_seed(seed, exhaustion_passes::<Simulated>);
    }
    exhaustion_passes::<Real<OnEpoll>>();
    if uring_works() {
        exhaustion_passes::<Real<OnUring>>();
    }
}
