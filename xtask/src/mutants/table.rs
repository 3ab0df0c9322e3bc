//! The mutations of the kernel that its simulator tests must notice.

use super::Mutation;

/// Each is tried on its own.
pub const MUTATIONS: &[Mutation] = &[
    Mutation {
        name: "a worker that sleeps is not woken",
        file: "crates/sluicegate/src/run/mailbox.rs",
        find: "& bits != bits {\n            self.wake();",
        replace: "& bits != bits {",
        suite: "sim",
        test: "mutants::a_worker_that_sleeps_is_woken",
    },
    Mutation {
        name: "an end of a flow is not told",
        file: "crates/sluicegate/src/run/worker.rs",
        find: "self.replicas[usize::from(cell)].notice(notice);",
        replace: "",
        suite: "sim",
        test: "mutants::each_end_is_told_once",
    },
    Mutation {
        name: "an end of a flow is delivered twice",
        file: "crates/sluicegate/src/run/worker.rs",
        find: "self.replicas[usize::from(cell)].notice(notice);",
        replace: "for _ in 0..2 { self.replicas[usize::from(cell)].notice(notice); }",
        suite: "sim",
        test: "mutants::each_end_is_told_once",
    },
    Mutation {
        name: "a permit keeps its places",
        file: "crates/sluicegate/src/stage/permit.rs",
        find: "self.queue.give_back(self.left);",
        replace: "",
        suite: "sim",
        test: "mutants::a_permit_that_is_dropped_gives_its_places_back",
    },
    Mutation {
        name: "a parked stage is not told of room",
        file: "crates/sluicegate/src/queue/inlet.rs",
        find: "            tell(&waiting);",
        replace: "",
        suite: "sim",
        test: "mutants::a_parked_stage_is_told_of_room",
    },
];
