//! Links over several queues: what has a place gets in, each place goes back, and where there is
//! room it is found.

use super::link::Leftover;
use super::{
    Answer, Aside, BalancedLink, Branch, InletQueue, KeyOf, KeyedLink, Lanes, TeeLink, Waiter,
    WireLink,
};
use crate::desk::Desk;
use crate::event::{Event, OUTSIDE, StageId, Tag, WorkerId};
use crate::gone::Gone;
use crate::net::OnFull;
use crate::run::{Bell, Mailbox, Ring};
use crate::sim::Random;
use crate::stage::{AnyOut, Link, Out, OutSpec, Permit, Window};
use crate::time::Time;
use proptest::prelude::*;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

const WINDOW: usize = 3;
/// Places that a first `try_emit` takes.
const BATCH: usize = 3;

/// How a wire chooses the replica.
#[derive(Clone, Copy, Debug)]
enum How {
    Home,
    Keyed,
    Balanced,
}

/// The queues of a stage, and a replica that sends there.
struct To {
    queues: Vec<Arc<InletQueue<u64>>>,
    bells: Vec<Arc<Mailbox>>,
    me: Arc<Mailbox>,
}

impl To {
    fn new(capacities: &[usize]) -> Self {
        let queues = capacities.iter().map(|&capacity| InletQueue::new(capacity, None));
        let queues: Vec<_> = queues.map(Arc::new).collect();
        let bells = queues.iter().map(|_| Arc::default()).collect();
        Self { queues, bells, me: Arc::default() }
    }

    fn link(&self, how: How, on_full: OnFull, window: Option<&Window>, desk: &Rc<Desk>) -> Boxed {
        let plain = |targets: std::ops::Range<usize>| {
            let ring = |n: usize| Ring::There(Bell::Worker(Arc::clone(&self.bells[n]), 1));
            WireLink::<u64, u64> {
                targets: targets.map(|n| (Arc::clone(&self.queues[n]), ring(n))).collect(),
                fusing: None,
                first: 0,
                consumer: StageId(1),
                on_full,
                divert: None,
                returns: false,
                window: window.cloned(),
                me: Waiter { mailbox: Arc::clone(&self.me), bit: 1 },
                desk: Rc::clone(desk),
                stats: Arc::default(),
                reserved_in: 0,
                left: Leftover::default(),
            }
        };
        let all = self.queues.len();
        let lanes = || Lanes::new((0..all).map(|n| plain(n..n + 1)));
        match how {
            How::Home => Box::new(plain(0..all)),
            How::Keyed => {
                let (lanes, key) = (lanes(), KeyOf::new(|n: &u64| *n));
                Box::new(KeyedLink { lanes, key, desk: Rc::clone(desk) })
            }
            How::Balanced => Box::new(BalancedLink::new(lanes(), Some(0), Random::new(1))),
        }
    }

    /// What waits in each queue.
    fn waiting(&self) -> Vec<Vec<u64>> {
        let numbers = |queue: &Arc<InletQueue<u64>>| {
            queue.lock().lanes.asks.iter().map(|event| **event).collect()
        };
        self.queues.iter().map(numbers).collect()
    }

    fn take(&self, queue: usize, n: usize) -> VecDeque<Event<u64>> {
        let (mut into, mut aside) = (VecDeque::new(), Aside::default());
        self.queues[queue].take(Time(0), &Gone::new(1), &mut into, (0, n), &mut aside);
        into
    }
}

type Boxed = Box<dyn Link<u64>>;

fn tee(main: Boxed, branch: Boxed, all_or_none: bool, on_full: OnFull, desk: &Rc<Desk>) -> Boxed {
    let (stats, desk) = (Arc::default(), Rc::clone(desk));
    let answer = Answer { on_full, divert: None, diverted: VecDeque::new(), stats, desk };
    let mut link = TeeLink::new(main, answer);
    link.add(Branch::new(branch, u64::clone), all_or_none);
    Box::new(link)
}

fn port(link: Boxed) -> Out<u64> {
    let home = WorkerId(0);
    Out::new(Some(link), OutSpec { bound: 1000, spare: 0, batch: BATCH, home, sealed: true })
}

fn desk() -> Rc<Desk> {
    Desk::new(WorkerId(0), 2, Arc::new(Gone::new(2)), Arc::default())
}

fn notes(numbers: impl IntoIterator<Item = u64>) -> VecDeque<Event<u64>> {
    numbers.into_iter().map(|n| Event::note(WorkerId(0), n)).collect()
}

/// What is done to a port and the queues beyond it; an event is at home on one of two workers.
#[derive(Clone, Debug)]
enum Step {
    Emit(u16),
    TryEmit,
    Reserve(usize),
    EmitWith(usize, u16),
    Abort(usize),
    Deliver,
    Take(usize, usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0_u16..2).prop_map(Step::Emit),
        2 => Just(Step::TryEmit),
        3 => (0_usize..4).prop_map(Step::Reserve),
        6 => (any::<usize>(), 0_u16..2).prop_map(|(permit, home)| Step::EmitWith(permit, home)),
        1 => any::<usize>().prop_map(Step::Abort),
        4 => Just(Step::Deliver),
        3 => (0_usize..4, 1_usize..4).prop_map(|(queue, n)| Step::Take(queue, n)),
    ]
}

proptest! {
    #![proptest_config(crate::seeded())]

    #[test]
    fn what_has_a_place_gets_in_and_every_place_goes_back(
        how in prop::sample::select(vec![How::Home, How::Keyed, How::Balanced]),
        (copies, waits) in (any::<bool>(), any::<bool>()),
        capacities in prop::array::uniform4(1_usize..5),
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let desk = desk();
        let _open = desk.open();
        let on_full = if waits { OnFull::Wait } else { OnFull::ShedNewest };
        let windows = [(!copies).then(|| Window::new(0, WINDOW, StageId(0), WorkerId(0)))];
        let [main, copy] = [0, 2].map(|n| To::new(&capacities[n..n + 2]));
        let mut link = main.link(how, on_full, windows[0].as_ref(), &desk);
        if copies {
            link = tee(link, copy.link(how, on_full, None, &desk), true, on_full, &desk);
        }
        let mut out = port(link);
        let (mut permits, mut placed) = (Vec::<Permit<u64>>::new(), Vec::new());
        for (id, step) in (0_u64..).zip(steps) {
            let event = |home| Tag::new(id, Time(0), WorkerId(home), OUTSIDE).with(id);
            match step {
                Step::Emit(home) => out.emit(event(home)),
                Step::TryEmit => {
                    if let Err(full) = out.try_emit(event(0)) {
                        full.0.split().0.join();
                    } else {
                        placed.push(id);
                    }
                }
                Step::Reserve(n) => permits.extend(out.reserve(n)),
                Step::EmitWith(at, home) if !permits.is_empty() => {
                    let at = at % permits.len();
                    match out.emit_with(&mut permits[at], event(home)) {
                        Ok(()) => placed.push(id),
                        Err(full) => full.0.split().0.join(),
                    }
                }
                Step::Abort(at) if !permits.is_empty() => {
                    let at = at % permits.len();
                    drop(permits.swap_remove(at));
                }
                Step::EmitWith(..) | Step::Abort(_) => {}
                Step::Deliver => {
                    out.deliver();
                    let [main, copy] = [&main, &copy].map(|to| to.waiting().concat());
                    for id in placed.drain(..) {
                        prop_assert!(main.contains(&id), "{} has no place in {:?}", id, main);
                        prop_assert!(!copies || copy.contains(&id), "nor a copy in {:?}", copy);
                    }
                }
                Step::Take(queue, n) => {
                    let to = if queue < 2 { &main } else { &copy };
                    for (tag, _) in to.take(queue % 2, n).into_iter().map(Event::split) {
                        if tag.is_question() {
                            Window::redeem(&windows, tag.flow()).expect("it asked").join();
                        }
                        tag.join();
                    }
                }
            }
            for (queue, capacity) in main.queues.iter().chain(&copy.queues).zip(capacities) {
                let locked = queue.lock();
                prop_assert!(locked.lanes.asks.len() + locked.lanes.reserved <= capacity);
            }
        }
        permits.clear();
        out.deliver();
        for queue in main.queues.iter().chain(&copy.queues) {
            prop_assert_eq!(queue.lock().lanes.reserved, 0);
        }
        for window in windows.iter().flatten() {
            prop_assert_eq!(window.room(), WINDOW - window.taken());
            window.clear().into_iter().for_each(Tag::join);
        }
    }
}

#[test]
fn places_beyond_a_balanced_wire_are_found_where_there_are_enough() {
    let (to, desk) = (To::new(&[1, 1, 3]), desk());
    let mut out = port(to.link(How::Balanced, OnFull::Wait, None, &desk));
    let permit = out.reserve(3).expect("the third has them");
    assert!(out.reserve(1).is_none(), "places are together");
    drop(permit);
    assert!(out.reserve(4).is_none());
}

#[test]
fn whoever_lacks_places_beyond_a_balanced_wire_is_told_by_any_replica() {
    for n in 0..3 {
        let (to, desk) = (To::new(&[1; 3]), desk());
        for queue in &to.queues {
            queue.lock().push(Event::note(WorkerId(0), 0), Time(0));
        }
        let mut out = port(to.link(How::Balanced, OnFull::Wait, None, &desk));
        assert!(out.reserve(1).is_none());
        to.take(n, 1);
        assert_eq!(to.me.take_ready(), 1, "by {n}");
        assert!(out.reserve(1).is_some());
    }
}

#[test]
fn nothing_is_shed_by_a_balanced_wire_while_any_replica_has_room() {
    let (to, desk) = (To::new(&[1, 1, 1, 7]), desk());
    let mut link = to.link(How::Balanced, OnFull::ShedNewest, None, &desk);
    link.send(&mut notes(0..10), 0);
    let waiting: Vec<usize> = to.waiting().iter().map(Vec::len).collect();
    assert_eq!(waiting, [1, 1, 1, 7]);
}

#[test]
fn what_a_balanced_wire_holds_goes_where_room_comes_meanwhile() {
    let (to, desk) = (To::new(&[1; 3]), desk());
    for n in [0, 2] {
        to.queues[n].lock().push(Event::note(WorkerId(0), 9), Time(0));
    }
    // The delivery to the second queue wakes its worker, and just then the third one is emptied.
    let third = Arc::clone(&to.queues[2]);
    to.bells[1].set_waker(Arc::new(move || {
        third.take(Time(0), &Gone::new(1), &mut VecDeque::new(), (0, 1), &mut Aside::default());
    }));
    assert!(to.bells[1].park());
    let mut events = notes([1, 2]);
    to.link(How::Balanced, OnFull::Wait, None, &desk).send(&mut events, 0);
    assert!(events.is_empty(), "nobody would tell of the room at the third");
    assert_eq!(to.waiting(), [[9], [1], [2]]);
}

#[test]
fn a_tap_gets_each_event_once_also_what_goes_before_others_that_are_held() {
    let (to, watch, desk) = (To::new(&[2]), To::new(&[9]), desk());
    let main = to.link(How::Home, OnFull::Wait, None, &desk);
    let tap = watch.link(How::Home, OnFull::ShedNewest, None, &desk);
    let mut out = port(tee(main, tap, false, OnFull::Wait, &desk));
    let mut permit = out.reserve(1).expect("there is room");
    notes([1, 2, 3]).into_iter().for_each(|event| out.emit(event));
    out.deliver();
    assert_eq!((to.waiting(), AnyOut::len(&out)), (vec![vec![1]], 2));
    for event in notes([4]) {
        out.emit_with(&mut permit, event).expect("there is a place");
    }
    notes([5]).into_iter().for_each(|event| out.emit(event));
    out.deliver();
    assert_eq!(to.waiting(), [[1, 4]]);
    to.take(0, 2);
    out.deliver();
    assert_eq!((to.waiting(), AnyOut::len(&out)), (vec![vec![2, 3]], 1));
    assert_eq!(watch.waiting(), [[1, 2, 3, 4, 5]]);
}
