//! A replica without its type, and what a worker lends it for one run.

use crate::desk::Desk;
use crate::event::{Notice, Tag};
use crate::run::{Waiting, Wheel};
use crate::time::{Clock, Time};
use std::any::Any;

/// What a worker lends to the replica that runs.
pub struct Context<'a> {
    /// When the run begins: the clock is read once a run.
    pub(crate) now: Time,
    pub(crate) clock: &'a Clock,
    pub(crate) desk: &'a Desk,
    pub(crate) wheel: &'a mut Wheel,
    pub(crate) machine: &'a mut dyn Any,
    pub(crate) draining: bool,
    /// Whether events may be taken from the queue: not by a thread of a pool that is not on duty.
    pub(crate) takes: bool,
    /// How many events the run handled.
    pub(crate) handled: usize,
    /// How many fused stages run within each other now.
    pub(crate) deep: usize,
}

/// A replica, or a group of them, its types erased: one virtual call a batch.
pub(crate) trait Runnable {
    fn start(&mut self, cx: &mut Context<'_>);
    /// Does one thing that is to be done. Returns whether more is.
    fn run(&mut self, cx: &mut Context<'_>) -> bool;
    /// What waits for it.
    fn waiting(&self) -> Waiting;
    /// When the oldest came of the events that ask.
    fn oldest(&self) -> Option<Time>;
    /// Whether output is held, so that nothing but answers is taken.
    fn is_parked(&self) -> bool;
    /// All of the net has started.
    fn started(&mut self);
    /// The pressure beyond its ports may have changed, or the level of a resource. This and what
    /// follows is for one of its members, where it is a [`Group`](super::Group).
    fn pressed(&mut self, member: usize);
    /// Its flag was raised.
    fn signal(&mut self, member: usize);
    /// Sends letters of flows that were in its hands.
    fn send_letters(&mut self, member: usize, tags: Vec<Tag>, cx: &mut Context<'_>);
    fn timer(&mut self, member: usize, token: u64);
    fn notice(&mut self, member: usize, notice: Notice);
    /// Whether its inlet has a gate, so that it wants to be ticked.
    fn is_gated(&self) -> bool;
    /// Has the laws of its inlet look. Whether they have to look again soon.
    fn tick(&mut self, cx: &mut Context<'_>) -> bool;
    fn drain(&mut self, cx: &mut Context<'_>);
    fn drained(&mut self, cx: &mut Context<'_>) -> bool;
    /// Flows in the replica's hands, outboxes and windows.
    fn in_flight(&mut self) -> i64;
    /// Ends all that the replica and its queue hold.
    fn close(&mut self, cx: &mut Context<'_>);
}
