//! Faults of stages and domains: names, places, bounds.

use crate::case::{Case, End, Relay};
use sluicegate::{ExitFirst, Order, Priority, Threads, bounded, stage};

#[test]
fn n0001_two_stages_of_one_name() {
    let mut case = Case::new();
    case.net.add(stage("end", || End).on(case.cpu));
    assert_eq!(case.said(), ["N0001: two stages are called `end`; rename one of them"]);
}

#[test]
fn n0002_two_domains_of_one_name() {
    let mut case = Case::new();
    case.net.domain("cpu").pool(1);
    assert_eq!(case.said(), ["N0002: two domains are called `cpu`; rename one of them"]);
}

#[test]
fn n0003_a_stage_without_a_domain() {
    let mut case = Case::new();
    case.net.add(stage("lost", || End));
    assert_eq!(case.said(), ["N0003: stage `lost` is in no domain; place it with `.on(domain)`"]);
}

#[test]
fn n0004_a_domain_without_threads() {
    let said = "N0004: domain `none` has no thread; give it at least one thread: `4`, or `1..=4` \
                where it is a pool";
    let mut case = Case::new();
    case.net.domain("none").pinned(0);
    assert_eq!(case.said(), [said]);
    #[expect(clippy::reversed_empty_ranges)]
    for none in [Threads::from(0), Threads::from(0..=4), Threads::from(5..=4)] {
        let mut case = Case::new();
        case.net.domain("none").pool(none);
        assert_eq!(case.said(), [said], "{none:?}");
    }
}

#[test]
fn n0005_too_many_stages_in_a_domain() {
    let said = |domain, found, limit| {
        format!(
            "N0005: domain `{domain}` has {found} stages, {limit} are the most of its kind; move \
             some of its stages to another domain"
        )
    };
    let ends = |case: &mut Case, domain, ends| {
        for n in 0..ends {
            case.net.add(stage(&format!("{ends} ends, {n}"), || End).on(domain));
        }
    };
    let mut case = Case::new();
    let cpu = case.cpu;
    let pool = case.net.domain("pool").pool(1);
    let policy = case.net.domain("policy").policy(|| ExitFirst).pinned(1);
    let gated = case.net.domain("gated").pinned(1);
    let queue = bounded(8).order(Order::Lifo);
    case.net.add(stage("gate", || End).on(gated).queue(queue));
    ends(&mut case, cpu, 4031);
    ends(&mut case, pool, 64);
    ends(&mut case, policy, 65);
    ends(&mut case, gated, 63);
    assert_eq!(
        case.said(),
        [said("pool", 64, 63), said("policy", 65, 63), said("gated", 64, 63)],
        "4032 are not too many"
    );
    case.relay("one more");
    assert_eq!(case.said()[0], said("cpu", 4033, 4032));
}

#[test]
fn n0006_bounds_of_zero() {
    let mut case = Case::new();
    let zero = stage("zero", || Relay).on(case.cpu).queue(bounded(0)).batch(0).emits(0);
    let zero = case.net.add(zero);
    case.wire_end(zero.out);
    let said = ["queue", "batch", "emits"]
        .map(|bound| format!("N0006: the {bound} of `zero` is 0; give it at least 1"));
    assert_eq!(case.said(), said);
}

#[test]
fn n0016_a_net_too_large_for_its_numbers() {
    let mut case = Case::new();
    case.net.domain("vast").pool(70_000);
    let said = "N0016: the net has 70001 workers, 65527 are the most; \
                split the service into several nets or stages";
    assert_eq!(case.said(), [said]);
}

#[test]
fn n0018_a_policy_that_names_what_is_not_there() {
    let mut case = Case::new();
    let cpu = case.net.domain("other").policy(|| Priority::of(["first", "second"])).pinned(1);
    case.net.add(stage("first", || End).on(cpu));
    let said = "N0018: the policy of domain `other` does not fit: it names stage `second`, and the \
                domain has `first`; correct what the domain's `.policy(..)` makes";
    assert_eq!(case.said(), [said]);
}
