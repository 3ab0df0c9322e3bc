//! The queue for those who are no stage: nothing is lost in it, and it keeps what its laws say.

use super::{AdmissionQueue, Ask, Order, Place};
use crate::control::{Concurrency, Overload};
use crate::ledger::Why;
use crate::net::bounded;
use crate::time::{Time, ms};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

/// What is done to a queue.
#[derive(Clone, Debug)]
enum Step {
    /// One of this class and client asks, with so many milliseconds until its deadline.
    Offer(u8, u16, Option<u64>),
    Take,
    /// One of those that are served is done, or ends in another way.
    Done(usize, bool),
    /// One of those that wait leaves.
    Leave(usize),
    Concurrency(usize),
    /// So many milliseconds pass.
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let offer = (0_u8..3, 0_u16..4, prop::option::of(0_u64..60));
    prop_oneof![
        6 => offer.prop_map(|(class, client, deadline)| Step::Offer(class, client, deadline)),
        4 => Just(Step::Take),
        3 => (0_usize..8, any::<bool>()).prop_map(|(at, answered)| Step::Done(at, answered)),
        1 => (0_usize..8).prop_map(Step::Leave),
        1 => (0_usize..5).prop_map(Step::Concurrency),
        2 => (1_u64..30).prop_map(Step::Pass),
    ]
}

proptest! {
    #![proptest_config(crate::seeded())]

    #[test]
    fn each_that_asks_is_refused_waits_or_has_a_place_and_the_books_are_even(
        steps in prop::collection::vec(step(), 1..120),
    ) {
        const CAPACITY: usize = 6;
        let law = bounded(CAPACITY).order(Order::Fifo).admit(Overload::p99(ms(50)));
        let mut queue = AdmissionQueue::new(law, 2);
        let (mut now, mut places) = (Time(1), 2);
        let mut waiting: BTreeMap<u64, Ask> = BTreeMap::new();
        let mut served: Vec<Place> = Vec::new();
        let (mut offered, mut refused, mut finished, mut ended) = (0, 0, 0, 0);
        for (number, step) in (0_u64..).zip(steps) {
            let mut lost = Vec::new();
            match step {
                Step::Offer(class, client, deadline) => {
                    let deadline = deadline.map(|after| now + ms(after));
                    let ask = Ask { class, client, deadline };
                    offered += 1;
                    match queue.offer(now, ask, number) {
                        Ok(()) => prop_assert!(waiting.insert(number, ask).is_none()),
                        Err(_) => refused += 1,
                    }
                }
                Step::Take => {
                    let free = served.len() < places;
                    let best = waiting.values().map(|ask| ask.class).max();
                    let taken = queue.take(now);
                    lost.extend(queue.dropped());
                    match taken {
                        Some((number, place)) => {
                            prop_assert!(free, "there are no more places than were set");
                            let ask = waiting.remove(&number).expect("it waited");
                            prop_assert!(ask.deadline.is_none_or(|at| at >= now));
                            served.push(place);
                            prop_assert!(!lost.is_empty() || Some(ask.class) == best);
                        }
                        None => prop_assert!(!free || waiting.len() == lost.len()),
                    }
                }
                Step::Done(at, answered) if !served.is_empty() => {
                    let place = served.swap_remove(at % served.len());
                    queue.done(now, place, ms(0), (!answered).then_some(Why::Gone));
                    *(if answered { &mut finished } else { &mut ended }) += 1;
                }
                Step::Leave(at) if !waiting.is_empty() => {
                    let (&number, &ask) = waiting.iter().nth(at % waiting.len()).expect("one");
                    let left = queue.leave(now, ask, |other| *other == number);
                    prop_assert_eq!(left, Some(number));
                    prop_assert!(queue.leave(now, ask, |other| *other == number).is_none());
                    waiting.remove(&number);
                    refused += 1;
                }
                Step::Concurrency(n) => {
                    queue.set_concurrency(n);
                    places = n.max(1);
                }
                Step::Pass(for_ms) => {
                    now = now + ms(for_ms);
                    queue.tick(now);
                }
                Step::Done(..) | Step::Leave(_) => {}
            }
            lost.extend(queue.dropped());
            for (number, _) in lost {
                prop_assert!(waiting.remove(&number).is_some(), "who is dropped had waited");
                refused += 1;
            }
            let view = queue.view(now);
            let counted = (view.waiting, view.running, view.concurrency);
            prop_assert_eq!(counted, (waiting.len(), served.len(), places));
            prop_assert!(view.waiting <= CAPACITY);
            prop_assert_eq!(view.admission.offered, offered);
            prop_assert_eq!(view.admission.refused.total(), refused);
            prop_assert_eq!((view.finished, view.ended.total()), (finished, ended));
            prop_assert_eq!(queue.is_idle(), waiting.is_empty() && served.is_empty());
        }
    }
}

/// Serves a queue for `seconds` in steps of 1 ms, where `asked` come in each and one takes
/// `takes(running)`; how many were served in the last second, and the places then.
fn serve(
    queue: &mut AdmissionQueue<u64>,
    from: &mut Time,
    (seconds, asked): (u64, u64),
    takes: impl Fn(usize) -> u64,
) -> (u64, usize) {
    let mut served: Vec<(u64, Place)> = Vec::new();
    let mut before = 0;
    for step in 0..seconds * 1000 {
        *from = *from + ms(1);
        if step == (seconds - 1) * 1000 {
            before = queue.view(*from).finished;
        }
        for (left, _) in &mut served {
            *left -= 1;
        }
        for (_, place) in served.extract_if(.., |(left, _)| *left == 0) {
            queue.done(*from, place, ms(0), None);
        }
        for _ in 0..asked {
            // Who is refused is counted.
            let _ = queue.offer(*from, Ask::default(), step);
        }
        while let Some((_, place)) = queue.take(*from) {
            served.push((takes(served.len() + 1), place));
        }
        queue.tick(*from);
        queue.dropped().for_each(drop);
    }
    let now = *from;
    for (_, place) in served {
        queue.done(now, place, ms(0), None);
    }
    let view = queue.view(now);
    (view.finished - before, view.concurrency)
}

#[test]
fn what_waits_elsewhere_gets_more_places_and_a_calm_takes_none_away() {
    let law = bounded(1000).admit(Overload::p99(ms(50)));
    let mut queue = AdmissionQueue::new(law, Concurrency::from(2..=500).starting_at(8));
    let mut now = Time(0);
    // Two a millisecond, of 20 ms each, are 40 at once.
    let (served, places) = serve(&mut queue, &mut now, (10, 2), |_| 20);
    assert!(served > 1950, "{served}");
    assert!((40..90).contains(&places), "{places}");
    let (_, later) = serve(&mut queue, &mut now, (20, 0), |_| 20);
    assert_eq!(later, places);
    let refused = queue.view(now).admission.refused.total();
    serve(&mut queue, &mut now, (5, 2), |_| 20);
    assert_eq!(queue.view(now).admission.refused.total(), refused, "none after a calm");
}

#[test]
fn what_shares_something_gets_no_more_places_than_help() {
    let law = bounded(1000).admit(Overload::p99(ms(50)));
    let mut queue = AdmissionQueue::new(law, Concurrency::from(2..=500).starting_at(64));
    // Four at once are served in 4 ms each, and more only take turns.
    let (served, places) =
        serve(&mut queue, &mut Time(0), (30, 5), |running| running.max(4) as u64);
    assert!(served > 900, "{served}");
    assert!((3..12).contains(&places), "{places}");
}

#[test]
fn who_finds_a_free_place_is_let_in_but_threads_that_compute_leave_none() {
    // How many may enter after calls of 100 ms each, of which they used so much of a thread.
    let entered = |used: Duration| {
        let law = bounded(1000).admit(Overload::p99(ms(50)));
        let mut queue = AdmissionQueue::new(law, 16).threads(2);
        let mut now = Time(0);
        for number in 0..300 {
            queue.offer(now, Ask::default(), number).expect("nothing waits");
            let (_, place) = queue.take(now).expect("there are places");
            now = now + ms(100);
            queue.done(now, place, used, None);
            queue.tick(now);
        }
        (0..100).take_while(|n| queue.offer(now, Ask::default(), *n).is_ok()).count()
    };
    // Sixteen go at once; a sixteenth of 100 ms for each more is in half of the target.
    assert!((20..=21).contains(&entered(ms(0))), "{}", entered(ms(0)));
    assert_eq!(entered(ms(10)), entered(ms(0)), "two threads are enough for twenty");
    // Four go at once, and one more waits.
    assert!((5..=6).contains(&entered(ms(50))), "{}", entered(ms(50)));
    assert!((3..=4).contains(&entered(ms(100))), "{}", entered(ms(100)));
}

#[test]
fn a_closed_queue_ends_what_it_has_and_counts_whom_it_refuses() {
    let mut queue = AdmissionQueue::new(bounded(10), 1);
    let offer = |queue: &mut AdmissionQueue<u8>, n| queue.offer(Time(0), Ask::default(), n);
    assert_eq!((offer(&mut queue, 1), offer(&mut queue, 2)), (Ok(()), Ok(())));
    queue.close();
    assert_eq!(offer(&mut queue, 3), Err(Why::Draining));
    for n in [1, 2] {
        assert!(!queue.is_drained());
        let (body, place) = queue.take(Time(0)).expect("its turn comes");
        assert_eq!(body, n);
        queue.done(Time(0), place, ms(0), None);
    }
    let view = queue.view(Time(0));
    assert!(queue.is_drained() && view.draining);
    assert_eq!((view.admission.offered, view.admission.refused[Why::Draining]), (3, 1));
}

#[test]
fn its_settings_change_together_or_not_at_all() {
    let law = bounded(4).admit(Overload::p99(ms(50)));
    let mut queue = AdmissionQueue::new(law, 1);
    let told = |queue: &mut AdmissionQueue<u8>| -> Vec<String> {
        let each = queue.settings("a").into_iter();
        each.map(|one| format!("{} {} of {}", one.path, one.value, one.default)).collect()
    };
    let declared = ["stages.a.queue.capacity 4 of 4", "stages.a.gate.overload.target 50ms of 50ms"];
    assert_eq!(told(&mut queue), declared);
    let capacity = "stages.a.queue.capacity";
    let target = "stages.a.gate.overload.target";
    let wrong = [(capacity, 2.into()), (target, 0.into())];
    let fault = queue.check("a", &wrong).unwrap_err().to_string();
    assert!(fault.contains("accepted: 1µs to 3600s"), "{fault}");
    assert!(queue.change("a", &wrong).is_err() && queue.change("b", &wrong[..1]).is_err());
    assert_eq!(told(&mut queue), declared);

    queue.change("a", &[(capacity, 2.into()), (target, ms(20).into())]).unwrap();
    let changed = ["stages.a.queue.capacity 2 of 4", "stages.a.gate.overload.target 20ms of 50ms"];
    assert_eq!(told(&mut queue), changed);
    let _place = queue.offer(Time(0), Ask::default(), 0).map(|()| queue.take(Time(0)));
    let fits = (1..5).filter(|&n| queue.offer(Time(0), Ask::default(), n).is_ok()).count();
    assert_eq!(fits, 2);
    queue.tick(Time(0) + ms(10));
    assert_eq!(queue.view(Time(0)).admission.adjust.work, ms(20).mul_f64(0.65));
}
