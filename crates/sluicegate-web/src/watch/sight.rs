//! What the admin listener sees at one time: all who ask at once are answered from one snapshot.
use super::{ADMIN, Watch, metrics};
use sluicegate::{Changed, FlowTrace, Observer, Setting, Snapshot, Value};
use sluicegate_admin::metrics::{Page, put_net};
use sluicegate_admin::model::{Flow, Flows};
use sluicegate_admin::{Guard, Health, NotChanged, Seen, Steer, Watcher, no_such_law};
use sluicegate_io::resources::Usage;
use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::sync::Mutex;

/// One sight of a service, for a batch of questions. Each snapshot may wait for busy workers: a
/// sight takes its own when the first asks for it, so that further ones wait no longer, and nobody
/// is told what was before they asked. A change that is made has the next take another.
pub struct Sight<'a> {
    watch: &'a Watch,
    taken: RefCell<Option<Rc<Snapshot>>>,
}

impl<'a> Sight<'a> {
    /// What `watch` sees from now on.
    pub fn of(watch: &'a Watch) -> Self {
        Self { watch, taken: RefCell::default() }
    }

    /// The net as it is seen; none before it runs.
    fn snapshot(&self) -> Option<Rc<Snapshot>> {
        let observer = self.watch.observer.get()?;
        let mut taken = self.taken.borrow_mut();
        Some(Rc::clone(taken.get_or_insert_with(|| Rc::new(observer.snapshot()))))
    }

    /// The net that is to be changed.
    fn running(&self) -> Result<&Observer, NotChanged> {
        let none = || NotChanged::Conflict("no net runs yet; ask again when one does".to_owned());
        self.watch.observer.get().ok_or_else(none)
    }
}

impl Seen for Sight<'_> {
    /// An empty object before the net runs.
    fn json(&self) -> String {
        self.snapshot().map_or_else(|| "{}".to_owned(), |net| self.watch.shown(&net))
    }

    /// Nothing before the net runs.
    fn put_metrics(&self, page: &mut Page) {
        let Some(net) = self.snapshot() else { return };
        put_net(page, &net);
        metrics::put_server(page, self.watch);
        metrics::put_machine(page, &Usage::read(Path::new("/")));
    }

    fn health(&self) -> Health {
        self.snapshot().map_or_else(Health::starting, |net| Health::of_net(&net))
    }

    fn guard(&self) -> &Guard {
        &self.watch.guard
    }

    fn changed(&self, what: &str) {
        self.taken.take();
        self.watch.on_change.iter().for_each(|tell| tell(what));
    }

    fn flows(&self) -> Option<Flows> {
        let observer = self.watch.observer.get()?;
        // Who looks is not looked at.
        let own = |flow: &FlowTrace| flow.steps.iter().any(|step| step.domain == ADMIN);
        let flows = observer.flows();
        let flows = flows.iter().filter(|flow| !own(flow)).map(Flow::from).collect();
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
    use crate::cache::{Loader, Store};
    use crate::config::{Config, Machine, Settings};
    use crate::rules::Plan;
    use sluicegate::{Batch, Cx, Net, from_fn, stage};

    #[test]
    fn who_ask_at_once_are_told_the_same_and_a_change_is_seen_by_the_next() {
        let typed = Settings::default();
        let machine = Machine { cpus: 1, memory: 1 << 30, files: 4096 };
        let config = Config::new(&typed, machine).expect("a configuration");
        let plan = Plan::new(&config).expect("the demo needs no directory");
        let watch = Watch::new(&config, &Loader::new(plan, Store::new(0), 0));
        assert_eq!(Sight::of(&watch).json(), "{}");

        let mut net = Net::new("net");
        let cpu = net.domain("cpu").pinned(1);
        let work = || from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| batch.for_each(drop));
        let work = net.add(stage("work", work).on(cpu));
        let _entry = net.entry(work.inlet);
        let running = net.run().expect("no faults");
        watch.open(running.observer());
        let epoch = |sight: &Sight<'_>| {
            let shown: serde_json::Value = serde_json::from_str(&sight.json()).expect("JSON");
            shown["epoch"].as_u64().expect("a number")
        };
        let sight = Sight::of(&watch);
        let first = epoch(&sight);
        assert_eq!(epoch(&sight), first);
        sight.steer("anna", "work", Steer::Pause).expect("it is there");
        sight.changed("anna paused work");
        let changed = epoch(&sight);
        assert!(changed > first);
        assert!(epoch(&Sight::of(&watch)) > changed);
    }
}
