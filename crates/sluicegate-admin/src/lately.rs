//! `/api/history`, `/api/incidents` and `/api/live`: what was seen of a net, and is.

use crate::answer::{Answer, Asked, EVENTS, JSON, Seen, is_read};
use crate::query::{decoded, pairs};
use crate::watcher::STAGES_KEPT;
use std::sync::PoisonError;

/// The first piece of a stream of events: after how many milliseconds who lost it is to come again.
const RETRY: &str = "retry: 2000\n\n";

/// Whether a path is one of these.
pub(crate) fn is_one(path: &str) -> bool {
    matches!(path, "/api/history" | "/api/incidents" | "/api/live")
}

/// Shows what was seen.
pub(crate) fn answer(asked: Asked<'_>, seen: &impl Seen) -> Answer {
    if !is_read(asked.method) {
        return Answer::not_allowed("GET, HEAD");
    }
    let Some(watcher) = seen.watcher() else {
        return Answer::text(501, "nobody watches here all the time; accepted: GET /api/net\n");
    };
    // Whatever was seen is whole between two rows of it.
    let watcher = watcher.lock().unwrap_or_else(PoisonError::into_inner);
    match asked.path {
        "/api/live" => Answer::new(200, EVENTS, RETRY),
        "/api/incidents" => Answer::new(200, JSON, watcher.incidents()),
        _ => {
            let stage = pairs(asked.query.unwrap_or_default()).find(|pair| pair.0 == "stage");
            // What cannot be read names no stage: passed over, it would be taken for all the net.
            let stage = stage.map(|(_, name)| decoded(name).unwrap_or_else(|| name.to_owned()));
            match watcher.history(stage.as_deref()) {
                Some(history) => Answer::new(200, JSON, history),
                None => Answer::text(
                    404,
                    format!(
                        "no history is kept of the stage {:?}; accepted: names from /api/net, of \
                         the first {STAGES_KEPT} stages, once they were seen for a second\n",
                        stage.unwrap_or_default()
                    ),
                ),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::answer;
    use crate::double::{Double, ask};
    use crate::model::Net;
    use crate::watcher::{Look, Watcher};
    use std::sync::Mutex;

    #[test]
    fn what_was_seen_is_shown_to_who_reads() {
        let mut watcher = Watcher::default();
        let net = Net::from_json(r#"{"time_ms": 1000, "stages": [{"name": "a b"}]}"#);
        let net = net.expect("a net");
        watcher.look(Look { net, ..Look::default() });
        let one = Double { watcher: Some(Mutex::new(watcher)), ..Double::default() };
        for (method, target, status) in [
            ("GET", "/api/history", 200),
            ("HEAD", "/api/history", 200),
            ("GET", "/api/history?stage=a%20b", 200),
            ("GET", "/api/history?stage=a", 404),
            ("GET", "/api/history?stage=%ff", 404),
            ("POST", "/api/history", 405),
            ("GET", "/api/incidents", 200),
            ("POST", "/api/incidents", 405),
            ("GET", "/api/live", 200),
            ("POST", "/api/live", 405),
            ("GET", "/api/live/", 404),
        ] {
            let said = answer(ask(method, target), &one);
            assert_eq!(said.status, status, "{method} {target}");
            assert_eq!(
                said.is_live(),
                target == "/api/live" && method == "GET",
                "{method} {target}"
            );
        }
        let live = answer(ask("GET", "/api/live"), &one);
        assert_eq!((live.cache, &*live.body), (Some("no-store"), RETRY));
    }

    #[test]
    fn where_nobody_watches_that_is_said() {
        for path in ["/api/history", "/api/incidents", "/api/live"] {
            let said = answer(ask("GET", path), &Double::default());
            assert_eq!((said.status, said.is_live()), (501, false));
            assert!(said.body.contains("/api/net"), "{}", said.body);
        }
    }
}
