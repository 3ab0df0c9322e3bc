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
        &format!("root = \".\"\n{all}"),
        "site.toml:3:10: `resources.memory` is heeded where a route has a `target`, and none has; \
         accepted: a route with one, or leave it out\n\
         site.toml:4:15: `resources.descriptors` is heeded where a route has a `target`, and none \
         has; accepted: a route with one, or leave it out\n\
         site.toml:5:16: `resources.cpu_pressure` is heeded where a route has a `target`, and none \
         has; accepted: a route with one, or leave it out\n\
         site.toml:6:13: `resources.run_delay` is heeded where a route has a `target`, and none \
         has; accepted: a route with one, or leave it out",
    );
    check(
        &format!("[resources]\nmemory = \"1 KiB\"\ncpu_pressure = 101\n{GATED}"),
        "site.toml:2:10: `resources.memory` is \"1 KiB\"; accepted: bytes from 1 MiB to 1 PiB, \
         such as 65536 or \"64 KiB\"\n\
         site.toml:3:16: `resources.cpu_pressure` is 101; accepted: a whole number from 1 to 100",
    );
}
