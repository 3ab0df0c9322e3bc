//! The packages of the workspace and of everything it depends on, as cargo sees them.

use std::process::Command;

use serde_json::Value;

use crate::root;

/// `cargo metadata` of the workspace, all dependencies included.
pub fn metadata() -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["metadata", "--format-version", "1", "--all-features"]).current_dir(root());
    let output = command.output().expect("cargo metadata runs");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo metadata failed: {complaint}");
    serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON")
}

/// The elements of an array in the metadata.
pub fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A text in the metadata; empty if it is missing.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Whether a package of the metadata is one of the workspace's own.
pub fn is_ours(package: &Value) -> bool {
    package["source"].is_null()
}
