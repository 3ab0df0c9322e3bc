//! Traces of single flows: which are kept, and that their steps are what happened.

use crate::common::{
    Asked, Front, Lines, Log, Told, asker, busy_end, busy_pass, come_to_rest, settle_empty,
};
use crate::random::{drawn, whole};
use sluicegate::sim::Setup;
use sluicegate::{
    Batch, Capacity, Cx, Entering, Entry, Event, FlowTrace, Kept, Net, Order, Out, Sim, Stage,
    StepKind, Time, TraceParent, VirtualTime, Why, bounded, from_fn, ms, stage,
};
use std::sync::{Arc, Mutex};

/// `front`, a stage `slow` that takes 3 ms an event in batches of two, and back.
fn slow_net(flows: u64, time: &VirtualTime, log: &Log) -> Net {
    let mut net = Net::new("slow");
    let cpu = net.domain("cpu").pinned(1);
    let source = log.clone();
    let front = stage("front", move || Front::new(flows, &source).patient());
    let front = net.add(front.on(cpu).flows(flows as usize));
    let clock = time.clone();
    let slow = stage("slow", move || busy_pass(&clock, ms(3))).on(cpu).batch(2);
    let slow = net.add(slow.slice(ms(100)));
    net.wire(front.out, slow.inlet);
    net.wire(slow.out, front.inlet).returns(front.out);
    net
}

fn run(mut net: Net, time: &VirtualTime, settings: &[(&str, sluicegate::Value)]) -> Sim {
    net.change(settings).unwrap();
    let mut sim = Sim::with(net, Setup::seed(1).time(time)).unwrap();
    come_to_rest(&mut sim);
    sim
}

/// `stage kind queued started ended batch` in milliseconds.
fn told(flow: &FlowTrace) -> Vec<String> {
    let ms = |time: Time| time.since(Time(0)).as_millis();
    let step = |step: &sluicegate::FlowStep| {
        let ended = step.ended.map_or("-".to_owned(), |ended| ms(ended).to_string());
        let (stage, kind) = (&step.stage, step.kind.name());
        format!("{stage} {kind} {} {} {ended} {}", ms(step.queued), ms(step.started), step.batch)
    };
    flow.steps.iter().map(step).collect()
}

#[test]
fn a_flow_s_steps_are_the_lines_of_the_net() {
    let (time, lines) = (VirtualTime::default(), Lines::default());
    let mut net = slow_net(3, &time, &Log::default());
    net.change(&[("traces.one_in", 1.into())]).unwrap();
    let mut sim = Sim::with(net, lines.of(Setup::seed(1)).time(&time)).unwrap();
    settle_empty(&mut sim);
    let flows = sim.observer().flows();
    assert_eq!(flows.len(), 3);
    let paths: Vec<_> = flows.iter().map(told).collect();
    let path = |from, to, batch| {
        [
            "front entered 0 0 0 0".to_owned(),
            format!("slow handled 0 {from} {to} {batch}"),
            format!("front answered {to} 9 9 3"),
        ]
    };
    assert_eq!(paths, [path(0, 6, 2), path(0, 6, 2), path(6, 9, 1)]);
    assert_eq!(flows[0].steps[1].mates, [1]);
    assert_eq!(flows[1].steps[1].mates, [0]);
    assert_eq!(flows[2].steps[1].mates, [0_u64; 0]);
    assert_eq!((flows[2].total, flows[2].ended_in.as_str()), (ms(9), "front"));
    // Each step that began, and each that was over, is a line.
    let lines = lines.take();
    for step in flows.iter().flat_map(|flow| &flow.steps) {
        let line = |at: Time, what: &str| {
            let place = format!("{}\t{}/{}\t{}", at.0, step.domain, step.worker, step.stage);
            lines.iter().any(|line| line.starts_with(&format!("{place}\t{what}\t")))
        };
        let (first, last) = match step.kind {
            StepKind::Entered => ("entered", "entered"),
            _ => ("took", "handled"),
        };
        assert!(line(step.started, first), "{step:?} {lines:#?}");
        assert!(line(step.ended.unwrap(), last), "{step:?} {lines:#?}");
    }
}

#[test]
fn a_domain_that_looks_takes_no_place_of_what_is_looked_for() {
    let mut net = Net::new("watched");
    let [work, look] = [net.domain("work").pinned(1), net.domain("look").untraced().pinned(1)];
    let ends = [("end", work), ("show", look)];
    let entries = ends.map(|(name, on)| {
        let end = net.add(stage(name, || finish(3)).on(on).queue(bounded(512)));
        net.entry(end.inlet)
    });
    net.change(&[("traces.one_in", 1.into()), ("traces.failed", 1.into())]).unwrap();
    let mut sim = Sim::new(net, 1).unwrap();
    for entry in entries {
        (0..300).for_each(|n| assert!(entry.send(n).is_ok()));
        assert!(sim.settle(10_000));
    }
    let flows = sim.observer().flows();
    assert!(!flows.is_empty() && flows.iter().all(|flow| flow.ended_in == "end"), "{flows:?}");
    assert_eq!(flows.iter().filter(|flow| flow.kept == Kept::Sampled).count(), 64);
}

#[test]
fn nothing_is_kept_unless_it_is_set_and_it_can_be_set_while_the_net_runs() {
    let time = VirtualTime::default();
    let mut sim = run(slow_net(3, &time, &Log::default()), &time, &[]);
    assert!(sim.observer().flows().is_empty());

    let mut net = Net::new("door");
    let cpu = net.domain("cpu").pinned(1);
    let end = net.add(stage("end", || finish(3)).on(cpu));
    let entry = net.entry(end.inlet);
    let mut sim2 = Sim::new(net, 1).unwrap();
    let observer = sim2.observer();
    observer.change("", &[("traces.failed", 1.into())]).unwrap();
    for n in [3, 4] {
        assert!(entry.send(n).is_ok());
        assert!(sim2.settle(100));
    }
    let kept = observer.flows();
    assert_eq!(kept.len(), 1, "{kept:?}");
    let flow = &kept[0];
    assert_eq!((flow.kept, flow.why, &flow.source), (Kept::Failed, Some(Why::Refused), &None));
    assert_eq!((flow.ended_in.as_str(), flow.steps.len(), flow.number), ("end", 1, 1));
    settle_empty(&mut sim);
    let faults = observer.change("", &[("traces.failed", 0.5.into())]).unwrap_err();
    assert!(faults.to_string().contains("accepted: 0 to 1000000000 flows"), "{faults}");
}

/// Refuses one number and finishes all others.
fn finish(refused: u64) -> impl Stage<In = u64, Out = ()> {
    from_fn(move |batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
        for event in batch {
            match *event == refused {
                true => event.split().0.refuse(Why::Refused),
                false => event.split().0.finish(),
            }
        }
    })
}

/// A door to a stage that takes 3 ms for each of a batch of two.
fn door(time: &VirtualTime, queue: Capacity) -> (Net, Entry<u64>) {
    let mut net = Net::new("door");
    let cpu = net.domain("cpu").pinned(1);
    let clock = time.clone();
    let busy = move || busy_end(&clock, |_| ms(3), |tag, _| tag.finish());
    let end = net.add(stage("end", busy).on(cpu).queue(queue).batch(2).slice(ms(100)));
    let entry = net.entry(end.inlet);
    (net, entry)
}

#[test]
fn the_slow_are_kept_and_the_others_are_not() {
    let time = VirtualTime::default();
    let (mut net, entry) = door(&time, bounded(16));
    net.change(&[("traces.slow", ms(18).into())]).unwrap();
    let mut sim = Sim::with(net, Setup::seed(1).time(&time)).unwrap();
    (0..9).for_each(|n| assert!(entry.send(n).is_ok()));
    come_to_rest(&mut sim);
    let flows = sim.observer().flows();
    let slow: Vec<_> = flows.iter().map(|flow| (flow.flow, flow.kept, flow.total)).collect();
    let expected = [(4, 18), (5, 18), (6, 24), (7, 24), (8, 27)];
    assert_eq!(slow, expected.map(|(flow, took)| (flow, Kept::Slow, ms(took))));
}

/// Enters three flows, as parts of these traces.
struct Traced<F>(F);

impl<F: Fn(u64) -> Option<TraceParent> + Send + 'static> Stage for Traced<F> {
    type In = u64;
    type Out = Out<u64>;

    fn start(&mut self, cx: &mut Cx<'_, Out<u64>>) {
        for flow in 0..3 {
            let trace = (self.0)(flow);
            let tag = cx.enter(flow, Entering { trace, ..Entering::default() });
            cx.out.emit(tag.expect("there are places").with(flow));
        }
    }

    fn handle(&mut self, batch: Batch<'_, u64>, _: &mut Cx<'_, Out<u64>>) {
        batch.for_each(|event| event.split().0.finish());
    }
}

#[test]
fn whoever_asks_for_a_trace_has_the_path_kept_if_any_are() {
    for on in [false, true] {
        let mut net = Net::new("asked");
        let cpu = net.domain("cpu").pinned(1);
        let trace =
            |flow| Some(TraceParent { trace: 0xabc << 64 | 7, parent: 9, sampled: flow == 1 });
        let front = net.add(stage("front", move || Traced(trace)).on(cpu).flows(3));
        let time = VirtualTime::default();
        let clock = time.clone();
        let pass = net.add(stage("pass", move || busy_pass(&clock, ms(1))).on(cpu));
        net.wire(front.out, pass.inlet);
        net.wire(pass.out, front.inlet).returns(front.out);
        let mut sim = run(net, &time, &[("traces.failed", i32::from(on).into())]);
        // Its response time is that of the others.
        let response = &sim.snapshot().classes[0].response;
        assert_eq!(response.count(), 3);
        assert!(response.quantile(0.0) > 900_000, "none was answered within a millisecond");
        let flows = sim.observer().flows();
        assert_eq!(flows.len(), usize::from(on));
        for flow in flows {
            let trace = (flow.trace, flow.parent);
            assert_eq!((flow.flow, trace), (1, (0xabc << 64 | 7, Some(9))));
            assert_eq!(flow.kept, Kept::Sampled);
        }
    }
}

#[test]
fn what_a_handler_says_to_others_is_what_is_told_of_the_flow() {
    let came = |n: u64| {
        let trace = TraceParent { trace: u128::from(n) << 90, parent: n, sampled: n == 2 };
        (n > 0).then_some(trace)
    };
    // Chance chooses all flows, or none: then that is kept which was asked for.
    for (one_in, kept) in [(1, vec![0, 1, 2]), (0, vec![2])] {
        let said = Arc::new(Mutex::new(Vec::new()));
        let mut net = Net::new("out");
        let cpu = net.domain("cpu").pinned(1);
        let saying = Arc::clone(&said);
        let pass = move || {
            let said = Arc::clone(&saying);
            from_fn(move |batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
                for event in batch {
                    let (tag, n) = event.split();
                    // A second tag is of the same flow.
                    let second = tag.fork();
                    assert_eq!(tag.traceparent(came(n)), second.traceparent(came(n)));
                    second.finish();
                    said.lock().unwrap().push((n, tag.traceparent(came(n))));
                    cx.out.emit(tag.with(n));
                }
            })
        };
        let front = net.add(stage("front", move || Traced(came)).on(cpu).flows(3));
        let pass = net.add(stage("pass", pass).on(cpu));
        net.wire(front.out, pass.inlet);
        net.wire(pass.out, front.inlet).returns(front.out);
        let settings = [("traces.one_in", one_in.into()), ("traces.failed", 1.into())];
        let sim = run(net, &VirtualTime::default(), &settings);
        let (flows, said) = (sim.observer().flows(), said.lock().unwrap());
        assert_eq!(flows.iter().map(|flow| flow.flow).collect::<Vec<_>>(), kept);
        assert_eq!(said.len(), 3);
        for (n, said) in &*said {
            assert_eq!(said.sampled, kept.contains(n));
            let Some(flow) = flows.iter().find(|flow| flow.flow == *n) else { continue };
            assert_eq!((flow.trace, flow.span), (said.trace, said.parent));
            assert_eq!(flow.parent, came(*n).map(|came| came.parent));
            assert!(came(*n).is_none_or(|came| came.trace == flow.trace));
        }
    }
}

#[test]
fn a_question_about_a_flow_is_a_step_of_it() {
    let (time, log, mut net) = (VirtualTime::default(), Log::default(), Net::new("asks"));
    let cpu = net.domain("cpu").pinned(1);
    let front = stage("front", move || Front::new(2, &log).patient()).on(cpu).flows(2);
    let front = net.add(front);
    let asks = net.add(stage("asks", asker).on(cpu).queue(bounded(4)));
    let clock = time.clone();
    let oracle = move || {
        let clock = clock.clone();
        from_fn(move |batch: Batch<'_, Asked>, cx: &mut Cx<'_, Out<Told>>| {
            for event in batch {
                clock.spend(ms(5));
                cx.out.emit(event.map(|asked| Told(asked.0)));
            }
        })
    };
    let oracle = net.add(stage("oracle", oracle).on(cpu));
    net.wire(front.out, asks.inlet);
    net.wire(asks.out.ask, oracle.inlet).window(1);
    net.wire(oracle.out, asks.inlet).returns(asks.out.ask);
    net.wire(asks.out.go, front.inlet).returns(front.out);
    let sim = run(net, &time, &[("traces.one_in", 1.into())]);
    let flows = sim.observer().flows();
    let path = |began, over| {
        [
            "front entered 0 0 0 0".to_owned(),
            "asks handled 0 0 0 2".to_owned(),
            format!("oracle question {began} {began} {over} 1"),
            format!("asks answered {over} {over} {over} 1"),
            format!("front answered {over} 10 10 2"),
        ]
    };
    let paths: Vec<_> = flows.iter().map(told).collect();
    assert_eq!(paths, [path(0, 5), path(5, 10)]);
}

/// What must be so of each flow that is kept.
fn check(flow: &FlowTrace) {
    // Workers of a simulation have times of their own.
    let mut over = std::collections::BTreeMap::new();
    for step in &flow.steps {
        assert!(step.queued <= step.started, "{flow:#?}");
        let ended = step.ended.unwrap_or(step.started);
        assert!(step.started <= ended, "{flow:#?}");
        let over = over.entry((&step.domain, step.worker)).or_insert((flow.born, flow.born));
        assert!(over.0 <= step.started, "in order: {flow:#?}");
        over.0 = step.started;
        if !step.forked {
            assert!(over.1 <= step.started, "one after the other: {flow:#?}");
            over.1 = ended;
        }
        assert!(step.mates.len() <= 8 && step.batch >= step.mates.len(), "{flow:#?}");
    }
    let own = |step: &&sluicegate::FlowStep| !step.forked && step.kind != StepKind::Question;
    let last = flow.steps.iter().rfind(own);
    if flow.why.is_none() && flow.lost == 0 {
        assert_eq!(last.map(|step| &step.stage), Some(&flow.ended_in), "{flow:#?}");
    }
}

#[test]
fn in_any_net_the_steps_of_each_flow_are_in_order_and_end_where_the_ledger_says() {
    let (mut all, mut failed, mut questions, mut forked) = (0, 0, 0, 0);
    for seed in 0..60 {
        let time = VirtualTime::default();
        let mut net = drawn(&whole(seed), &time, &Log::default(), seed % 2 == 0);
        net.change(&[("traces.one_in", 1.into()), ("traces.failed", 1.into())]).unwrap();
        if seed % 4 < 2 {
            net.fuse();
        }
        let mut sim = Sim::with(net, Setup::seed(seed).time(&time)).unwrap();
        come_to_rest(&mut sim);
        let flows = sim.observer().flows();
        flows.iter().for_each(check);
        let (ledger, missed) = (sim.ledger(), sim.observer().flows_missed());
        let ended = ledger.finished + ledger.ended.total();
        assert_eq!(flows.len() as u64 + missed, ended, "seed {seed}: each is kept once");
        for view in sim.snapshot().stages {
            for why in Why::ALL.into_iter().filter(|_| missed == 0) {
                let here = |flow: &&FlowTrace| flow.why == Some(why) && flow.ended_in == view.name;
                let here = flows.iter().filter(here).count() as u64;
                assert_eq!(here, view.refused[why], "seed {seed}: {} of {}", why, view.name);
            }
        }
        all += flows.len();
        failed += flows.iter().filter(|flow| flow.why.is_some()).count();
        let steps = || flows.iter().flat_map(|flow| &flow.steps);
        questions += steps().filter(|step| step.kind == StepKind::Question).count();
        forked += steps().filter(|step| step.forked).count();
    }
    let seen = [all, failed, questions, forked];
    assert!(seen.into_iter().all(|seen| seen > 100), "{seen:?}");
}

/// Enters two flows, and sends a note before and after each.
struct Noting;

impl Stage for Noting {
    type In = u64;
    type Out = Out<u64>;

    fn start(&mut self, cx: &mut Cx<'_, Out<u64>>) {
        for flow in 0..2 {
            let tag = cx.enter(flow, Entering::default()).expect("there are places");
            cx.out.emit(Event::note(cx.worker(), flow));
            cx.out.emit(tag.with(flow));
            cx.out.emit(Event::note(cx.worker(), flow));
        }
    }

    fn handle(&mut self, batch: Batch<'_, u64>, _: &mut Cx<'_, Out<u64>>) {
        batch.for_each(|event| event.split().0.finish());
    }
}

#[test]
fn mates_are_flows_of_the_same_batch_alone() {
    for (batch, mates) in [(3, [vec![], vec![]]), (6, [vec![1], vec![0]])] {
        let mut net = Net::new("notes");
        let cpu = net.domain("cpu").pinned(1);
        let front = net.add(stage("front", || Noting).on(cpu).flows(2).batch(1).emits(6));
        let pass = net.add(stage("pass", crate::common::pass).on(cpu).batch(batch));
        net.wire(front.out, pass.inlet);
        net.wire(pass.out, front.inlet).returns(front.out);
        let sim = run(net, &VirtualTime::default(), &[("traces.one_in", 1.into())]);
        let passed = sim.observer().flows().into_iter().map(|flow| flow.steps[1].clone());
        let passed: Vec<_> = passed.map(|step| (step.stage, step.batch, step.mates)).collect();
        assert_eq!(passed, mates.map(|mates| ("pass".to_owned(), batch, mates)));
    }
}

#[test]
fn when_an_event_came_is_told_as_its_queue_knows_it() {
    for queue in [bounded(8), bounded(8).order(Order::Fifo)] {
        let time = VirtualTime::default();
        let (mut net, entry) = door(&time, queue);
        net.change(&[("traces.one_in", 1.into())]).unwrap();
        let mut sim = Sim::with(net, Setup::seed(1).time(&time)).unwrap();
        for n in 0..3 {
            assert!(entry.send(n).is_ok());
            time.advance(ms(1));
        }
        come_to_rest(&mut sim);
        let flows = sim.observer().flows();
        let steps: Vec<_> = flows.iter().flat_map(told).collect();
        let expected = ["end handled 0 3 9 2", "end handled 1 3 9 2", "end handled 2 9 12 1"];
        assert_eq!(steps, expected);
    }
}

#[test]
fn a_step_is_over_when_a_stage_begins_that_is_fused_to_its() {
    for [a, b] in [[3, 2], [0, 2], [3, 0]] {
        let (time, log, mut net) = (VirtualTime::default(), Log::default(), Net::new("row"));
        let cpu = net.domain("cpu").pinned(1);
        let front = stage("front", move || Front::new(2, &log).patient()).on(cpu).flows(2);
        let front = net.add(front);
        let mut last = front.out;
        for (name, cost) in [("a", a), ("b", b)] {
            let clock = time.clone();
            let next = stage(name, move || busy_pass(&clock, ms(cost))).on(cpu).slice(ms(100));
            let next = net.add(next);
            net.wire(last, next.inlet);
            last = next.out;
        }
        net.wire(last, front.inlet).returns(front.out);
        assert_eq!(net.fuse(), 2);
        let sim = run(net, &time, &[("traces.one_in", 1.into())]);
        let (a, b) = (2 * a, 2 * (a + b));
        let path = [
            "front entered 0 0 0 0".to_owned(),
            format!("a handled 0 0 {a} 2"),
            format!("b handled {a} {a} {b} 2"),
            format!("front answered {b} {b} {b} 2"),
        ];
        let flows = sim.observer().flows();
        assert_eq!(flows.iter().map(told).collect::<Vec<_>>(), [&path[..], &path[..]]);
    }
}

/// Lets a flow in when it starts and when one is answered, each with the number of the one before
/// and so many more. To answer takes 3 ms, and what comes after it 1 ms.
struct InTurn(VirtualTime, u64, u64);

impl InTurn {
    fn enter(&mut self, flow: u64, cx: &mut Cx<'_, Out<u64>>) {
        if self.1 > 0 {
            self.1 -= 1;
            let tag = cx.enter(flow, Entering::default()).expect("there is a place");
            cx.out.emit(tag.with(flow));
        }
    }
}

impl Stage for InTurn {
    type In = u64;
    type Out = Out<u64>;

    fn start(&mut self, cx: &mut Cx<'_, Out<u64>>) {
        self.enter(1, cx);
    }

    fn handle(&mut self, batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>) {
        for event in batch {
            let (tag, flow) = event.split();
            self.0.spend(ms(3));
            tag.finish();
            self.enter(flow + self.2, cx);
            self.0.spend(ms(1));
        }
    }
}

#[test]
fn a_flow_is_kept_whose_place_another_takes_in_the_run_in_which_it_ends() {
    for further in [0, 1, 4096] {
        let (time, mut net) = (VirtualTime::default(), Net::new("turns"));
        let cpu = net.domain("cpu").pinned(1);
        let clock = time.clone();
        let front = stage("front", move || InTurn(clock.clone(), 3, further)).on(cpu).flows(1);
        let front = net.add(front.slice(ms(100)));
        let pass = net.add(stage("pass", crate::common::pass).on(cpu));
        net.wire(front.out, pass.inlet);
        net.wire(pass.out, front.inlet).returns(front.out);
        let sim = run(net, &time, &[("traces.slow", ms(3).into())]);
        // One whose place another takes is over then, the others with their run.
        let over = if further % 4096 == 0 { [3, 7, 12] } else { [4, 8, 12] };
        let path = |began, at, over| {
            [
                format!("front entered {began} {began} {at} 0"),
                format!("pass handled {at} {at} {at} 1"),
                format!("front answered {at} {at} {over} 1"),
            ]
        };
        let expected = [path(0, 0, over[0]), path(0, 4, over[1]), path(4, 8, over[2])];
        let flows = sim.observer().flows();
        let paths: Vec<_> = flows.iter().map(told).collect();
        assert_eq!(paths, expected, "{further}");
        let total: Vec<_> = flows.iter().map(|flow| flow.born + flow.total).collect();
        assert_eq!(total, over.map(|over| Time(0) + ms(over)));
    }
}

/// Lets so many flows in and ends them at once, in one run that takes 2 ms.
struct AtOnce(VirtualTime, u64);

impl Stage for AtOnce {
    type In = u64;
    type Out = ();

    fn start(&mut self, cx: &mut Cx<'_, ()>) {
        for n in 0..self.1 {
            cx.enter(n, Entering::default()).expect("there is a place").finish();
        }
        self.0.spend(ms(2));
    }

    fn handle(&mut self, _: Batch<'_, u64>, _: &mut Cx<'_, ()>) {}
}

#[test]
fn flows_that_enter_and_end_in_one_run_are_kept_or_missed() {
    for many in [2, 10_000] {
        let (time, mut net) = (VirtualTime::default(), Net::new("once"));
        let cpu = net.domain("cpu").pinned(1);
        let clock = time.clone();
        net.add(stage("front", move || AtOnce(clock.clone(), many)).on(cpu).flows(1));
        let sim = run(net, &time, &[("traces.one_in", 1.into())]);
        let flows = sim.observer().flows();
        assert_eq!(flows.len() as u64 + sim.observer().flows_missed(), many);
        for flow in flows {
            let over = if many == 2 { 2 } else { 0 };
            assert_eq!(told(&flow), [format!("front entered 0 0 {over} 0")]);
            assert_eq!((flow.total, &*flow.ended_in), (ms(over), "front"));
        }
    }
}

#[test]
fn each_end_of_a_run_is_looked_at_however_many_there_are() {
    const MANY: usize = 6000;
    let mut net = Net::new("many");
    let cpu = net.domain("cpu").pinned(1);
    let end = stage("end", || finish(u64::MAX)).on(cpu).queue(bounded(MANY)).batch(MANY);
    let end = net.add(end.slice(ms(100)));
    let entry = net.entry(end.inlet);
    net.change(&[("traces.one_in", 1.into())]).unwrap();
    let mut sim = Sim::new(net, 1).unwrap();
    (0..MANY as u64).for_each(|n| assert!(entry.send(n).is_ok()));
    assert!(sim.settle(10_000));
    let observer = sim.observer();
    assert_eq!(observer.flows().len() as u64 + observer.flows_missed(), MANY as u64);
}
