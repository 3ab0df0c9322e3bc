//! The mutations of the kernel that its simulator tests must notice.

use super::{MODELS, Mutation};

/// Many seeds over random nets, with troubles.
const SEEDS: &str = "seeds::every_net_is_even_and_comes_to_rest_whatever_befalls_it";

/// Transactions over two queues, and windows with permits, with troubles.
const TRANSACTIONS: &str = "transactions::\
    all_parts_arrive_or_none_and_two_who_want_the_same_do_not_lock_each_other_out";
const FAULTS: &str = "faults::a_window_and_its_permits_are_whole_again_whatever_went_wrong";

/// Permits of wires that choose the replica or have a tee, beside counters.
const PLACES: &str = "places::permits_of_every_kind_of_wire_are_counters";

/// Each is tried on its own.
pub const MUTATIONS: &[Mutation] = &[
    Mutation {
        name: "a worker that sleeps is not woken",
        file: "crates/sluicegate/src/run/mailbox.rs",
        find: "& bits != bits {\n            self.wake();",
        replace: "& bits != bits {",
        suite: "sim",
        tests: &["mutants::a_worker_that_sleeps_is_woken", SEEDS],
    },
    Mutation {
        name: "a worker looks before it says that it sleeps",
        file: "crates/sluicegate/src/run/mailbox.rs",
        find: "        self.parked.store(true, SeqCst);\n        \
               let idle = self.ready.load(SeqCst) == 0;\n",
        replace: "        let idle = self.ready.load(SeqCst) == 0;\n        \
                  self.parked.store(true, SeqCst);\n",
        // In the simulator nobody comes between.
        suite: MODELS,
        tests: &["run::models::a_worker_that_falls_asleep_hears_what_it_is_told"],
    },
    Mutation {
        name: "a group tells its worker of nothing",
        file: "crates/sluicegate/src/run/mailbox.rs",
        find: "            worker.notify(*bit);\n",
        replace: "            let _ = (worker, bit);\n",
        suite: MODELS,
        tests: &["run::models::a_group_hears_what_its_members_are_told"],
    },
    Mutation {
        name: "workers are told of an epoch that has not begun",
        file: "crates/sluicegate/src/observe/stats.rs",
        find: "        let epoch = self.epoch.fetch_add(1, SeqCst) + 1;\n        tell_all();\n",
        replace: "        tell_all();\n        let epoch = self.epoch.fetch_add(1, SeqCst) + 1;\n",
        suite: MODELS,
        tests: &["run::models::an_epoch_is_published_by_workers_that_sleep_and_that_run"],
    },
    Mutation {
        name: "a gauge takes a reading beside its level",
        file: "crates/sluicegate/src/control/gauge.rs",
        find: "        let mut kept = self.kept();\n        \
               self.used.store(used.unwrap_or(f64::NAN).to_bits(), Relaxed);\n",
        replace: "        self.used.store(used.unwrap_or(f64::NAN).to_bits(), Relaxed);\n        \
                  let mut kept = self.kept();\n",
        suite: MODELS,
        tests: &["run::models::a_worker_hears_the_last_level_of_a_gauge_whoever_sets_it"],
    },
    Mutation {
        name: "an end of a flow is not told",
        file: "crates/sluicegate/src/run/worker/news.rs",
        find: "|replica, member| replica.notice(member, notice)",
        replace: "|_, _| ()",
        suite: "sim",
        tests: &["mutants::each_end_is_told_once", SEEDS],
    },
    Mutation {
        name: "an end of a flow is delivered twice",
        file: "crates/sluicegate/src/run/worker/news.rs",
        find: "|replica, member| replica.notice(member, notice)",
        replace: "|replica, member| (0..2).for_each(|_| replica.notice(member, notice))",
        suite: "sim",
        tests: &["mutants::each_end_is_told_once", SEEDS],
    },
    Mutation {
        name: "a permit keeps its places",
        file: "crates/sluicegate/src/stage/permit.rs",
        find: "self.grant.give_back(self.left);",
        replace: "",
        suite: "sim",
        tests: &["mutants::a_permit_that_is_dropped_gives_its_places_back"],
    },
    Mutation {
        name: "who lacks places beyond one port keeps those beyond the others",
        file: "crates/sluicegate/src/queue/inlet.rs",
        find: "reserved.saturating_sub(n);\n        let waiting = &mut",
        replace: "reserved.saturating_sub(0);\n        let waiting = &mut",
        suite: "sim",
        tests: &[TRANSACTIONS],
    },
    Mutation {
        name: "who lacks places is not told of room",
        file: "crates/sluicegate/src/queue/link.rs",
        find: "            locked.wait(&self.me);\n            return None;",
        replace: "            return None;",
        suite: "sim",
        tests: &[TRANSACTIONS],
    },
    Mutation {
        name: "a worker takes what was sent in an epoch for which it has not published",
        file: "crates/sluicegate/src/queue/inlet.rs",
        find: "if lanes.epoch > aside.epoch {",
        replace: "if lanes.epoch > aside.epoch && false {",
        suite: "",
        tests: &["queue::tests::\
             nothing_is_taken_that_was_sent_in_an_epoch_which_the_worker_has_not_published_for"],
    },
    Mutation {
        name: "what has a place stands behind what has none",
        file: "crates/sluicegate/src/stage/out.rs",
        find: "self.events.insert(place, event);",
        replace: "self.events.push_back(event);",
        suite: "",
        tests: &["stage::permit_tests::permits_are_counters_and_what_has_a_place_gets_there"],
    },
    Mutation {
        name: "a permit takes no place of its window",
        file: "crates/sluicegate/src/stage/window.rs",
        find: "self.promises.keep(n);",
        replace: "let _ = n;",
        suite: "sim",
        tests: &[FAULTS],
    },
    Mutation {
        name: "a parked stage is not told of room",
        file: "crates/sluicegate/src/queue/inlet.rs",
        find: "            tell(&waiting);",
        replace: "",
        suite: "sim",
        tests: &["mutants::a_parked_stage_is_told_of_room", SEEDS],
    },
    Mutation {
        name: "a worker falls asleep over what it was told",
        file: "crates/sluicegate/src/run/mailbox.rs",
        find: "        let idle = self.ready.load(SeqCst) == 0;\n",
        replace: "        let idle = true;\n",
        suite: "sim",
        tests: &[SEEDS],
    },
    Mutation {
        name: "a thread of a pool is woken that cannot do the work",
        file: "crates/sluicegate/src/run/mailbox.rs",
        find: "rposition(|sleeper| sleeper.parked & bit == 0)",
        replace: "rposition(|_| true)",
        suite: "sim",
        // Random nets get over it: it is late, and not lost.
        tests: &["pools::a_thread_is_woken_that_can_do_the_work"],
    },
    Mutation {
        name: "nobody is told of places that were given back",
        file: "crates/sluicegate/src/queue/inlet.rs",
        find: "saturating_sub(n);\n        \
               let waiting = std::mem::take(&mut locked.lanes.waiting);\n        \
               drop(locked);\n        tell(&waiting);",
        replace: "saturating_sub(n);\n        drop(locked);",
        suite: "sim",
        tests: &[SEEDS],
    },
    Mutation {
        name: "a delivery rings no bell",
        file: "crates/sluicegate/src/queue/link.rs",
        find: "        if sent > 0 {\n            bell.ring();\n        }\n",
        replace: "        let _ = bell;\n",
        suite: "sim",
        tests: &[SEEDS],
    },
    Mutation {
        name: "the flows that a lost replica asked for vanish",
        file: "crates/sluicegate/src/run/replica/mod.rs",
        find: "            cx.desk.hold(1);\n            drop(tag);\n",
        replace: "            std::mem::forget(tag);\n",
        suite: "sim",
        tests: &[SEEDS],
    },
    Mutation {
        name: "flows that go on as letters stay with the stage that panicked too",
        file: "crates/sluicegate/src/run/letters.rs",
        find: "        desk.hold(-(tags.len() as i64));\n",
        replace: "",
        suite: "sim",
        tests: &[SEEDS],
    },
    Mutation {
        name: "what is diverted is counted where it was too",
        file: "crates/sluicegate/src/run/letters.rs",
        find: "        desk.queue(-(flows as i64));\n",
        replace: "        let _ = flows;\n",
        suite: "sim",
        tests: &[SEEDS],
    },
    Mutation {
        name: "what is put back is counted twice",
        file: "crates/sluicegate/src/event/batch.rs",
        find: "            self.desk.hold(-1);\n            self.desk.queue(1);\n",
        replace: "            self.desk.queue(1);\n",
        suite: "sim",
        tests: &[SEEDS],
    },
    Mutation {
        name: "a thread that parks leaves what waits to nobody",
        file: "crates/sluicegate/src/run/replica/mod.rs",
        find: "!was_parked && handled.more {\n            self.tell_others();",
        replace: "!was_parked && handled.more {",
        suite: "sim",
        // The same.
        tests: &["pools::what_a_slice_left_over_is_for_all_when_its_replica_parks"],
    },
    Mutation {
        name: "a timer runs out and nobody hears",
        file: "crates/sluicegate/src/run/worker/news.rs",
        find: "|replica, member| replica.timer(member, token)",
        replace: "|_, _| _ = token",
        suite: "sim",
        tests: &[SEEDS],
    },
    Mutation {
        name: "a source that missed a place is not told of one",
        file: "crates/sluicegate/src/desk.rs",
        find: "if notes & MISSED != 0 {",
        replace: "if notes & MISSED != 0 && false {",
        suite: "sim",
        tests: &[SEEDS],
    },
    Mutation {
        name: "what a stage sends is counted as if it held it still",
        file: "crates/sluicegate/src/run/replica/mod.rs",
        find: "self.held -= emitted as i64;",
        replace: "let _ = emitted;",
        suite: "sim",
        tests: &[SEEDS],
    },
    Mutation {
        name: "a fused stage that can go on tells nobody",
        file: "crates/sluicegate/src/run/replica/fuse.rs",
        find: "let unparked = was_parked && !this.parked;",
        replace: "let unparked = was_parked && false;",
        suite: "sim",
        tests: &[SEEDS],
    },
    Mutation {
        name: "what is handled in the run of another is counted as if it waited",
        file: "crates/sluicegate/src/run/replica/fuse.rs",
        find: "cx.desk.queue(flows);",
        replace: "let _ = flows;",
        suite: "sim",
        tests: &[SEEDS],
    },
    Mutation {
        name: "a link of several keeps what places it did not need",
        file: "crates/sluicegate/src/queue/several.rs",
        find: "        link.release(placed - used);",
        replace: "let _ = (placed, used);",
        suite: "sim",
        tests: &[PLACES],
    },
    Mutation {
        name: "nobody knows that places beyond one replica are taken",
        file: "crates/sluicegate/src/queue/routed.rs",
        find: "self.lent.fetch_add(wanted.n - wanted.spare, Relaxed);",
        replace: "let _ = wanted.spare;",
        suite: "sim",
        tests: &[PLACES],
    },
    Mutation {
        name: "what is short in one queue stays taken in the others",
        file: "crates/sluicegate/src/queue/several.rs",
        find: "self.nth(before).retract(new)",
        replace: "{ let _ = (before, new); }",
        suite: "sim",
        tests: &[PLACES],
    },
    Mutation {
        name: "a copy is its sender's too",
        file: "crates/sluicegate/src/queue/tee.rs",
        find: "desk.hold(-i64::from(tag.is_flow()));",
        replace: "let _ = desk;",
        suite: "sim",
        tests: &[SEEDS],
    },
    Mutation {
        name: "a flow whose question died is in nobody's hands",
        file: "crates/sluicegate/src/run/replica/handle.rs",
        find: "cx.desk.hold(1);\n                    Ended {",
        replace: "Ended {",
        suite: "sim",
        tests: &[SEEDS],
    },
    Mutation {
        name: "what comes passes into a part that has stopped",
        file: "crates/sluicegate/src/part/way.rs",
        find: "part.is_some_and(|part| part.stopped.get().is_some())",
        replace: "part.is_none()",
        suite: "threads",
        // A simulated worker always comes back.
        tests: &[
            "parts::nothing_passes_into_a_part_that_has_stopped_while_a_thread_of_it_does_not_\
                  come_back",
        ],
    },
];
