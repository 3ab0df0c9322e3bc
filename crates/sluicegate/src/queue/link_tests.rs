//! A link to several queues, while another thread takes from one of them.

use super::link::Leftover;
use super::{Aside, InletQueue, Waiter, WireLink};
use crate::desk::Desk;
use crate::event::{Event, StageId, WorkerId};
use crate::gone::Gone;
use crate::net::OnFull;
use crate::run::{Bell, Mailbox, Ring};
use crate::stage::Link;
use crate::time::Time;
use std::collections::VecDeque;
use std::sync::Arc;

#[test]
fn what_is_held_for_a_queue_is_not_overtaken_when_room_comes_meanwhile() {
    let queues = [0, 1].map(|_| Arc::new(InletQueue::<u64>::new(1, None)));
    let mailboxes = [0, 1].map(|_| Arc::new(Mailbox::default()));
    queues[0].lock().push(Event::note(WorkerId(0), 0), Time(0));
    // The delivery to the second queue wakes its worker, and just then the first one is emptied.
    let first = Arc::clone(&queues[0]);
    mailboxes[1].set_waker(Arc::new(move || {
        first.take(Time(0), &Gone::new(1), &mut VecDeque::new(), (0, 1), &mut Aside::default());
    }));
    assert!(mailboxes[1].park());
    let targets = (0..2).map(|n| {
        let bell = Bell::Worker(Arc::clone(&mailboxes[n]), 1);
        (Arc::clone(&queues[n]), Ring::There(bell))
    });
    let mut link = WireLink::<u64, u64> {
        targets: targets.collect(),
        fusing: None,
        first: 0,
        consumer: StageId(0),
        on_full: OnFull::Wait,
        divert: None,
        returns: false,
        window: None,
        me: Waiter { mailbox: Arc::default(), bit: 1 },
        desk: Desk::new(WorkerId(0), 1, Arc::new(Gone::new(1)), Arc::default()),
        stats: Arc::default(),
        reserved_in: 0,
        left: Leftover::default(),
    };
    let note = |home, n| Event::note(WorkerId(home), n);
    let mut events = VecDeque::from([note(0, 1), note(1, 2), note(0, 3)]);
    link.send(&mut events, 0);
    assert!(queues[0].is_empty(), "there was room, but not for the third before the first");
    let held: Vec<u64> = events.iter().map(|event| **event).collect();
    assert_eq!(held, [1, 3]);
    link.send(&mut events, 0);
    assert_eq!(queues[0].lock().pop_oldest().map(|event| *event), Some(1));
}
