//! A generator that lacks descriptors: its run is void, and it says what was missing.

mod common;

use std::net::TcpListener;
use std::time::Duration;

use common::backends;
use rustix::process::{Resource, getrlimit, setrlimit};
use sluicegate_lab::{Load, Plan, Population, Rate, Void, run};

/// Less than the connections of the plan, and enough for all else.
const DESCRIPTORS: u64 = 64;

// The limit is the process's: no other test stands beside this one.
#[test]
fn a_generator_without_descriptors_blames_no_server() {
    let mut limits = getrlimit(Resource::Nofile);
    limits.current = Some(DESCRIPTORS);
    setrlimit(Resource::Nofile, limits).expect("a lower limit");
    for backend in backends() {
        // Nobody accepts or answers: no connection becomes free before its client gives it up.
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let rate = Rate { poisson: false, ..Rate::steady(1000.0, Duration::from_secs(60)) };
        let target = Duration::from_millis(100);
        let population = Population::new("all", Load::Open(rate), "/", 100, target);
        let to = server.local_addr().unwrap().to_string().parse().unwrap();
        let mut plan = Plan::new(to, population, Duration::from_millis(300));
        // Whether the machine is busy is not what is tested.
        plan.lag_max = Duration::from_secs(60);
        let report = run(&plan, backend).unwrap();
        let starved = report.populations[0].starved;
        assert!(starved > 0, "{backend:?}: {:?}", report.populations[0].errors);
        assert_eq!(report.void, [Void::Starved(starved)]);
        let why = report.usual_error().expect("each is an error");
        assert!(why.starts_with("no connection: Too many open files"), "{why}");
    }
}
