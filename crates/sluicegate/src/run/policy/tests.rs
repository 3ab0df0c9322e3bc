//! Each policy against what it promises, over drawn arrivals and costs.

use super::*;
use crate::seeded;
use crate::time::ms;
use proptest::prelude::*;

/// The stages of a worker without anything behind them.
#[derive(Default)]
struct Model {
    /// When the events came that wait.
    queues: Vec<Vec<Time>>,
    flags: u64,
    held: u64,
    now: Time,
    ran: Option<Ran>,
}

impl Waits for Model {
    fn waiting(&self, n: usize) -> Waiting {
        Waiting { events: self.queues[n].len(), urgent: self.flags & 1 << n != 0 }
    }

    fn oldest(&self, n: usize) -> Option<Time> {
        self.queues[n].first().copied()
    }
}

impl Model {
    fn of(stages: usize) -> Self {
        Self { queues: vec![Vec::new(); stages], ..Self::default() }
    }

    fn all(&self) -> Ready {
        let queues = self.queues.iter().enumerate();
        Ready(queues.fold(self.flags, |bits, (n, queue)| bits | u64::from(!queue.is_empty()) << n))
    }

    /// What may run.
    fn ready(&self) -> Ready {
        Ready(self.all().0 & !self.held)
    }

    fn ask(&mut self, policy: &mut impl Policy) -> Next {
        let (ready, held) = (self.ready(), Ready(self.all().0 & self.held));
        let ran = self.ran.take().unwrap_or(Ran::NONE);
        policy.next(ready, &Stages { now: self.now, held, ran: &ran, replicas: self })
    }

    fn come(&mut self, n: usize, events: usize) {
        self.queues[n].extend(vec![self.now; events]);
    }

    /// Runs a stage for so many events, which takes so long.
    fn run(&mut self, stage: usize, events: usize, time: Duration) {
        let events = events.min(self.queues[stage].len());
        self.queues[stage].drain(..events);
        self.flags &= !(1 << stage);
        self.now = self.now + time;
        self.ran = Some(Ran { stage, events, time });
    }
}

/// A policy that was told of so many stages.
fn started<P: Policy>(mut policy: P, stages: usize) -> P {
    let names: Vec<String> = (0..stages).map(|n| format!("stage {n}")).collect();
    policy.start(&names.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
    policy
}

const STAGES: usize = 5;
const MOST_SHARE: u32 = 1000;

/// What happens before one choice: events for stages, flags, who is held, and how long and how
/// much the next run takes.
#[derive(Clone, Debug)]
struct Step {
    come: Vec<usize>,
    flags: u64,
    held: u64,
    events: usize,
    time: Duration,
}

prop_compose! {
    fn step(most: usize)(
        come in prop::collection::vec(prop_oneof![3 => Just(0), 1 => 0..=most], STAGES),
        flags in prop_oneof![3 => Just(0), 1 => 0..1_u64 << STAGES],
        held in prop_oneof![3 => Just(0), 1 => 0..1_u64 << STAGES],
        events in 1..5_usize,
        micros in 1..1000_u64,
    ) -> Step {
        Step { come, flags, held, events, time: Duration::from_micros(micros) }
    }
}

impl Step {
    fn apply(&self, model: &mut Model) {
        self.come.iter().enumerate().for_each(|(n, &events)| model.come(n, events));
        model.flags |= self.flags;
        model.held = self.held;
    }
}

fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(most), 1..80)
}

proptest! {
    #![proptest_config(seeded())]

    #[test]
    fn fifo_is_the_order_of_becoming_ready(steps in steps(3)) {
        let (mut model, mut fifo) = (Model::of(STAGES), Fifo::default());
        // The naive model: a number for each stage that is ready, given when it became so.
        let (mut became, mut next_number) = ([None; STAGES], 0);
        for step in steps {
            step.apply(&mut model);
            if model.ready().0 == 0 {
                continue;
            }
            for (n, became) in became.iter_mut().enumerate() {
                if model.all().contains(n) && became.is_none() {
                    *became = Some(next_number);
                    next_number += 1;
                }
            }
            let first = model.ready().iter().min_by_key(|&n| became[n]);
            prop_assert_eq!(model.ask(&mut fifo), first.into());
            let first = first.unwrap();
            became[first] = None;
            model.run(first, step.events, step.time);
        }
    }

    #[test]
    fn shares_are_kept_between_those_that_have_work(
        steps in steps(3),
        shares in prop::collection::vec(1..=MOST_SHARE, STAGES),
    ) {
        let names = ["stage 0", "stage 1", "stage 2", "stage 3", "stage 4"];
        let policy = Shares::of(names.into_iter().zip(shares.iter().copied()));
        let (mut model, mut policy) = (Model::of(STAGES), started(policy, STAGES));
        let per_share = |n: usize, time: Duration| time.as_secs_f64() / f64::from(shares[n]);
        // For each two, how far they are apart since both have had something to do.
        let mut apart = [[None; STAGES]; STAGES];
        let mut longest = [0.0_f64; STAGES];
        for step in steps {
            // What is held gets nothing, and is no promise of the shares.
            Step { held: 0, ..step.clone() }.apply(&mut model);
            let ready = model.ready();
            if ready.0 == 0 {
                continue;
            }
            for (n, m) in (0..STAGES).flat_map(|n| (0..n).map(move |m| (n, m))) {
                let both = ready.contains(n) && ready.contains(m);
                apart[n][m] = both.then(|| apart[n][m].unwrap_or(0.0));
            }
            let Next::Run(next) = model.ask(&mut policy) else { panic!("some are ready") };
            prop_assert!(ready.contains(next));
            let got = per_share(next, step.time);
            longest[next] = longest[next].max(got);
            model.run(next, step.events, step.time);
            for (n, m) in (0..STAGES).flat_map(|n| (0..n).map(move |m| (n, m))) {
                let Some(apart) = &mut apart[n][m] else { continue };
                *apart += if next == n { got } else if next == m { -got } else { 0.0 };
                let bound = longest[n] + longest[m];
                prop_assert!(apart.abs() <= bound * 1.001 + 1e-9, "{apart} of {bound}");
            }
        }
    }

    #[test]
    fn the_longest_queue_is_longest_but_for_who_was_passed_over(steps in steps(20)) {
        let (mut model, mut policy) = (Model::of(STAGES), started(LongestQueue::default(), STAGES));
        let mut passed = [0; STAGES];
        let mut most = 0;
        for step in steps {
            Step { held: 0, ..step.clone() }.apply(&mut model);
            let ready = model.ready();
            if ready.0 == 0 {
                continue;
            }
            let lengths: Vec<usize> = model.queues.iter().map(Vec::len).collect();
            most = most.max(lengths.iter().copied().max().unwrap_or(0));
            let Next::Run(next) = model.ask(&mut policy) else { panic!("some are ready") };
            let weight = |n: usize| lengths[n] + passed[n];
            prop_assert!(ready.iter().all(|n| weight(next) >= weight(n)));
            for n in ready.iter() {
                passed[n] = if n == next { 0 } else { passed[n] + 1 };
                prop_assert!(passed[n] <= most + STAGES, "passed over {} times", passed[n]);
            }
            model.run(next, step.events, step.time);
        }
    }

    #[test]
    fn a_cohort_waits_for_enough_or_long_enough(steps in steps(6)) {
        let longest = ms(2);
        let (mut model, mut policy) = (Model::of(STAGES), started(Cohort::new(longest), STAGES));
        // Since when each could have run, and did not.
        let mut since = [None; STAGES];
        for step in steps {
            step.apply(&mut model);
            let ready = model.ready();
            if ready.0 == 0 {
                continue;
            }
            for n in ready.iter() {
                since[n].get_or_insert(model.now);
            }
            let oldest = ready.iter().filter_map(|n| since[n]).min().unwrap();
            match model.ask(&mut policy) {
                Next::Run(next) => {
                    prop_assert!(ready.contains(next));
                    // Nobody who has waited for long enough is passed over for one who has not.
                    let first = since[next].unwrap();
                    prop_assert!(oldest + longest > model.now || first <= oldest
                        || model.oldest(next).is_some_and(|came| came <= oldest));
                    since[next] = None;
                    model.run(next, step.events, step.time);
                }
                Next::Wait(until) => {
                    prop_assert!(until > model.now && until <= oldest + longest);
                    prop_assert!(ready.iter().all(|n| !model.waiting(n).urgent));
                    prop_assert!(ready.iter().all(|n| model.oldest(n).is_some()));
                    model.now = model.now + step.time;
                }
                Next::Look => panic!("it knows what it wants"),
            }
        }
    }
}

#[test]
fn who_was_idle_has_saved_nothing_up() {
    let mut policy = started(Shares::of([("stage 0", 100), ("stage 1", 100)]), 2);
    let mut model = Model::of(2);
    model.come(0, 1000);
    for _ in 0..100 {
        assert_eq!(model.ask(&mut policy), Next::Run(0));
        model.run(0, 1, ms(1));
    }
    // The other was idle for 100 ms: it goes first, and from then on they take turns.
    model.come(1, 1000);
    let mut turns = [0, 0];
    for n in 0..100 {
        let Next::Run(next) = model.ask(&mut policy) else { panic!("both are ready") };
        assert!(n > 0 || next == 1, "it does not have to wait for long either");
        turns[next] += 1;
        model.run(next, 1, ms(1));
    }
    assert_eq!(turns, [50, 50]);
}

#[test]
fn one_long_batch_is_paid_for_and_no_more() {
    let mut policy = started(Shares::of([("stage 0", 10), ("stage 1", 1000)]), 2);
    let mut model = Model::of(2);
    model.come(0, 1000);
    model.come(1, 100_000);
    assert_eq!(model.ask(&mut policy), Next::Run(0));
    model.run(0, 1, ms(3));
    // Its 3 ms are worth 300 ms of the other one.
    let mut between = 0;
    while model.ask(&mut policy) == Next::Run(1) {
        model.run(1, 1, ms(1));
        between += 1;
    }
    assert_eq!(between, 300, "at the same time the one nearest to the exit goes");
}

#[test]
fn priority_is_the_order_that_was_said() {
    let mut policy = started(Priority::of(["stage 3", "stage 1"]), STAGES);
    let mut model = Model::of(STAGES);
    (0..STAGES).for_each(|n| model.come(n, 2));
    let mut order = Vec::new();
    while model.ready().0 != 0 {
        let Next::Run(next) = model.ask(&mut policy) else { panic!("some are ready") };
        order.push(next);
        model.run(next, 1, ms(1));
    }
    assert_eq!(order, [3, 3, 1, 1, 0, 0, 2, 2, 4, 4]);
}

#[test]
fn a_policy_says_what_does_not_fit() {
    let stages = ["read", "write"];
    let said = |policy: &mut dyn Policy| policy.start(&stages).unwrap_err();
    let unknown = "it names stage `wirte`, and the domain has `read`, `write`";
    assert_eq!(said(&mut Priority::of(["read", "wirte"])), unknown);
    assert_eq!(said(&mut Shares::of([("wirte", 10)])), unknown);
    assert_eq!(said(&mut Priority::of(["read", "read"])), "it names stage `read` twice");
    let outside = "it gives stage `read` 1001, and shares are 1 to 1000";
    assert_eq!(said(&mut Shares::of([("read", 1001)])), outside);
}
