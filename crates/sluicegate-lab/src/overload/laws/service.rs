//! A service in virtual time: a queue under a law, and threads that spend what each request costs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sluicegate::{
    Batch, Cx, Ended, Entering, Net, OnFull, Out, Stage, VirtualTime, from_fn, stage,
};

use super::Law;
use super::crowd::{Crowd, Due, Kind};
use crate::overload::capacity::Capacity;
use crate::overload::outside::{Outside, play};
use crate::report::Report;

/// Requests in the service at once, of which all but its queue's are in somebody's hands.
const FLOWS: usize = 1 << 14;
/// How long the door lets requests in before the worker does something else.
const SLICE: Duration = Duration::from_micros(500);
/// The least of a page that is made, however little quality is asked for.
const QUALITY_MIN: f64 = 0.2;

/// What serves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Service {
    /// What a request costs.
    pub cost: Duration,
    pub threads: usize,
    /// Whether they are the one worker that also reads requests.
    pub inline: bool,
    /// What reading a request costs its worker, whatever becomes of it.
    pub entering: Duration,
    /// The longest time in which an answer is good, and what laws keep to.
    pub target: Duration,
    /// Whether pages are made with less care, and so at less cost, where quality says so.
    pub degrades: bool,
}

impl Service {
    /// Requests a second.
    pub fn capacity(&self) -> f64 {
        let entering = if self.inline { self.entering } else { Duration::ZERO };
        self.threads as f64 / (self.cost + entering).as_secs_f64()
    }

    /// The same, as if it had been measured.
    pub fn measured(&self) -> Capacity {
        Capacity::known(self.capacity())
    }

    /// The limit that somebody would set who knows it: half of the target, and what is served.
    pub fn tuned_limit(&self) -> usize {
        self.threads + (self.capacity() * self.target.as_secs_f64() / 2.0) as usize
    }

    /// What a page costs that is made as well as this.
    fn cost(&self, quality: f64) -> Duration {
        let quality = if self.degrades { quality.max(QUALITY_MIN) } else { 1.0 };
        self.cost.mul_f64(quality)
    }

    /// Has clients ask it under a law.
    ///
    /// # Errors
    /// One sentence, where the net has faults or does not come to rest: a defect.
    pub fn run(
        &self,
        law: Law,
        kinds: &[Kind],
        seconds: usize,
        seed: u64,
    ) -> Result<Report, String> {
        let crowd = Shared::new(Crowd::new(kinds, seconds, seed));
        let time = VirtualTime::default();
        let net = self.net(law, &crowd, &time);
        play(net, time, seconds, seed, &format!("of a service under {}", law.name()))?;
        Ok(crowd.take().report())
    }

    fn net(&self, law: Law, crowd: &Shared, time: &VirtualTime) -> Net {
        let mut net = Net::new("service");
        let outside = crowd.clone();
        let machine = move |_| {
            let crowd = outside.clone();
            Ok(Outside::new(move || crowd.lock().as_ref()?.next()))
        };
        let cpu = net.domain("cpu").machine(machine).pinned(1);
        let pool = if self.inline { cpu } else { net.domain("pool").pool(self.threads) };
        let (service, at_door, clock) = (*self, crowd.clone(), time.clone());
        let door = move || Door { service, crowd: at_door.clone(), time: clock.clone() };
        let door = net.add(stage("door", door).on(cpu).flows(FLOWS));
        let (answers, clock) = (crowd.clone(), time.clone());
        let work = move || work(service, &clock, &answers);
        let work = net.add(stage("work", work).on(pool).queue(law.queue(self)));
        net.wire(door.out, work.inlet).on_full(OnFull::ShedNewest);
        net
    }
}

/// The crowd, for the stages of one simulation: only one thread is there to lock it.
#[derive(Clone)]
struct Shared(Arc<Mutex<Option<Crowd>>>);

impl Shared {
    fn new(crowd: Crowd) -> Self {
        Self(Arc::new(Mutex::new(Some(crowd))))
    }

    fn with<R>(&self, f: impl FnOnce(&mut Crowd) -> R) -> R {
        f(self.lock().as_mut().expect("it is taken when the simulation is over"))
    }

    fn take(&self) -> Crowd {
        self.lock().take().expect("it is taken once")
    }

    fn lock(&self) -> MutexGuard<'_, Option<Crowd>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn work(
    service: Service,
    time: &VirtualTime,
    crowd: &Shared,
) -> impl Stage<In = (), Out = ()> + use<> {
    let (time, crowd) = (time.clone(), crowd.clone());
    from_fn(move |batch: Batch<'_, ()>, cx: &mut Cx<'_, ()>| {
        for event in batch {
            let (tag, ()) = event.split();
            time.spend(service.cost(cx.quality()));
            crowd.with(|crowd| crowd.answered(tag.flow(), cx.clock(), service.target));
            tag.finish();
        }
    })
}

/// Lets in what is due.
struct Door {
    service: Service,
    crowd: Shared,
    time: VirtualTime,
}

impl Stage for Door {
    type In = ();
    type Out = Out<()>;

    fn handle(&mut self, _: Batch<'_, ()>, _: &mut Cx<'_, Out<()>>) {}

    fn start(&mut self, cx: &mut Cx<'_, Out<()>>) {
        let me = cx.stage();
        cx.local.get::<Outside>().lead_to(me);
    }

    fn signal(&mut self, cx: &mut Cx<'_, Out<()>>) {
        let now = cx.now();
        while let Some(due) = self.crowd.with(|crowd| crowd.due(now)) {
            self.time.spend(self.service.entering);
            let Due { flow, at, class, client } = due;
            let entering = Entering { born: Some(at), class, client, ..Entering::default() };
            match cx.enter(flow, entering) {
                Ok(tag) => cx.out.emit(tag.with(())),
                Err(_) => self.crowd.with(|crowd| crowd.refused(flow, cx.clock())),
            }
            if cx.room() == 0 || cx.clock().since(now) > SLICE {
                return cx.again();
            }
        }
    }

    fn ended(&mut self, ended: Ended, cx: &mut Cx<'_, Out<()>>) {
        self.crowd.with(|crowd| crowd.refused(ended.flow, cx.now()));
    }
}

#[cfg(test)]
mod tests {
    use super::super::crowd::Asks;
    use super::*;
    use crate::plan::Rate;
    use crate::record::Row;
    use crate::retry::Retry;

    const MS: Duration = Duration::from_millis(1);

    fn service() -> Service {
        let (cost, entering, target) = (MS * 10, MS / 100, MS * 100);
        Service { cost, threads: 2, inline: false, entering, target, degrades: false }
    }

    fn asked(service: &Service, law: Law, load: f64) -> Report {
        let rate = Rate::steady(load * service.capacity(), Duration::from_secs(4));
        let kind = Kind {
            name: "clients".to_owned(),
            asks: Asks::Open(rate),
            retry: Retry::Never,
            class: 0,
            clients: 0..1,
            patience: None,
        };
        service.run(law, &[kind], 4, 1).expect("it comes to rest")
    }

    /// How many were answered in time, of what was possible.
    fn share(service: &Service, row: &Row) -> f64 {
        row.good as f64 / (4.0 * service.capacity()).min(row.first as f64)
    }

    #[test]
    fn a_law_keeps_the_goodput_that_is_lost_without_one() {
        for service in [service(), Service { inline: true, threads: 1, ..service() }] {
            let total = |law, load| asked(&service, law, load).total();
            let (with, without) = (total(Law::Overload, 3.0), total(Law::Off, 3.0));
            assert!(with.is_settled() && without.is_settled());
            assert!(share(&service, &with) > 0.95, "{with:?}");
            assert!(share(&service, &without) < 0.2, "{without:?}");
            let calm = total(Law::Overload, 0.5);
            assert_eq!((calm.refused, calm.good), (0, calm.first));
        }
    }

    #[test]
    fn pages_made_with_less_care_serve_more() {
        let degrades = Service { degrades: true, ..service() };
        let row = asked(&degrades, Law::Overload, 3.0).total();
        assert!(share(&degrades, &row) > 1.5, "{row:?}");
    }

    #[test]
    fn the_same_seed_gives_the_same_figures() {
        let csv = |law| asked(&service(), law, 2.0).csv();
        assert_eq!(csv(Law::Seda), csv(Law::Seda));
        assert_ne!(csv(Law::Seda), csv(Law::Overload));
    }
}
