//! The log and what is said about it.
use super::*;
use crate::config::tests::{check, read};

#[test]
fn a_log_is_described_in_its_table() {
    let plain = read("").expect("all is optional");
    assert_eq!((plain.log, plain.request_id, plain.server_timing), (None, None, false));
    let text = "[log]\naccess = \"a.log\"\nformat = \"json\"\nwhen_full = \"wait\"\n\
                request_id = true\ntrust_request_id = true\nserver_timing = true\n";
    let config = read(text).expect("known settings");
    let target = crate::log::Target::File("a.log".into());
    let limits = Limits::default();
    let log = Log { target, format: crate::log::Format::Json, waits: true, limits };
    assert_eq!((config.log, config.server_timing), (Some(log), true));
    let id = RequestId { field: "X-Request-Id".into(), trust: true };
    assert_eq!(config.request_id, Some(id));
    let config = read("[log]\naccess = \"stderr\"\nrequest_id = \"Trace\"\n").expect("known too");
    assert_eq!(config.log.map(|log| log.target), Some(crate::log::Target::Stderr));
    assert_eq!(config.request_id.map(|id| (id.field, id.trust)), Some(("Trace".into(), false)));
    check(
        "[log]\nrequest_id = \"no name\"\n",
        "site.toml:2:14: `log.request_id` is \"no name\"; accepted: true, false or the name of a \
         field such as \"X-Request-Id\"",
    );
    check(
        "[log]\nserver_timing = \"true\"\n",
        "site.toml:2:17: `log.server_timing` is \"true\"; accepted: true or false",
    );
    check(
        "[log]\naccess = true\n",
        "site.toml:2:10: `log.access` is true; accepted: \"stdout\", \"stderr\" or the path \
         of a file",
    );
}

#[test]
fn files_of_the_log_have_bounds() {
    const MIB: u64 = 1 << 20;
    let limits = |more: &str| {
        let config = read(&format!("[log]\naccess = \"a.log\"\n{more}\n")).expect("known");
        config.log.expect("there is one").limits
    };
    assert_eq!(limits(""), Limits::default());
    let age = Some(std::time::Duration::from_secs(86_400));
    let size = Some(10 * MIB);
    assert_eq!(limits("rotate_age = \"24h\""), Limits { age, ..Limits::default() });
    assert_eq!(limits("rotate_size = \"10 MiB\""), Limits { size, ..Limits::default() });
    let both = Limits { size: Some(MIB), budget: Some(8 * MIB), age: None };
    assert_eq!(limits("budget = \"8 MiB\""), both, "a budget has room for several files");
    check(
        "[log]\naccess = \"a.log\"\nbudget = \"8 MiB\"\nrotate_size = \"5 MiB\"\n",
        "site.toml:4:15: `log.rotate_size` is 5 MiB, more than half of `log.budget`, 8 MiB: an old \
         file would be removed as soon as it is ended; accepted: a budget of twice the size or \
         more",
    );
    for access in ["", "access = \"stdout\"\n"] {
        let said = read(&format!("[log]\n{access}budget = \"8 MiB\"\n")).expect_err("no file");
        let expected = "`log.budget` is for a log in a file, and there is none";
        assert!(said.to_string().contains(expected), "{said}");
    }
}
