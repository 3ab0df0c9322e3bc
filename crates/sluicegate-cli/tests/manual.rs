//! The manual and the example say what the program does: each setting is in them, each snippet
//! can be used.
mod common;

use common::{Scratch, run};
use std::path::{Path, PathBuf};
use std::{fs, str};

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Whether `check` takes this configuration, below a directory with all that examples name.
#[track_caller]
fn check(scratch: &Scratch, what: &str, toml: &str) -> String {
    let file = scratch.write("site.toml", toml);
    let output = run(&["check", &file]);
    let complaints = str::from_utf8(&output.stderr).expect("text");
    assert!(output.status.success(), "{what}: {complaints}\n{toml}");
    String::from_utf8(output.stdout).expect("text")
}

fn places() -> Scratch {
    let scratch = Scratch::new();
    for directory in ["www", "blog", "docs"] {
        scratch.write(&format!("{directory}/index.html"), "home");
    }
    let hash = "$2b$12$......................UnIy.DVfSdUGd0NmgBBN.Y9PJGsgoiu";
    scratch.write("users.htpasswd", format!("ali:{hash}\n"));
    scratch.write("admin.token", "0123456789abcdef0123456789abcdef\n");
    scratch
}

#[test]
fn the_example_can_be_used_and_is_explained() {
    let text = fs::read_to_string(top().join("examples/site.toml")).expect("it is there");
    let said = check(&places(), "the example", &text);
    for line in [
        "listens on 127.0.0.1:8080; its net on 127.0.0.1:9900",
        "all hosts, /api/net and below: the net as JSON",
        "all hosts, /burn and below: burn, in a pool, target 50ms",
        "example.org, *.example.org: ",
        "all other hosts: ",
        "  redirect 301 /old/* -> /new/*",
        "  rule 2 for /assets: Cache-Control: public, max-age=31536000, immutable",
        "  rule 5 for /private: login to \"private\" for 1 users",
        "  error 404: /errors/404.html",
    ] {
        assert!(said.contains(line), "{line}:\n{said}");
    }
    let at = text.lines().position(|line| line == "workers = 2").expect("it is there") + 1;
    assert!(said.contains(&format!("site.toml:{at}:11)\n")), "where it was typed:\n{said}");
    sluicegate_web::each(&sluicegate_web::FILE, "", &mut |name, _| {
        let key = name.rsplit('.').next().expect("a name");
        let is_there = |line: &str| {
            let line = line.trim_start_matches("# ");
            line.split(" = ").next() == Some(key)
        };
        assert!(text.lines().any(is_there), "{name} is not in the example");
    });
}

#[test]
fn the_manual_names_every_setting() {
    let text = fs::read_to_string(top().join("docs/configuration.md")).expect("it is there");
    sluicegate_web::each(&sluicegate_web::FILE, "", &mut |name, key| {
        // What holds in a host stands with the site.
        let name = name.strip_prefix("host.").filter(|rest| rest.contains('.')).unwrap_or(name);
        let row = text.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
        let row = row.unwrap_or_else(|| panic!("{name} is not in docs/configuration.md"));
        if let sluicegate_web::Preset::Text(preset) = key.preset {
            assert!(row.contains(&format!("`{preset}`")), "{name} has the default {preset}: {row}");
        }
    });
}

#[test]
fn every_snippet_of_the_manual_can_be_used() {
    let scratch = places();
    let mut seen = 0;
    for page in fs::read_dir(top().join("docs")).expect("it is there").map_while(Result::ok) {
        // Beside the pages are their pictures.
        if page.path().is_dir() {
            continue;
        }
        let text = fs::read_to_string(page.path()).expect("a readable page");
        for part in text.split("```toml\n").skip(1) {
            let (toml, _) = part.split_once("```").expect("a snippet ends");
            check(&scratch, &page.path().display().to_string(), toml);
            seen += 1;
        }
    }
    assert!(seen > 8, "{seen} snippets");
}

#[test]
fn the_schema_is_printed() {
    let output = run(&["schema"]);
    assert!(output.status.success());
    let schema: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["properties"]["cache"]["properties"]["stream_above"]["default"], "1 MiB");
}
