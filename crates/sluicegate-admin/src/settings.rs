//! `/api/settings`: what may be set, what was changed, and changes of it.

use crate::answer::{Answer, Asked, Seen, is_read};
use crate::events;
use crate::query::{decoded, pairs, value};
use serde_json::{Value as Json, json};
use sluicegate::{Changed, Setting, Value};

/// Settings that are changed at once.
const AT_ONCE: usize = 64;

const HOW: &str = "accepted: ?PATH=NUMBER, as many as 64 of them, and by=NAME; with paths from GET \
                   /api/settings and numbers in the unit that it says\n";

/// Lists the settings, those under a path with `?under=stages.load`; or changes what a POST or
/// PATCH names.
pub(crate) fn answer(asked: Asked<'_>, seen: &impl Seen) -> Answer {
    if is_read(asked.method) {
        return list(asked.query.unwrap_or_default(), seen);
    }
    if !matches!(asked.method, b"POST" | b"PATCH") {
        return Answer::not_allowed("GET, HEAD, PATCH, POST");
    }
    let query = asked.query.unwrap_or_default();
    let Some(changes) = changes(query) else { return Answer::text(400, HOW) };
    let changes: Vec<_> = changes.iter().map(|(path, value)| (&**path, *value)).collect();
    let by = asked.by();
    match seen.change(&by, &changes) {
        Ok(()) => {
            seen.changed();
            changes.iter().for_each(|(path, value)| events::set(&by, path, *value));
            let changed = |setting: &Setting| changes.iter().any(|one| one.0 == setting.path);
            let settings = seen.settings();
            let settings = settings.iter().filter(|setting| changed(setting)).map(setting);
            Answer::json(&json!({ "settings": settings.collect::<Vec<_>>() }))
        }
        Err(why) => why.answer(),
    }
}

fn list(query: &str, seen: &impl Seen) -> Answer {
    let under = value(query, "under").unwrap_or_default();
    let is_under = |setting: &&Setting| {
        let rest = setting.path.strip_prefix(&*under);
        rest.is_some_and(|rest| under.is_empty() || rest.is_empty() || rest.starts_with('.'))
    };
    let settings = seen.settings();
    let settings = settings.iter().filter(is_under).map(setting).collect::<Vec<_>>();
    let changes = seen.changes().iter().map(changed).collect::<Vec<_>>();
    Answer::json(&json!({ "settings": settings, "changes": changes }))
}

/// What is to be changed; `None` where that is nothing, too much, or no numbers.
fn changes(query: &str) -> Option<Vec<(String, Value)>> {
    let named = pairs(query).filter(|(path, _)| *path != "by");
    let named = named
        .map(|(path, value)| Some((decoded(path)?, Value::Number(decoded(value)?.parse().ok()?))));
    let changes: Option<Vec<_>> = named.collect();
    changes.filter(|changes| (1..=AT_ONCE).contains(&changes.len()))
}

fn setting(setting: &Setting) -> Json {
    json!({
        "path": setting.path,
        "doc": setting.doc,
        "unit": setting.unit,
        "least": number(setting.least),
        "most": number(setting.most),
        "default": number(setting.default),
        "value": number(setting.value),
        "live": setting.live,
    })
}

/// Whole numbers stay whole.
fn number(value: Value) -> Json {
    match value {
        Value::Count(n) => n.into(),
        value => value.number().into(),
    }
}

fn changed(change: &Changed) -> Json {
    json!({
        "number": change.number,
        "time_ms": change.at.0 / 1_000_000,
        "by": change.by,
        "path": change.path,
        "from": change.from,
        "to": change.to,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::answer;
    use crate::double::{Double, service};

    fn ask(shown: &Double, method: &str, query: &str, origin: Option<&[u8]>) -> (u16, Json) {
        let (method, path, query) = (method.as_bytes(), "/api/settings", Some(query));
        let host: Option<&[u8]> = Some(b"127.0.0.1:9900");
        let asked = Asked { method, path, query, host, origin, ..Asked::default() };
        let said = answer(asked, shown);
        let json = serde_json::from_str(&said.body).unwrap_or(Json::String(said.body));
        (said.status, json)
    }

    const BATCH: &str = "stages.a%20stage.batch";
    const TARGET: &str = "stages.a%20stage.gate.overload.target";

    #[test]
    fn settings_are_listed_with_all_that_is_to_be_known() {
        let (service, _sim) = service();
        let (status, all) = ask(&service, "GET", "", None);
        assert_eq!(status, 200);
        let all = all["settings"].as_array().expect("a list");
        let target = all.iter().find(|one| one["path"] == "stages.a stage.gate.overload.target");
        let target = target.expect("the target");
        assert_eq!((&target["value"], &target["unit"]), (&json!(50_000.0), &json!("us")));
        assert_eq!((&target["least"], &target["live"]), (&json!(1.0), &json!(true)));
        let workers = all.iter().find(|one| one["path"] == "domains.cpu.workers").expect("workers");
        assert_eq!((&workers["value"], &workers["live"]), (&json!(1), &json!(false)));
        let under = |path: &str| {
            let (_, some) = ask(&service, "GET", &format!("under={path}"), None);
            some["settings"].as_array().expect("a list").len()
        };
        let parts = ["stages", "domains", "traces", "distributions"];
        assert_eq!(parts.map(under).iter().sum::<usize>(), all.len());
        assert_eq!((under(BATCH), under("stages.a"), under("domains")), (1, 0, 1));
    }

    #[test]
    fn a_post_or_a_patch_changes_all_that_it_names_and_nothing_else_does() {
        let (service, _sim) = service();
        let both = format!("by=anna&{BATCH}=16&{TARGET}=20000");
        let now = || {
            let net = service.net.as_ref().expect("a net");
            let value = |path: &str| net.setting(path).expect("a setting").value.number();
            (value("stages.a stage.batch"), value("stages.a stage.gate.overload.target"))
        };
        let own: &[u8] = b"http://127.0.0.1:9900";
        for (method, query, origin, status) in [
            ("GET", &*both, None, 200),
            ("HEAD", &both, None, 200),
            ("DELETE", &both, None, 405),
            ("POST", &both, Some(&b"http://evil.example"[..]), 403),
            ("PATCH", &both, Some(b"null"), 403),
            ("POST", "", None, 400),
            ("POST", "by=anna", Some(own), 400),
            ("POST", &format!("{BATCH}=many"), None, 400),
            ("POST", &format!("{BATCH}=16&{TARGET}=0"), None, 400),
            ("POST", &format!("{BATCH}=16&stages.b.batch=2"), None, 400),
            ("POST", &vec![format!("{BATCH}=16"); 65].join("&"), None, 400),
        ] {
            let (said, body) = ask(&service, method, query, origin);
            assert_eq!(said, status, "{method} {query}: {body}");
            assert_eq!(now(), (64.0, 50_000.0), "{method} {query}");
        }
        let (_, body) = ask(&service, "POST", &format!("{TARGET}=0"), None);
        assert!(
            body.as_str().is_some_and(|told| told.contains("accepted: 1µs to 3600s")),
            "{body}"
        );

        let (status, body) = ask(&service, "POST", &both, Some(own));
        assert_eq!((status, now()), (200, (16.0, 20_000.0)), "{body}");
        assert_eq!(body["settings"].as_array().map(Vec::len), Some(2));
        assert_eq!(ask(&service, "PATCH", &format!("{BATCH}=8"), None).0, 200);
        let (_, listed) = ask(&service, "GET", "under=none", None);
        let told = |n: usize| {
            let one = &listed["changes"][n];
            ["by", "path", "from", "to"].map(|key| one[key].as_str().unwrap_or_default())
        };
        assert_eq!(told(0), ["anna", "stages.a stage.batch", "64", "16"]);
        assert_eq!(told(2), ["admin", "stages.a stage.batch", "16", "8"]);
    }

    #[test]
    fn who_only_shows_changes_nothing() {
        let (status, body) = ask(&Double::default(), "POST", &format!("{BATCH}=16"), None);
        assert_eq!((status, body), (403, json!("not here\n")));
    }
}
