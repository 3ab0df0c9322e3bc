//! What the admin listener sees: who ask at once are answered from one snapshot.
use super::{ADMIN, Watch, metrics};
use sluicegate::{Changed, Observer, Setting, Snapshot, Time, Value};
use sluicegate_admin::metrics::{Page, put_net};
use sluicegate_admin::model::{Flow, Flows};
use sluicegate_admin::{Guard, Health, NotChanged, Seen, Steer, Watcher, no_such_law};
use sluicegate_io::resources::Usage;
use std::cell::RefCell;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// A service, as one who answers questions sees it. Each snapshot may wait for busy workers, and
/// questions that came meanwhile would wait one after the other: so a snapshot answers all that
/// came before it was taken, and nobody is told what was before they asked. After a change
/// another one is taken.
#[derive(Debug)]
pub struct Sight {
    watch: Arc<Watch>,
    /// The time of the question that is answered.
    now: Time,
    /// A snapshot, and when it was begun.
    taken: RefCell<Option<(Time, Arc<Snapshot>)>>,
}

impl Sight {
    /// Sees what `watch` does.
    pub fn new(watch: Arc<Watch>) -> Self {
        Self { watch, now: Time(0), taken: RefCell::default() }
    }

    /// What is seen for a question that came at `born` and is answered `now`.
    pub fn of(&mut self, born: Time, now: Time) -> &Self {
        self.now = now;
        self.taken.get_mut().take_if(|(begun, _)| *begun <= born);
        self
    }

    /// Keeps nothing of what was seen.
    pub fn forget(&mut self) {
        self.taken.take();
    }

    /// The net as it is seen; none before it runs.
    fn snapshot(&self) -> Option<Arc<Snapshot>> {
        let observer = self.watch.observer.get()?;
        let mut taken = self.taken.borrow_mut();
        let taken = taken.get_or_insert_with(|| (self.now, Arc::new(observer.snapshot())));
        Some(Arc::clone(&taken.1))
    }

    /// The net that is to be changed.
    fn running(&self) -> Result<&Observer, NotChanged> {
        let none = || NotChanged::Conflict("no net runs yet; ask again when one does".to_owned());
        self.watch.observer.get().ok_or_else(none)
    }
}

impl Seen for Sight {
    /// An empty object before the net runs.
    fn json(&self) -> String {
        self.snapshot().map_or_else(|| "{}".to_owned(), |net| self.watch.shown(&net).to_json())
    }

    /// Nothing before the net runs.
    fn put_metrics(&self, page: &mut Page) {
        let Some(net) = self.snapshot() else { return };
        put_net(page, &net);
        metrics::put_server(page, &self.watch);
        metrics::put_machine(page, &Usage::read(Path::new("/")));
    }

    fn health(&self) -> Health {
        self.snapshot().map_or_else(Health::starting, |net| Health::of_net(&net))
    }

    fn guard(&self) -> &Guard {
        &self.watch.guard
    }

    fn changed(&self) {
        self.taken.take();
    }

    fn flows(&self) -> Option<Flows> {
        let observer = self.watch.observer.get()?;
        let flows = observer.flows().iter().map(Flow::from).collect();
        Some(Flows { flows, missed: observer.flows_missed() })
    }

    fn freeze(&self, by: &str, stage: &str, law: &str, frozen: bool) -> Result<(), NotChanged> {
        let observer = self.running()?;
        if observer.freeze(by, stage, law, frozen) {
            return Ok(());
        }
        let net = self.snapshot();
        let there = net.iter().flat_map(|net| &net.stages).flat_map(|stage| {
            // All queues of an inlet have the same.
            let votes = stage.admission.first().map(|gate| &gate.votes[..]).unwrap_or_default();
            votes.iter().map(|vote| (stage.name.as_str(), vote.law))
        });
        Err(NotChanged::Unknown(no_such_law(stage, law, there)))
    }

    fn settings(&self) -> Vec<Setting> {
        self.watch.observer.get().map(Observer::settings).unwrap_or_default()
    }

    fn changes(&self) -> Vec<Changed> {
        self.watch.observer.get().map(Observer::changes).unwrap_or_default()
    }

    fn change(&self, by: &str, changes: &[(&str, Value)]) -> Result<(), NotChanged> {
        Ok(self.running()?.change(by, changes)?)
    }

    fn steer(&self, by: &str, stage: &str, how: Steer) -> Result<(), NotChanged> {
        let observer = self.running()?;
        let own =
            |net: &Snapshot| net.stages.iter().any(|one| one.name == stage && one.domain == ADMIN);
        if self.snapshot().is_some_and(|net| own(&net)) {
            let why = "the stages of the admin listener answer this: paused, they would not resume";
            return Err(NotChanged::Forbidden(why));
        }
        match how {
            Steer::Pause => observer.pause(by, stage)?,
            Steer::Step => observer.step(by, stage)?,
            Steer::Resume => observer.resume(by, stage)?,
        }
        Ok(())
    }

    fn watcher(&self) -> Option<&Mutex<Watcher>> {
        Some(&self.watch.watcher)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Machine, Settings};
    use crate::rules::Plan;
    use crate::service::Stores;
    use sluicegate::{Batch, Cx, Net, from_fn, stage};

    #[test]
    fn who_ask_at_once_are_told_the_same_and_a_change_is_seen_by_the_next() {
        let typed = Settings::default();
        let machine = Machine { cpus: 1, memory: 1 << 30, files: 4096 };
        let config = Config::new(&typed, machine).expect("a configuration");
        let plan = Plan::new(&config).expect("the demo needs no directory");
        let watch = Arc::new(Watch::new(&config, &Stores::without_memory(plan)));
        let mut sight = Sight::new(Arc::clone(&watch));
        assert_eq!(sight.json(), "{}");

        let mut net = Net::new("net");
        let cpu = net.domain("cpu").pinned(1);
        let work = || from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| batch.for_each(drop));
        let work = net.add(stage("work", work).on(cpu));
        let _entry = net.entry(work.inlet);
        let running = net.run().expect("no faults");
        watch.open(running.observer());
        let mut epoch = |born, now| {
            let shown: serde_json::Value =
                serde_json::from_str(&sight.of(Time(born), Time(now)).json()).expect("JSON");
            shown["epoch"].as_u64().expect("a number")
        };
        let first = epoch(10, 11);
        assert_eq!([epoch(9, 12), epoch(10, 31)], [first; 2], "they came before it was taken");
        let second = epoch(11, 32);
        assert!(second > first, "it came when that was taken");
        assert_eq!(epoch(31, 33), second);
        assert!(epoch(40, 41) > second);

        let last = epoch(40, 42);
        sight.steer("anna", "work", Steer::Pause).expect("it is there");
        sight.changed();
        let shown: serde_json::Value =
            serde_json::from_str(&sight.of(Time(40), Time(43)).json()).expect("JSON");
        assert!(shown["epoch"].as_u64() > Some(last));
        assert_eq!(shown["stages"][0]["paused"], true);
    }
}
