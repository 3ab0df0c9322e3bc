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
    let log = Log { target, format: crate::log::Format::Json, waits: true };
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
