//! What does not compile, and the text that tells who wrote it.
#![forbid(unsafe_code)]

/// The toolchain whose texts are compared; others word them in their own way.
const WORDED_BY: &str = "rustc 1.95.";

#[test]
fn mistakes_are_told_when_they_are_compiled() {
    let told = std::process::Command::new("rustc").arg("--version").output();
    let version = told.map(|told| String::from_utf8_lossy(&told.stdout).into_owned());
    if version.is_ok_and(|version| version.starts_with(WORDED_BY)) {
        trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
    }
}
