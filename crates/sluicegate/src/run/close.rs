//! Ending what is held when there is nobody left to handle it.

use crate::desk::Desk;
use crate::event::Event;
use crate::ledger::Why;
use std::collections::VecDeque;

/// Ends the flows of events that were taken from a queue and will not be handled.
pub(crate) fn refuse_all<T>(events: &mut VecDeque<Event<T>>, why: Why, desk: &Desk) {
    for event in events.drain(..) {
        refuse(event, why, desk);
    }
}

/// Ends the flow of one.
pub(crate) fn refuse<T>(event: Event<T>, why: Why, desk: &Desk) {
    let (tag, body) = event.split();
    if tag.is_flow() {
        desk.queue(-1);
        desk.hold(1);
    }
    tag.refuse(why);
    drop(body);
}
