//! Clients of a simulated net: the machine that has them come, and the source that lets them in.

use crate::event::{Batch, Ended, StageId};
use crate::run::{Machine, Raised, Wait, Waker};
use crate::sim::Arrivals;
use crate::stage::{Cx, Entering, NoRoom, Out, Stage};
use crate::time::Time;
use std::marker::PhantomData;
use std::sync::Arc;

/// The outside of a simulated worker: raises the flag of the source that listens when a flow has
/// come. The machine of a domain that a [`Crowd`] stands in, or a source of one's own, which finds
/// it by [`Cx::local`](crate::Cx::local).
#[derive(Debug)]
pub struct Outside {
    arrivals: Arrivals,
    source: Option<StageId>,
    /// Whether the source was told since it last took a flow: it may hold output and so leave what
    /// has come, for long.
    told: bool,
}

impl Outside {
    /// Where flows come as `arrivals` says.
    pub fn new(arrivals: Arrivals) -> Self {
        Self { arrivals, source: None, told: false }
    }

    /// Has the flag of `source` raised: what a source does when it starts.
    pub fn listen(&mut self, source: StageId) {
        self.source = Some(source);
        self.told = false;
    }

    /// Nobody listens any more: what a source does when the net drains.
    pub fn leave(&mut self) {
        self.source = None;
    }

    /// Takes the next flow that has come by `now`: when that was. A source that is signalled and
    /// takes none is not signalled for the outside again, and has its flag raised by
    /// [`Cx::again`](crate::Cx::again).
    pub fn next_until(&mut self, now: Time) -> Option<Time> {
        self.told = false;
        self.arrivals.next_until(now)
    }

    /// A flow has ended; see [`Arrivals::ended`].
    pub fn ended(&mut self, now: Time) {
        self.arrivals.ended(now);
    }
}

impl Machine for Outside {
    fn poll(&mut self, now: Time, _: Wait, raised: &mut Raised) {
        if let (Some(due), Some(source)) = (self.due(), self.source)
            && due <= now
        {
            self.told = true;
            raised.raise(source);
        }
    }

    fn waker(&self) -> Waker {
        Arc::new(|| {})
    }

    fn due(&self) -> Option<Time> {
        self.source.filter(|_| !self.told).and(self.arrivals.due())
    }
}

/// A source that lets in what comes from [`Outside`], each flow with a body made from its number;
/// `R` is what answers it.
/// What finds no place counts as ended at once.
///
/// ```
/// use sluicegate::sim::{Arrivals, Crowd, Outside, ServiceTime, Sim, Setup, Gaps};
/// use sluicegate::{Batch, Cx, Net, Out, VirtualTime, from_fn, ms, stage};
///
/// let (time, mut net) = (VirtualTime::default(), Net::new("crowded"));
/// let arrivals = Arrivals::open(Gaps::Poisson, 400.0, ms(1000), 1);
/// let door = net.domain("door").machine(move |_| Ok(Outside::new(arrivals.clone()))).pinned(1);
/// let pool = net.domain("pool").pool(2);
/// let crowd = stage("crowd", || Crowd::<u64, _, _>::new(|flow| flow));
/// let crowd = net.add(crowd.on(door).flows(1000));
/// let clock = time.clone();
/// let work = stage("work", move || {
///     let clock = clock.clone();
///     from_fn(move |batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
///         for event in batch {
///             clock.spend(ms(4));
///             cx.out.emit(event);
///         }
///     })
/// });
/// let work = net.add(work.on(pool));
/// net.wire(crowd.out, work.inlet);
/// net.wire(work.out, crowd.inlet).returns(crowd.out);
///
/// let mut sim = Sim::with(net, Setup::seed(1).time(&time))?;
/// assert!(sim.run_for(ms(2000), 100_000));
/// let ledger = sim.ledger();
/// assert!(ledger.finished > 300 && ledger.in_flight == 0);
/// # Ok::<(), sluicegate::StartError>(())
/// ```
pub struct Crowd<R, T, F> {
    body: F,
    flows: u64,
    types: PhantomData<fn(R) -> T>,
}

impl<R, T, F: FnMut(u64) -> T> Crowd<R, T, F> {
    /// Makes the body of each flow by its number, from 0.
    pub fn new(body: F) -> Self {
        Self { body, flows: 0, types: PhantomData }
    }
}

impl<R, T, F> Stage for Crowd<R, T, F>
where
    T: Send + 'static,
    R: Send + 'static,
    F: FnMut(u64) -> T + Send + 'static,
{
    type In = R;
    type Out = Out<T>;

    fn handle(&mut self, batch: Batch<'_, R>, cx: &mut Cx<'_, Out<T>>) {
        for event in batch {
            event.split().0.finish();
            let now = cx.clock();
            cx.local.get::<Outside>().ended(now);
        }
    }

    fn start(&mut self, cx: &mut Cx<'_, Out<T>>) {
        let me = cx.stage();
        cx.local.get::<Outside>().listen(me);
    }

    fn signal(&mut self, cx: &mut Cx<'_, Out<T>>) {
        let now = cx.now();
        while !cx.draining() {
            if cx.room() == 0 {
                return cx.again();
            }
            let Some(born) = cx.local.get::<Outside>().next_until(now) else { return };
            let entering = Entering { born: Some(born), ..Entering::default() };
            match cx.enter(self.flows, entering) {
                Ok(tag) => cx.out.emit(tag.with((self.body)(self.flows))),
                Err(NoRoom) => cx.local.get::<Outside>().ended(now),
            }
            self.flows += 1;
        }
    }

    fn drain(&mut self, cx: &mut Cx<'_, Out<T>>) {
        cx.local.get::<Outside>().leave();
    }

    fn ended(&mut self, _: Ended, cx: &mut Cx<'_, Out<T>>) {
        let now = cx.now();
        cx.local.get::<Outside>().ended(now);
    }
}
