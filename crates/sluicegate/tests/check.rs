//! Every fault of a net is found before it runs, all at once, each with its number and its cure.
#![forbid(unsafe_code)]

use sluicegate::{
    Batch, Cx, Domain, ExitFirst, Inlet, Letter, Limit, Net, Node, OnFull, Order, Out, Outlet,
    Priority, Stage, Supervision, Threads, bounded, from_fn, stage,
};
use sluicegate_macros::Ports;

#[derive(Ports)]
struct Two {
    a: Out<u64>,
    b: Out<u64>,
}

struct Relay;

impl Stage for Relay {
    type In = u64;
    type Out = Out<u64>;
    fn handle(&mut self, batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>) {
        for event in batch {
            cx.out.emit(event);
        }
    }
}

struct Road;

impl Stage for Road {
    type In = u64;
    type Out = Two;
    fn handle(&mut self, batch: Batch<'_, u64>, cx: &mut Cx<'_, Two>) {
        for event in batch {
            cx.out.a.emit(event);
        }
    }
}

struct End;

impl Stage for End {
    type In = u64;
    type Out = ();
    fn handle(&mut self, batch: Batch<'_, u64>, _: &mut Cx<'_, ()>) {
        for event in batch {
            event.split().0.finish();
        }
    }
}

/// A net with a domain and an end, to which each test adds its fault.
struct Case {
    net: Net,
    cpu: Domain,
    end: Node<End>,
}

impl Case {
    fn new() -> Self {
        let mut net = Net::new("case");
        let cpu = net.domain("cpu").pinned(1);
        let end = net.add(stage("end", || End).on(cpu));
        Self { net, cpu, end }
    }

    fn relay(&mut self, name: &str) -> Node<Relay> {
        self.net.add(stage(name, || Relay).on(self.cpu))
    }

    fn road(&mut self) -> Node<Road> {
        self.net.add(stage("road", || Road).on(self.cpu))
    }

    fn wire_end(&mut self, from: Outlet<u64>) -> sluicegate::Wire<'_, u64> {
        self.net.wire(from, self.end.inlet)
    }

    /// What the check says, a line a fault, but for the page that each names.
    fn said(&self) -> Vec<String> {
        match self.net.check() {
            Ok(()) => Vec::new(),
            Err(faults) => {
                assert_eq!(faults.to_string().lines().count(), faults.0.len());
                let mut said = Vec::new();
                for (fault, line) in faults.0.iter().zip(faults.to_string().lines()) {
                    let page = format!(" (see {})", fault.page());
                    let line = line.strip_suffix(&page).expect("it names its page at the end");
                    assert!(line.starts_with(fault.code()) && line.ends_with(fault.cure()));
                    said.push(line.to_owned());
                }
                said
            }
        }
    }
}

#[test]
fn a_sound_net_has_none() {
    let mut case = Case::new();
    let relay = case.relay("relay");
    case.wire_end(relay.out);
    assert_eq!(case.said(), [""; 0]);
}

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
fn n0007_a_port_without_a_wire() {
    let mut case = Case::new();
    let road = case.road();
    case.wire_end(road.out.a);
    let said = "N0007: port `road.b` has no wire; join it to an inlet with `net.wire(..)`, \
                or say with `net.seal(..)` that nothing is sent";
    assert_eq!(case.said(), [said]);
}

#[test]
fn n0008_a_port_with_two_wires() {
    let mut case = Case::new();
    let relay = case.relay("relay");
    case.wire_end(relay.out);
    case.wire_end(relay.out);
    let said = "N0008: port `relay.out` has more than one wire; \
                keep one wire; to send to two stages give the wire a `.tee(inlet)`, or the stage \
                two ports";
    assert_eq!(case.said(), [said]);
}

#[test]
fn n0009_a_circle_of_waits() {
    let mut case = Case::new();
    let names = ["a", "b", "c"];
    let [a, b, c] = names.map(|name| case.relay(name));
    case.net.wire(a.out, b.inlet);
    case.net.wire(b.out, c.inlet);
    case.net.wire(c.out, a.inlet);
    let itself = case.relay("itself");
    case.net.wire(itself.out, itself.inlet);
    let cure = "give the wire that asks a `.window(n)` and mark the one that answers with \
                `.returns(port)`, or let one wire of the circle shed or divert";
    let said = ["`a` -> `b` -> `c` -> `a`", "`itself` -> `itself`"]
        .map(|circle| format!("N0009: stages wait for each other in a circle: {circle}; {cure}"));
    assert_eq!(case.said(), said);
}

#[test]
fn a_circle_that_sheds_somewhere_is_none() {
    for on_full in [OnFull::ShedNewest, OnFull::ShedOldest] {
        let mut case = Case::new();
        let (a, b) = (case.relay("a"), case.relay("b"));
        case.net.wire(a.out, b.inlet);
        case.net.wire(b.out, a.inlet).on_full(on_full);
        assert_eq!(case.said(), [""; 0]);
    }
}

#[test]
fn a_circle_that_diverts_into_a_wait_is_one() {
    let mut case = Case::new();
    let (road, back) = (case.road(), case.relay("back"));
    case.wire_end(road.out.a).divert(road.out.b);
    case.net.wire(road.out.b, back.inlet);
    case.net.wire(back.out, road.inlet);
    assert!(case.said()[0].starts_with("N0009"), "{:?}", case.said());
}

#[test]
fn n0010_a_window_without_answers() {
    let mut case = Case::new();
    let relay = case.relay("relay");
    case.wire_end(relay.out).window(4);
    let said = "N0010: the wire from `relay.out` has a window, but no wire returns to it; mark the \
                wire that brings the answers with `.returns(port)`, or drop the window";
    assert_eq!(case.said(), [said]);
}

#[test]
fn n0011_answers_without_places() {
    let mut case = Case::new();
    let (asks, tells) = (case.relay("asks"), case.relay("tells"));
    case.net.wire(asks.out, tells.inlet);
    case.net.wire(tells.out, asks.inlet).returns(asks.out);
    let said = "N0011: the wire from `tells.out` returns to `asks.out`, which keeps no places for \
                answers; give the wire of the asking port a `.window(n)`, or make the stage that \
                asks a source with `.flows(n)`";
    assert_eq!(case.said(), [said]);
}

#[test]
fn n0012_answers_to_another_stage() {
    let mut case = Case::new();
    let (asks, tells) = (case.relay("asks"), case.relay("tells"));
    case.net.wire(asks.out, tells.inlet);
    case.wire_end(tells.out).returns(asks.out);
    let said = "N0012: the wire from `tells.out` leads to `end`, but returns to `asks.out`; \
                name a port of the stage that the wire leads to";
    assert_eq!(case.said(), [said]);
}

#[test]
fn n0013_a_source_in_a_pool() {
    let mut case = Case::new();
    let pool = case.net.domain("pool").pool(1);
    let relay = case.net.add(stage("relay", || Relay).on(pool).flows(1));
    case.wire_end(relay.out);
    let asks = case.net.add(stage("asks", || Relay).on(pool));
    let tells = case.relay("tells");
    case.net.wire(asks.out, tells.inlet).window(1);
    case.net.wire(tells.out, asks.inlet).returns(asks.out);
    let said = ["relay", "asks"].map(|name| {
        format!(
            "N0013: stage `{name}` of a pool is a source or asks over a window; \
             move it to a pinned domain: answers must find the replica that asked"
        )
    });
    assert_eq!(case.said(), said);
}

#[test]
fn n0014_a_diversion_to_nowhere() {
    let mut case = Case::new();
    let (relay, road) = (case.relay("relay"), case.road());
    case.wire_end(relay.out).divert(relay.out);
    case.wire_end(road.out.a).divert(relay.out);
    case.wire_end(road.out.b);
    let said = ["relay.out", "road.a"].map(|port| {
        format!(
            "N0014: the wire from `{port}` does not divert to another port of its stage; \
             divert to another port of the same stage"
        )
    });
    assert_eq!(case.said(), said);
}

#[test]
fn n0015_a_diversion_without_a_port() {
    let mut case = Case::new();
    let relay = case.relay("relay");
    case.wire_end(relay.out).on_full(OnFull::Divert);
    let said = "N0015: the wire from `relay.out` diverts, but not where to; \
                say where with `.divert(port)`";
    assert_eq!(case.said(), [said]);
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
fn n0017_diversions_in_a_circle() {
    let mut case = Case::new();
    let road = case.road();
    case.wire_end(road.out.a).divert(road.out.b);
    case.wire_end(road.out.b).divert(road.out.a);
    let said = ["a", "b"].map(|port| {
        format!(
            "N0017: what the wire from `road.{port}` diverts comes back to it; \
             let one wire of the circle wait or shed"
        )
    });
    assert_eq!(case.said(), said);
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

/// A stage for letters of numbers.
fn letters(case: &mut Case) -> Inlet<Letter<u64>> {
    let read = stage("read", || {
        from_fn(|batch: Batch<'_, Letter<u64>>, _: &mut Cx<'_, ()>| {
            batch.for_each(|event| event.split().0.finish());
        })
    });
    case.net.add(read.on(case.cpu)).inlet
}

#[test]
fn n0021_a_wire_for_letters_that_does_not_just_shed() {
    for n in 0..3 {
        let mut case = Case::new();
        let (to, end) = (letters(&mut case), case.end);
        let wire = case.net.wire(end.letters, to);
        match n {
            0 => _ = wire.on_full(OnFull::Wait),
            1 => _ = wire.window(4),
            _ => {}
        }
        let said = [
            "N0021: the wire from `end.letters` does not just shed letters for want of room; have \
             it shed, without `.window(n)` and `.divert(port)`, and lead it to another stage: one \
             that panicked must neither wait nor get its own letters",
        ];
        assert_eq!(case.said(), if n < 2 { &said[..] } else { &[] });
    }
}

/// A letter, or what a letter is about.
#[derive(Clone)]
struct Any;

impl From<Letter<Any>> for Any {
    fn from(_: Letter<Any>) -> Self {
        Any
    }
}

#[test]
fn letters_may_be_copied_but_not_to_the_stage_itself() {
    let mut case = Case::new();
    let any = || {
        from_fn(|batch: Batch<'_, Any>, _: &mut Cx<'_, ()>| {
            batch.for_each(|event| event.split().0.finish());
        })
    };
    let [one, two, three] =
        ["one", "two", "three"].map(|name| case.net.add(stage(name, any).on(case.cpu)));
    case.net.wire(one.letters, two.inlet).tap(three.inlet);
    case.net.wire(two.letters, one.inlet).tee(three.inlet);
    assert_eq!(case.said(), [""; 0]);
    case.net.wire(three.letters, one.inlet).tap(three.inlet);
    assert!(
        case.said()[0].starts_with("N0021: the wire from `three.letters`"),
        "{:?}",
        case.said()
    );
}

#[test]
fn n0022_a_stage_that_diverts_without_a_wire_for_letters() {
    let mut case = Case::new();
    let relay = stage("sick", || End).on(case.cpu);
    let relay = case.net.add(relay.supervise(Supervision::default().divert()));
    let said = "N0022: stage `sick` diverts letters, but has no wire for them; wire its `letters` \
                port, or take `.divert()` out of its supervision";
    assert_eq!(case.said(), [said]);
    let to = letters(&mut case);
    case.net.wire(relay.letters, to);
    assert!(case.said().is_empty());
    case.net.wire(relay.letters, to);
    assert_eq!(case.said()[0][..38], *"N0008: port `sick.letters` has more th");
}

#[test]
fn n0019_wires_that_cannot_be_fused() {
    let said = |why: &str, from: &str| {
        vec![format!(
            "N0019: the wire from `{from}.out` cannot be fused: {why}; leave out `.fused()`"
        )]
    };
    let mut case = Case::new();
    let pool = case.net.domain("pool").pool(1);
    let far = case.net.add(stage("far", || Relay).on(pool));
    case.wire_end(far.out).fused();
    assert_eq!(case.said(), said("its stages are not in one pinned domain", "far"));

    let mut case = Case::new();
    let gated = stage("gated", || End).on(case.cpu).queue(bounded(1).admit(Limit::of(1)));
    let gated = case.net.add(gated);
    let relay = case.relay("relay");
    case.net.wire(relay.out, gated.inlet).fused();
    let why = "its inlet has a gate or an order, which needs a queue";
    assert_eq!(case.said(), said(why, "relay"));
}

#[test]
fn n0020_stages_fused_in_a_circle() {
    let mut case = Case::new();
    let (a, b) = (case.relay("a"), case.relay("b"));
    case.net.wire(a.out, b.inlet).on_full(OnFull::ShedNewest).fused();
    case.net.wire(b.out, a.inlet).fused();
    let said = "N0020: stages are fused in a circle: `a` -> `b` -> `a`; leave out `.fused()` at \
                one wire of the circle";
    assert_eq!(case.said(), [said]);
}

#[test]
fn n0023_a_route_that_cannot_be_chosen() {
    let mut case = Case::new();
    let pool = case.net.domain("pool").pool(2);
    let disk = case.net.add(stage("disk", || End).on(pool));
    let (asks, tells, relay) = (case.relay("asks"), case.relay("tells"), case.relay("relay"));
    case.net.wire(asks.out, tells.inlet).window(1);
    case.net.wire(tells.out, asks.inlet).returns(asks.out).keyed(|n| *n);
    case.net.wire(relay.out, disk.inlet).balanced();
    let cure = "drop its `.keyed(..)` or `.balanced()`";
    let said = [
        "`tells.out` is keyed, but brings answers, which go to the replica that asked",
        "`relay.out` is balanced, but the threads of the pool of `disk` share one queue",
    ];
    assert_eq!(case.said(), said.map(|said| format!("N0023: the wire from {said}; {cure}")));
}

#[test]
fn n0024_a_tee_that_cannot_give_to_all_or_none() {
    let mut case = Case::new();
    let gate = stage("gate", || End).on(case.cpu).queue(bounded(4).order(Order::Lifo));
    let gate = case.net.add(gate).inlet;
    let other = case.net.add(stage("other", || End).on(case.cpu)).inlet;
    let relays = ["a", "b", "c", "asks", "tells"].map(|name| case.relay(name));
    let [a, b, c, asks, tells] = relays.map(|relay| relay.out);
    case.wire_end(a).tee(gate);
    case.wire_end(b).tee(other).tap(gate).tee(other);
    case.wire_end(c).tee(other).on_full(OnFull::ShedOldest);
    case.net.wire(asks, relays[4].inlet).window(1).tee(other);
    case.net.wire(tells, relays[3].inlet).returns(asks).tee(other);
    let cure = "make it a `.tap(inlet)`, which gets what it has room for, or give the stage a \
                second port and send a fork there";
    let said = [
        "`a.out` has a tee, but `gate` chooses among its events",
        "`b.out` leads to `other` twice",
        "`c.out` has a tee, but sheds the oldest",
        "`asks.out` has a tee, but asks over a window",
        "`tells.out` has a tee, but brings answers, which never wait",
    ];
    assert_eq!(case.said(), said.map(|said| format!("N0024: the wire from {said}; {cure}")));
}

#[test]
fn a_tap_fits_any_wire_and_a_tee_can_close_a_circle() {
    let mut case = Case::new();
    let gate = stage("gate", || End).on(case.cpu).queue(bounded(4).order(Order::Lifo));
    let gate = case.net.add(gate).inlet;
    let (asks, tells) = (case.relay("asks"), case.relay("tells"));
    case.net.wire(asks.out, tells.inlet).window(1).tap(gate);
    case.net.wire(tells.out, asks.inlet).returns(asks.out).tap(gate);
    let (a, b) = (case.relay("a"), case.relay("b"));
    case.net.wire(a.out, b.inlet);
    case.wire_end(b.out).on_full(OnFull::ShedOldest).tap(a.inlet);
    assert_eq!(case.said(), [""; 0]);
    let c = case.relay("c");
    case.wire_end(c.out).tee(c.inlet);
    assert!(case.said()[0].starts_with("N0009"), "{:?}", case.said());
}

#[test]
fn all_faults_are_named_at_once_and_the_net_does_not_start() {
    let mut case = Case::new();
    case.net.domain("cpu").pinned(0);
    case.net.add(stage("end", || from_fn(|_: Batch<'_, u64>, _: &mut Cx<'_, Two>| {})));
    let relay = case.relay("relay");
    case.wire_end(relay.out).window(0);
    let codes: Vec<String> = case.said().iter().map(|line| line[..5].to_owned()).collect();
    let expected = ["N0001", "N0002", "N0004", "N0003", "N0007", "N0007", "N0006", "N0010"];
    assert_eq!(codes, expected);
    let Err(error) = case.net.run() else { panic!("it must not start") };
    assert_eq!(error.to_string().lines().count(), 1 + expected.len());
}
