//! The slot: a stage of a net to which parts are attached while it runs.

use crate::desk::Desk;
use crate::event::{Batch, Event, StageId, Tag};
use crate::ledger::Why;
use crate::net::{Spec, stage};
use crate::part::way::{Board, Down, Held, Item, Joint, Origin, Outcome, Up};
use crate::run::Make;
use crate::settings::OwnSettings;
use crate::stage::{AnyOut, Binder, Cx, Entering, Out, Outlet, Ports, Stage};
use std::mem;
use std::sync::Arc;

/// Events of a replica that are in parts at once, unless set.
const PLACES: usize = 1024;
/// The most that may be set.
const PLACES_MAX: usize = 65_536;

/// A stage called `name` to which parts can be attached while its net runs, and what names it to
/// those who attach one; see [`Running::attach`](crate::Running::attach).
///
/// It passes what it takes from its queue into the part that was attached last, and sends what is
/// answered there on its port `answers`, with the flow's own tag. A flow that the part finishes, or
/// that ends in it without an answer, ends so here; one that is [gone](crate::Cx::gone) is so there
/// too, where the slot is on the worker of its source. Each replica has at most as many flows in
/// parts as its setting `places` says, 1024 unless set: then the queue fills, and the wires that
/// lead to it say what becomes of more.
///
/// While there is no part, what comes is sent on the port `bare`. Where that is
/// [sealed](crate::Net::seal) it stays queued for the next one: put such a slot in a pinned domain,
/// as a pool with a range of sizes looks after a queue that stands.
///
/// [`Sim::attach`](crate::Sim::attach) has an example on one thread.
pub fn slot<T: Send + 'static, R: Send + 'static>(
    name: &str,
) -> (Spec<SlotStage<T, R>>, Slot<T, R>) {
    let board = Arc::default();
    let of = Arc::clone(&board);
    let spec = stage(name, move || SlotStage::new(Arc::clone(&of)));
    let slot = Slot { board, make: spec.maker() };
    (spec, slot)
}

/// Names a slot of a net: where parts that take `T` and answer with `R` can be attached.
pub struct Slot<T: Send + 'static, R: Send + 'static> {
    pub(super) board: Arc<Board<T, R>>,
    pub(super) make: Make<SlotStage<T, R>>,
}

impl<T: Send + 'static, R: Send + 'static> Clone for Slot<T, R> {
    fn clone(&self) -> Self {
        Self { board: Arc::clone(&self.board), make: Arc::clone(&self.make) }
    }
}

/// The stage that [`slot`] makes.
pub struct SlotStage<T, R> {
    board: Arc<Board<T, R>>,
    /// The epoch of what it knows of the board.
    seen: u64,
    current: Option<Arc<Joint<T, R>>>,
    /// The ways into that, one a replica of its door: all are there before the first flow passes.
    ups: Vec<Arc<Up<T, R>>>,
    /// Whose turn it is of the replicas of the door.
    turn: usize,
    down: Arc<Down<R>>,
    /// The flows that are in parts.
    inside: Held<Inside<T, R>>,
    /// Empty between signals; kept for its memory.
    done: Vec<(u64, Outcome<R>)>,
    places: usize,
}

/// A flow that is in a part.
struct Inside<T, R> {
    tag: Tag,
    joint: Arc<Joint<T, R>>,
    /// Whether the part was told that nobody waits for it any more.
    gone: bool,
}

/// Where a slot sends.
pub struct SlotOut<T, R> {
    /// What its parts answer.
    pub answers: Out<R>,
    /// What comes while it has none.
    pub bare: Out<T>,
}

/// The ports of [`SlotOut`] seen from outside.
pub struct SlotOutlets<T, R> {
    /// The port `answers`.
    pub answers: Outlet<R>,
    /// The port `bare`.
    pub bare: Outlet<T>,
}

impl<T, R> Clone for SlotOutlets<T, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, R> Copy for SlotOutlets<T, R> {}

impl<T: 'static, R: 'static> Ports for SlotOut<T, R> {
    type Outlets = SlotOutlets<T, R>;
    const NAMES: &'static [&'static str] = &["answers", "bare"];
    fn outlets(of: StageId) -> Self::Outlets {
        SlotOutlets { answers: Outlet::new(of, 0), bare: Outlet::new(of, 1) }
    }
    fn bind(binder: &mut Binder<'_>) -> Self {
        Self { answers: binder.out(0), bare: binder.out(1) }
    }
    fn each(&mut self, f: &mut dyn FnMut(&mut dyn AnyOut)) {
        f(&mut self.answers);
        f(&mut self.bare);
    }
}

impl<T, R> SlotStage<T, R> {
    fn new(board: Arc<Board<T, R>>) -> Self {
        Self {
            board,
            seen: 0,
            current: None,
            ups: Vec::new(),
            turn: 0,
            down: Arc::default(),
            inside: Held::default(),
            done: Vec::new(),
            places: PLACES,
        }
    }

    /// Looks whether parts came or went.
    fn look(&mut self) {
        let epoch = self.board.epoch();
        if epoch != self.seen {
            self.seen = epoch;
            self.find();
        }
    }

    /// Finds the part that takes what comes.
    fn find(&mut self) {
        self.current = self.board.current();
        self.ups = self.current.as_ref().map_or_else(Vec::new, |joint| joint.ups());
    }

    /// Passes events into the part, as long as that takes any. Whether it may take more.
    fn pass(&mut self, joint: &Arc<Joint<T, R>>, batch: &mut Batch<'_, T>) -> bool {
        self.turn = self.turn.wrapping_add(1);
        if joint.has_stopped() {
            return false;
        }
        // A replica of the door that is no more leaves its turn to the others.
        for n in 0..self.ups.len() {
            let up = Arc::clone(&self.ups[self.turn.wrapping_add(n) % self.ups.len()]);
            let mut passing = up.lock();
            if passing.shut {
                continue;
            }
            let before = passing.waiting.len();
            while self.inside.len() < self.places {
                let Some(event) = batch.next() else { break };
                passing.waiting.push_back(self.item(event, joint));
            }
            // Counted under the lock under which it is shut.
            joint.enter(passing.waiting.len() - before);
            drop(passing);
            up.raise();
            return true;
        }
        false
    }

    /// Tells parts of the flows for whose answer nobody waits any more.
    fn tell_gone(&mut self, desk: &Desk) {
        if !desk.gone.any() {
            return;
        }
        for (key, inside) in self.inside.each_mut() {
            if !inside.gone && inside.tag.is_in(&desk.gone) {
                inside.gone = true;
                inside.joint.set_gone(&self.down, key);
            }
        }
    }

    fn item(&mut self, event: Event<T>, joint: &Arc<Joint<T, R>>) -> Item<T, R> {
        let (tag, body) = event.split();
        let (deadline, class, client) = (tag.deadline(), tag.class(), tag.client());
        // The trace stays with the flow out here.
        let born = Some(tag.born());
        let entering = Entering { born, deadline, class, client, trace: None };
        let weight = tag.weight();
        let key = self.inside.insert(Inside { tag, joint: Arc::clone(joint), gone: false });
        let origin = Origin { slot: Arc::clone(&self.down), key };
        Item { origin, entering, weight, body, gone: false }
    }
}

impl<T: Send + 'static, R: Send + 'static> Stage for SlotStage<T, R> {
    type In = T;
    type Out = SlotOut<T, R>;

    fn start(&mut self, cx: &mut Cx<'_, Self::Out>) {
        self.down.set_flag(cx.flag());
        self.board.enlist(&self.down);
        cx.runtime.desk.watch_gone(cx.stage());
    }

    fn handle(&mut self, mut batch: Batch<'_, T>, cx: &mut Cx<'_, Self::Out>) {
        self.look();
        while let Some(joint) = self.current.clone() {
            if self.pass(&joint, &mut batch) {
                return;
            }
            self.find();
        }
        if cx.out.bare.is_wired() {
            batch.for_each(|event| cx.out.bare.emit(event));
        } else if cx.draining() {
            batch.for_each(|event| event.split().0.refuse(Why::Draining));
        }
    }

    fn signal(&mut self, cx: &mut Cx<'_, Self::Out>) {
        let mut done = mem::take(&mut self.done);
        if self.down.take(cx.out.answers.room(), &mut done) {
            cx.again();
        }
        for (key, outcome) in done.drain(..) {
            let Some(Inside { tag, joint, .. }) = self.inside.remove(key) else { continue };
            match outcome {
                Outcome::Answered(answer) => cx.out.answers.emit(tag.with(answer)),
                Outcome::Finished => tag.finish(),
                Outcome::Ended(why) => tag.refuse(why),
            }
            joint.leave(1);
        }
        self.done = done;
        self.tell_gone(cx.runtime.desk);
    }

    fn drained(&mut self, _: &mut Cx<'_, Self::Out>) -> bool {
        self.inside.len() == 0
    }

    fn settings(&mut self, own: &mut OwnSettings<'_>) {
        let about = "The most flows that each replica has in parts at once.";
        own.count("places", "flows", about, 1..=PLACES_MAX, &mut self.places);
    }
}

impl<T, R> Drop for SlotStage<T, R> {
    fn drop(&mut self) {
        self.board.dismiss(&self.down);
        // Their tags say what ended them.
        self.inside.drain().for_each(|inside| inside.joint.leave(1));
    }
}
