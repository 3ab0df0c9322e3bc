//! All resources together, on this machine and on those that are made of files.
use super::fake::Root;
use super::*;
use sluicegate::{Level, OwnSettings, Time};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// One of each.
fn all() -> [Resource; 12] {
    let budgets = [
        Budget::Memory(1 << 20),
        Budget::SystemMemory,
        Budget::Descriptors(1),
        Budget::CpuPressure(50),
        Budget::MemoryPressure(50),
        Budget::IoPressure(50),
        Budget::CpuThrottling(50),
        Budget::RunDelay(Duration::ZERO),
        Budget::SiteSpace,
        Budget::LogSpace,
        Budget::DiskLatency(Duration::from_millis(1)),
        Budget::CacheMisses(50),
    ];
    budgets.map(Resource::new)
}

/// What is used of these, read once, `s` seconds after the start.
fn used(reader: &mut Reader, all: &[Resource], s: u64) -> Vec<Option<f64>> {
    reader.read(Time(0) + Duration::from_secs(s));
    all.iter().map(|resource| resource.gauge().used()).collect()
}

const PSI: &str = "some avg10=75.00 avg60=0.00 avg300=0.00 total=0\n";

#[test]
fn a_gauge_says_the_share_of_its_budget_and_nothing_where_a_file_is_not_what_it_was() {
    let root = Root::new();
    let all = [Budget::Memory(1 << 20), Budget::CpuPressure(50)].map(Resource::new);
    let mut reader = Reader::new(root.path(), &all, &Sources::default());
    assert_eq!(used(&mut reader, &all, 0), [None, None], "there are no files");
    root.write("proc/self/status", "VmRSS:  512 kB\n");
    root.write("proc/pressure/cpu", PSI);
    assert_eq!(used(&mut reader, &all, 1), [Some(0.5), Some(1.5)]);
    root.write("proc/self/status", b"VmRSS:\xff\xfe kB");
    root.write("proc/pressure/cpu", "");
    assert_eq!(used(&mut reader, &all, 2), [None, None], "what was known is not kept");
}

#[test]
fn what_moves_slowly_is_read_once_a_second() {
    let root = Root::of(&[("proc/self/status", "VmRSS: 512 kB\n"), ("proc/pressure/cpu", PSI)]);
    let all = [Budget::Memory(1 << 20), Budget::CpuPressure(75)].map(Resource::new);
    let mut reader = Reader::new(root.path(), &all, &Sources::default());
    let mut at = |ms: u64| {
        reader.read(Time(0) + Duration::from_millis(ms));
        all.each_ref().map(|resource| resource.gauge().used())
    };
    assert_eq!(at(0), [Some(0.5), Some(1.0)]);
    root.write("proc/self/status", "VmRSS: 1024 kB\n");
    root.write("proc/pressure/cpu", PSI.replace("75", "15"));
    assert_eq!(at(999), [Some(1.0), Some(1.0)]);
    assert_eq!(at(1000), [Some(1.0), Some(0.2)]);
}

/// Machines that tell of both versions of control groups, of one, of none, or nonsense; and the
/// names of what is known there.
#[test]
fn a_machine_loses_only_the_signals_that_it_does_not_tell() {
    let v1 = [
        ("sys/fs/cgroup/memory/memory.limit_in_bytes", "1000"),
        ("sys/fs/cgroup/memory/memory.usage_in_bytes", "10"),
        ("sys/fs/cgroup/cpu/cpu.stat", "nr_periods 1\nnr_throttled 0\n"),
    ];
    let v2 = [
        ("sys/fs/cgroup/memory.max", "1000"),
        ("sys/fs/cgroup/memory.current", "10"),
        ("sys/fs/cgroup/io.pressure", PSI),
        ("sys/fs/cgroup/cpu.stat", "nr_periods 1\nnr_throttled 0\n"),
    ];
    let (in_v1, in_v2) = ("2:memory:/\n1:cpu:/\n", "0::/\n");
    let with = |groups: &str, files: &[(&str, &str)]| {
        let root = Root::of(files);
        root.write("proc/self/cgroup", groups);
        root
    };
    let both = with(&[in_v1, in_v2].concat(), &[&v1[..], &v2[..]].concat());
    let nonsense = with("\u{fffd}:::\n0:x\n::", &[("sys/fs/cgroup/memory.max", "many")]);
    nonsense.write("proc/meminfo", b"MemTotal: \xff");
    nonsense.write("proc/self/status/x", "a directory in the place of a file");
    nonsense.write("proc/pressure/io", "some avg10=");
    let known = |root: &Root| {
        let all = all();
        let mut reader = Reader::new(root.path(), &all, &Sources::default());
        reader.read(Time(0));
        let known = all.iter().filter(|resource| resource.gauge().used().is_some());
        known.map(|resource| resource.gauge().name()).collect::<Vec<_>>()
    };
    assert_eq!(known(&both), ["system-memory", "io-pressure", "cpu-throttling"]);
    assert_eq!(known(&with(in_v1, &v1)), ["system-memory", "cpu-throttling"]);
    assert_eq!(known(&with(in_v2, &v2)), ["system-memory", "io-pressure", "cpu-throttling"]);
    assert_eq!(known(&with(in_v2, &v1)), [""; 0], "files of groups that it is not in");
    assert_eq!(known(&Root::new()), [""; 0]);
    assert_eq!(known(&nonsense), [""; 0]);
}

#[test]
fn what_others_measure_is_held_against_its_budget() {
    let sources = Sources::default();
    let all = [Budget::DiskLatency(Duration::from_millis(2)), Budget::CacheMisses(50)];
    let all = all.map(Resource::new);
    let mut reader = Reader::new(Path::new("/nowhere"), &all, &sources);
    assert_eq!(used(&mut reader, &all, 0), [None, None]);
    let (mut disk, mut lookups) = (sources.disk.sampler(), sources.lookups.sampler());
    for n in 0..100 {
        disk.add(3_000_000);
        lookups.add(u64::from(n % 4 == 0));
    }
    let found = used(&mut reader, &all, 1);
    let about = [1.5, 0.5].iter().zip(&found);
    assert!(about.clone().all(|(a, b)| b.is_some_and(|b| (a - b).abs() < 1e-9)), "{found:?}");
    let levels = all.each_ref().map(|resource| resource.gauge().level());
    assert_eq!(levels, [Level::Short, Level::Calm]);
}

#[test]
fn this_machine_tells_what_it_can() {
    let sources =
        Sources { site: vec!["/".into()], log: Some(std::env::temp_dir()), ..Sources::default() };
    sources.threads.add_this();
    let all = all();
    let mut reader = Reader::new(Path::new("/"), &all, &sources);
    reader.read(Time(0));
    reader.read(Time(1_000_000_000));
    let gauge = |name: &str| {
        let one = all.iter().find(|resource| resource.gauge().name() == name);
        Arc::clone(one.expect("one of them").gauge())
    };
    assert!(gauge("memory").used() > Some(0.0), "a process is in memory");
    assert!(gauge("descriptors").used() >= Some(1.0), "something is open");
    assert!(gauge("system-memory").used() > Some(0.0), "a machine has memory");
    for space in ["site-space", "log-space"] {
        assert!(gauge(space).used().is_some_and(|used| used <= 1.0), "{space}");
    }
    for resource in &all {
        // The kernel may have been made without some of them; what it tells is a number.
        assert!(resource.gauge().used().is_none_or(|used| used >= 0.0), "{resource:?}");
    }
}

#[test]
fn the_thresholds_of_each_can_be_set() {
    struct Own(Reader);
    impl sluicegate::Stage for Own {
        type In = ();
        type Out = ();
        fn handle(&mut self, _: sluicegate::Batch<'_, ()>, _: &mut sluicegate::Cx<'_, ()>) {}
        fn settings(&mut self, own: &mut OwnSettings<'_>) {
            self.0.settings(own);
        }
        fn start(&mut self, cx: &mut sluicegate::Cx<'_, ()>) {
            cx.after(Duration::from_millis(10), 0);
        }
        fn timer(&mut self, _: u64, cx: &mut sluicegate::Cx<'_, ()>) {
            self.0.read(cx.now());
            cx.after(Duration::from_millis(10), 0);
        }
    }
    let root = Arc::new(Root::of(&[("proc/self/status", "VmRSS: 512 kB\n")]));
    let memory = Resource::new(Budget::Memory(1 << 20));
    let (own, all) = (Arc::clone(&root), [memory.clone()]);
    let mut net = sluicegate::Net::new("net");
    let cpu = net.domain("cpu").pinned(1);
    let make = move || Own(Reader::new(own.path(), &all, &Sources::default()));
    net.add(sluicegate::stage("resources", make).on(cpu));
    let mut sim = sluicegate::Sim::new(net, 1).expect("no faults");
    let mut level = |set: Option<(&str, f64)>| {
        if let Some((which, value)) = set {
            let path = format!("stages.resources.own.memory.{which}");
            sim.observer().change("test", &[(&path, value.into())]).expect("in its range");
        }
        assert!(sim.run_for(Duration::from_millis(100), 10_000));
        memory.gauge().level()
    };
    assert_eq!(level(None), Level::Calm);
    assert_eq!(level(Some(("pressed", 0.5))), Level::Pressed);
    assert_eq!(level(Some(("short", 0.4))), Level::Short, "whatever the other says");
    assert_eq!(level(Some(("short", 0.55))), Level::Short, "a tenth below it would be left");
    assert_eq!(level(Some(("short", 0.95))), Level::Pressed);
}
