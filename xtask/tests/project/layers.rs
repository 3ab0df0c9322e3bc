//! Arrows between our crates point one way only.

use crate::metadata::{is_ours, list, metadata, text};
use crate::none;

/// From the innermost layer out; each may use what stands before it. xtask stands apart.
const LAYERS: [&str; 11] = [
    "sluicegate",
    "sluicegate-macros",
    "sluicegate-admin",
    "sluicegate-io",
    "sluicegate-http",
    "sluicegate-files",
    "sluicegate-volume",
    "sluicegate-web",
    "sluicegate-tower",
    "sluicegate-lab",
    "sluicegate-cli",
];

/// The kernel's own tests may use its macros: a dependency of tests alone.
const TEST_ONLY: (&str, &str) = ("sluicegate", "sluicegate-macros");

#[test]
fn layers_point_inward() {
    let metadata = metadata();
    let mut wrong = Vec::new();
    for package in list(&metadata["packages"]).iter().filter(|package| is_ours(package)) {
        let name = text(&package["name"]);
        let Some(place) = LAYERS.iter().position(|layer| *layer == name) else {
            assert_eq!(name, "xtask", "a crate that no layer names: say in LAYERS where it stands");
            continue;
        };
        for dependency in list(&package["dependencies"]) {
            let used = text(&dependency["name"]);
            let in_tests = dependency["kind"] == "dev" && (name, used) == TEST_ONLY;
            let outward =
                LAYERS.iter().position(|layer| *layer == used).is_some_and(|p| p >= place);
            if used == "xtask" || (outward && !in_tests) {
                wrong.push(format!("{name} must not depend on {used}"));
            }
        }
    }
    none("layers that point the wrong way", &wrong);
}

#[test]
fn the_kernel_depends_on_nothing() {
    let metadata = metadata();
    let mut packages = list(&metadata["packages"]).iter();
    let kernel = packages.find(|package| package["name"] == "sluicegate").expect("the kernel");
    let dependencies = list(&kernel["dependencies"]).iter();
    let used: Vec<String> = dependencies
        .filter(|dependency| dependency["kind"] != "dev")
        .map(|dependency| text(&dependency["name"]).to_owned())
        .collect();
    none("dependencies of the kernel", &used);
}

#[test]
fn xtask_stands_apart() {
    let metadata = metadata();
    let mut packages = list(&metadata["packages"]).iter();
    let xtask = packages.find(|package| package["name"] == "xtask").expect("xtask");
    let used = list(&xtask["dependencies"]).iter().map(|dependency| text(&dependency["name"]));
    let ours: Vec<String> = used.filter(|used| LAYERS.contains(used)).map(str::to_owned).collect();
    none("crates under test that xtask depends on", &ours);
}
