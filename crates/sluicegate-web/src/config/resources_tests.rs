//! Resources and what is said about them.
use super::*;
use crate::config::tests::{GATED, MACHINE, check, read};
use std::time::Duration;

#[test]
fn gates_heed_memory_by_default_and_what_else_is_asked_for() {
    let resources = |text: &str| read(text).expect("it can be used").resources;
    assert_eq!(resources(GATED), [Budget::Memory(MACHINE.memory)]);
    assert_eq!(resources(""), [Budget::Memory(MACHINE.memory)], "the demo has a gate");
    assert_eq!(resources("root = \".\"\n"), [], "and this has none");
    let all = "[resources]\nmemory = \"64 MiB\"\ndescriptors = 5000\ncpu_pressure = 80\n\
               run_delay = \"20ms\"\n";
    assert_eq!(
        resources(&format!("{all}{GATED}")),
        [
            Budget::Memory(64 << 20),
            Budget::Descriptors(5000),
            Budget::CpuPressure(80),
            Budget::RunDelay(Duration::from_millis(20)),
        ]
    );
    check(
        &format!("[resources]\nmemory = \"1 KiB\"\ncpu_pressure = 101\n{GATED}"),
        "site.toml:2:10: `resources.memory` is \"1 KiB\"; accepted: bytes from 1 MiB to 1 PiB, \
         such as 65536 or \"64 KiB\"\n\
         site.toml:3:16: `resources.cpu_pressure` is 101; accepted: a whole number from 1 to 100",
    );
}

#[test]
fn what_no_gate_heeds_is_watched_all_the_same() {
    let signals = |text: &str| read(text).expect("it can be used").signals;
    let unasked = [
        Budget::SystemMemory,
        Budget::CpuPressure(100),
        Budget::MemoryPressure(40),
        Budget::IoPressure(80),
        Budget::CpuThrottling(100),
    ];
    let disk = Duration::from_millis(100);
    let site = [Budget::SiteSpace, Budget::DiskLatency(disk), Budget::CacheMisses(100)];
    assert_eq!(signals(""), unasked, "the demo lies in the program");
    let memory = [Budget::Memory(MACHINE.memory)];
    assert_eq!(signals("root = \".\"\n"), [&memory[..], &unasked, &site].concat());
    let log = "root = \".\"\nlog.access = \"a.log\"\n";
    assert_eq!(signals(log).last(), Some(&Budget::LogSpace));
    let typed = "root = \".\"\n[resources]\nio_pressure = 10\nmemory_pressure = 20\n\
                 cpu_throttling = 30\ncpu_pressure = 50\n";
    let typed = signals(typed);
    let first = [
        memory[0],
        Budget::CpuPressure(50),
        Budget::MemoryPressure(20),
        Budget::IoPressure(10),
        Budget::CpuThrottling(30),
        Budget::SystemMemory,
    ];
    assert_eq!(typed, [&first[..], &site].concat(), "each once");
}
