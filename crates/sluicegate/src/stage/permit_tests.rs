//! Permits of several ports beside counters: two ports lead to one queue, the third by a window to
//! another.

use super::{AnyOut, Out, OutSpec, Permit, Window, reserve_all};
use crate::desk::Desk;
use crate::event::{StageId, Tag, WorkerId};
use crate::gone::Gone;
use crate::net::OnFull;
use crate::queue::{Aside, InletQueue, Leftover, Waiter, WireLink};
use crate::run::{Bell, Mailbox, Ring};
use crate::time::Time;
use proptest::prelude::*;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

const PORTS: usize = 3;
/// The one with a window, and its places.
const ASKS: usize = 2;
const WINDOW: usize = 3;
/// Places that a first `try_emit` takes.
const BATCH: usize = 4;
const CAPACITY: usize = 5;

/// What is done to the ports.
#[derive(Clone, Debug)]
enum Step {
    Emit(usize),
    TryEmit(usize),
    Reserve(usize, usize),
    ReserveAll([usize; PORTS]),
    /// Sends an event by a port with one of the permits.
    EmitWith(usize, usize),
    Abort(usize),
    Deliver,
    Take(usize, usize),
}

fn step() -> impl Strategy<Value = Step> {
    let port = || 0..PORTS;
    prop_oneof![
        2 => port().prop_map(Step::Emit),
        2 => port().prop_map(Step::TryEmit),
        3 => (port(), 0_usize..5).prop_map(|(port, n)| Step::Reserve(port, n)),
        3 => prop::array::uniform3(0_usize..4).prop_map(Step::ReserveAll),
        6 => (any::<usize>(), port()).prop_map(|(permit, port)| Step::EmitWith(permit, port)),
        1 => any::<usize>().prop_map(Step::Abort),
        4 => Just(Step::Deliver),
        3 => (0_usize..2, 1_usize..4).prop_map(|(queue, n)| Step::Take(queue, n)),
    ]
}

/// What waits, and how many places are whose.
#[derive(Default)]
struct Model {
    queues: [VecDeque<u64>; 2],
    reserved: [usize; 2],
    asked: usize,
    promised: usize,
    /// Of each port: what waits in it, with a permit or without; places of this batch; whether
    /// `try_emit` has asked for some.
    out: [Vec<(u64, bool)>; PORTS],
    places: [usize; PORTS],
    tried: [bool; PORTS],
}

impl Model {
    fn queue(port: usize) -> usize {
        usize::from(port == ASKS)
    }

    fn room(&self, port: usize) -> usize {
        let queue = Self::queue(port);
        CAPACITY.saturating_sub(self.queues[queue].len() + self.reserved[queue])
    }

    fn window(&self, port: usize) -> usize {
        if port == ASKS { WINDOW.saturating_sub(self.asked + self.promised) } else { usize::MAX }
    }

    fn reserve(&mut self, port: usize, n: usize) -> bool {
        let spare = self.places[port].saturating_sub(self.out[port].len()).min(n);
        let fits = self.room(port) >= n - spare && self.window(port) >= n + self.out[port].len();
        if fits {
            self.places[port] -= spare;
            self.reserved[Self::queue(port)] += n - spare;
            self.promised += if port == ASKS { n } else { 0 };
        }
        fits
    }

    /// `n` places of a permit go back, or are used.
    fn spend(&mut self, port: usize, n: usize) {
        self.promised -= if port == ASKS { n } else { 0 };
    }

    fn give_back(&mut self, port: usize, n: usize) {
        self.spend(port, n);
        self.reserved[Self::queue(port)] -= n;
    }

    fn try_emit(&mut self, port: usize, id: u64) -> bool {
        if !std::mem::replace(&mut self.tried[port], true) {
            let window = self.window(port).saturating_sub(self.places[port]);
            let more = BATCH.min(window).min(self.room(port));
            self.places[port] += more;
            self.reserved[Self::queue(port)] += more;
        }
        let fits = self.places[port] > self.out[port].len();
        if fits {
            self.out[port].push((id, false));
        }
        fits
    }

    /// Sends all in order: the first have places, others need room, or are shed.
    fn deliver(&mut self, port: usize) {
        let (queue, mut places) = (Self::queue(port), self.places[port]);
        for (id, placed) in std::mem::take(&mut self.out[port]) {
            if self.window(port) == 0 {
                assert!(!placed, "a permit has a place in the window");
                self.out[port].push((id, placed));
                continue;
            }
            self.asked += usize::from(port == ASKS);
            if places > 0 {
                places -= 1;
                self.reserved[queue] -= 1;
            } else if self.room(port) == 0 {
                assert!(!placed, "a permit has a place in the queue");
                continue;
            }
            self.queues[queue].push_back(id);
        }
        self.reserved[queue] -= places;
        (self.places[port], self.tried[port]) = (0, false);
    }
}

struct World {
    queues: [Arc<InletQueue<u64>>; 2],
    windows: Vec<Option<Window>>,
    ports: [Out<u64>; PORTS],
}

fn world(desk: &Rc<Desk>) -> World {
    let queues = [0, 1].map(|_| Arc::new(InletQueue::<u64>::new(CAPACITY, None)));
    let mut windows = vec![None, None];
    windows.push(Some(Window::new(ASKS, WINDOW, StageId(0), WorkerId(0))));
    let spec = OutSpec { bound: 1000, spare: 0, batch: BATCH, home: WorkerId(0), sealed: true };
    let ports = std::array::from_fn(|port: usize| {
        let bell = Ring::There(Bell::Worker(Arc::<Mailbox>::default(), 1));
        let link = WireLink::<u64, u64> {
            fusing: None,
            targets: vec![(Arc::clone(&queues[Model::queue(port)]), bell)],
            first: 0,
            consumer: StageId(1),
            on_full: OnFull::ShedNewest,
            divert: None,
            returns: false,
            window: windows[port].clone(),
            me: Waiter { mailbox: Arc::default(), bit: 1 },
            desk: Rc::clone(desk),
            stats: Arc::default(),
            reserved_in: 0,
            left: Leftover::default(),
        };
        Out::new(Some(Box::new(link)), spec)
    });
    World { queues, windows, ports }
}

fn tag(flow: u64) -> Tag {
    Tag::new(flow, Time(0), WorkerId(0), StageId(0))
}

proptest! {
    #![proptest_config(crate::seeded())]

    #[test]
    fn permits_are_counters_and_what_has_a_place_gets_there(
        steps in prop::collection::vec(step(), 1..100),
    ) {
        let desk = Desk::new(WorkerId(0), 2, Arc::new(Gone::new(1)), Arc::default());
        let _open = desk.open();
        let (World { queues, windows, mut ports }, mut model) = (world(&desk), Model::default());
        let mut permits: Vec<(usize, Permit<u64>)> = Vec::new();
        let last = [Step::Deliver, Step::Take(0, 9), Step::Take(1, 9), Step::Deliver];
        for (id, step) in (0_u64..).zip(steps.into_iter().chain(last)) {
            match step {
                Step::Emit(port) => {
                    ports[port].emit(tag(id).with(id));
                    model.out[port].push((id, false));
                }
                Step::TryEmit(port) => {
                    let sent = ports[port].try_emit(tag(id).with(id)).is_ok();
                    prop_assert_eq!(sent, model.try_emit(port, id));
                }
                Step::Reserve(port, n) => {
                    let permit = ports[port].reserve(n);
                    prop_assert_eq!(permit.is_some(), model.reserve(port, n));
                    permits.extend(permit.map(|permit| (port, permit)));
                }
                // What `try_emit` took for its batch may lie with any of them.
                Step::ReserveAll(_) if model.tried.contains(&true) => {}
                Step::ReserveAll(n) => {
                    let [a, b, c] = &mut ports;
                    let got = reserve_all(((a, n[0]), (b, n[1]), (c, n[2])));
                    let fits = model.room(0) >= n[0] + n[1]
                        && model.room(ASKS) >= n[ASKS]
                        && model.window(ASKS) >= n[ASKS] + model.out[ASKS].len();
                    prop_assert_eq!(got.is_some(), fits);
                    if let Some((a, b, c)) = got {
                        for (port, permit) in [a, b, c].into_iter().enumerate() {
                            prop_assert_eq!(permit.left(), n[port]);
                            prop_assert!(model.reserve(port, n[port]));
                            permits.push((port, permit));
                        }
                    }
                }
                Step::EmitWith(at, port) if !permits.is_empty() => {
                    let at = at % permits.len();
                    let (of, permit) = &mut permits[at];
                    let fits = permit.left() > 0 && Model::queue(*of) == Model::queue(port);
                    let sent = ports[port].emit_with(permit, tag(id).with(id)).is_ok();
                    prop_assert_eq!(sent, fits);
                    if sent {
                        model.spend(port, 1);
                        let place = model.places[port].min(model.out[port].len());
                        model.out[port].insert(place, (id, true));
                        model.places[port] += 1;
                    }
                }
                Step::Abort(at) if !permits.is_empty() => {
                    let (port, permit) = permits.swap_remove(at % permits.len());
                    model.give_back(port, permit.left());
                }
                Step::EmitWith(..) | Step::Abort(_) => {}
                Step::Deliver => {
                    for (port, out) in ports.iter_mut().enumerate() {
                        out.deliver();
                        model.deliver(port);
                        prop_assert_eq!(AnyOut::len(out), model.out[port].len());
                    }
                }
                Step::Take(queue, n) => {
                    let (mut into, mut aside) = (VecDeque::new(), Aside::default());
                    let gone = &desk.gone;
                    queues[queue].take(Time(0), gone, &mut into, (0, n), &mut aside);
                    let waits = &mut model.queues[queue];
                    let expected: Vec<u64> = waits.drain(..n.min(waits.len())).collect();
                    let found: Vec<u64> = into.iter().map(|event| **event).collect();
                    prop_assert_eq!(found, expected);
                    for event in into {
                        let (tag, id) = event.split();
                        if queue == 1 {
                            let asked = Window::redeem(&windows, tag.flow()).expect("it asked");
                            prop_assert_eq!(asked.flow(), id);
                            asked.join();
                            model.asked -= 1;
                        }
                        tag.join();
                    }
                }
            }
            for (queue, waits) in queues.iter().zip(&model.queues) {
                prop_assert_eq!(queue.lock().lanes.asks.len(), waits.len());
            }
            for (queue, reserved) in queues.iter().zip(model.reserved) {
                let locked = queue.lock();
                prop_assert_eq!(locked.lanes.reserved, reserved);
                prop_assert!(locked.lanes.asks.len() + locked.lanes.reserved <= CAPACITY);
            }
            let window = windows[ASKS].as_ref().expect("the third has one");
            prop_assert_eq!((window.taken(), window.room()), (model.asked, model.window(ASKS)));
        }
        // Whatever is left, each place goes back.
        permits.clear();
        for out in &mut ports {
            out.deliver();
        }
        prop_assert!(queues.iter().all(|queue| queue.lock().lanes.reserved == 0));
        let window = windows[ASKS].as_ref().expect("the third has one");
        prop_assert_eq!(window.room(), WINDOW - window.taken());
        window.clear().into_iter().for_each(Tag::join);
    }
}
