//! The mechanism of mutations, tried on a crate of a few lines.

use std::fs;
use std::path::PathBuf;

use super::*;
use crate::test::Verdict;

const SOUND: Mutation = Mutation {
    name: "adds one too many",
    file: "crates/tiny/src/lib.rs",
    find: "a + b",
    replace: "a + b + 1",
    suite: "sums",
    tests: &["two_and_two"],
};

fn fixture(name: &str) -> PathBuf {
    let dir = shell::scratch(&format!("fixture-{name}")).expect("a scratch directory");
    let tiny = dir.join("crates/tiny");
    fs::create_dir_all(tiny.join("src")).expect("src");
    fs::create_dir_all(tiny.join("tests")).expect("tests");
    let write = |path: PathBuf, text: &str| fs::write(path, text).expect("a fixture file");
    write(dir.join("Cargo.toml"), "[workspace]\nresolver = \"3\"\nmembers = [\"crates/*\"]\n");
    let manifest = "[package]\nname = \"tiny\"\nedition = \"2024\"\nversion = \"0.0.0\"\n";
    write(tiny.join("Cargo.toml"), manifest);
    let code = "pub fn add(a: u8, b: u8) -> u8 {\n    // The sum.\n    a + b\n}\n";
    write(tiny.join("src/lib.rs"), code);
    let tests = "#[test]\nfn two_and_two() {\n    assert_eq!(tiny::add(2, 2), 4);\n}\n\
        #[test]\nfn blind() {}\n";
    write(tiny.join("tests/sums.rs"), tests);
    dir
}

fn verdict(dir: &Path, mutation: Mutation) -> Result<(), String> {
    let mut scenes = run_on(dir, "tiny", &[mutation]).expect("the run itself works");
    match scenes.remove(0).verdict {
        Verdict::Passed => Ok(()),
        Verdict::Failed(why) | Verdict::Skipped(why) => Err(why),
    }
}

#[test]
fn a_mutation_counts_only_when_its_test_notices() {
    let dir = fixture("verdicts");
    let file = dir.join(SOUND.file);
    let before = fs::read_to_string(&file).expect("the fixture");
    assert_eq!(verdict(&dir, SOUND), Ok(()));
    let blind = verdict(&dir, Mutation { tests: &["two_and_two", "blind"], ..SOUND })
        .expect_err("a blind test");
    assert!(blind.contains("does not notice"), "{blind}");
    let unknown = verdict(&dir, Mutation { tests: &["gone"], ..SOUND }).expect_err("no such test");
    assert!(unknown.contains("no test is named gone"), "{unknown}");
    let broken = verdict(&dir, Mutation { replace: "a +", ..SOUND }).expect_err("no compile");
    assert!(broken.contains("with the mutation in place"), "{broken}");
    assert_eq!(fs::read_to_string(&file).expect("the fixture"), before, "the copy is restored");
}

#[test]
fn a_mutation_must_match_exactly_once() {
    let twice = mutate("a + b; a + b", &SOUND).expect_err("two places");
    assert!(twice.to_string().contains("found 2 times"), "{twice}");
    let never = mutate("a - b", &SOUND).expect_err("no place");
    assert!(never.to_string().contains("found 0 times"), "{never}");
}
