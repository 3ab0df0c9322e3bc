//! Gates as they are shown, and their laws frozen, over a service that is mounted in an app.

mod common;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use common::{Sleeper, ms};
use serde_json::Value;
use sluicegate_tower::{Admin, AsError, Gate};
use std::time::Duration;
use tower::{Layer, ServiceExt};

/// The status of an answer, its field `Allow`, and its body.
type Said = (StatusCode, Option<String>, String);

async fn ask(app: &Router, method: &str, target: &str, fields: &[(&str, &str)]) -> Said {
    let request = Request::builder().method(method).uri(target);
    let request = fields.iter().fold(request, |it, (name, value)| it.header(*name, *value));
    let request = request.body(Body::empty()).expect("a request");
    let answer = app.clone().oneshot(request).await.expect("it cannot fail");
    let allow = answer.headers().get(header::ALLOW);
    let allow = allow.map(|value| value.to_str().expect("ASCII").to_owned());
    let (head, body) = answer.into_parts();
    let body = to_bytes(body, 1 << 20).await.expect("a body");
    (head.status, allow, String::from_utf8(body.to_vec()).expect("text"))
}

async fn net(app: &Router, path: &str) -> Value {
    let (status, _, body) = ask(app, "GET", path, &[]).await;
    assert_eq!(status, StatusCode::OK);
    serde_json::from_str(&body).expect("JSON")
}

fn gate(places: usize) -> Gate<Duration, AsError> {
    Gate::target(ms(50)).concurrency(places).refuse_as_error()
}

#[tokio::test(start_paused = true)]
async fn several_gates_are_shown_by_name_with_even_books() {
    let (search, checkout) = (gate(1), gate(2));
    let admin = Admin::new().gate("search", &search).gate("checkout", &checkout);
    let app = Router::new().nest_service("/gates", admin);
    let service = search.layer(Sleeper::default());
    let calls: Vec<_> = (0..30).map(|_| tokio::spawn(service.clone().oneshot(ms(20)))).collect();
    tokio::time::sleep(ms(30)).await;
    let shown = net(&app, "/gates/api/net").await;
    let stages = shown["stages"].as_array().expect("a list");
    assert_eq!((&stages[0]["name"], &stages[1]["name"]), (&"search".into(), &"checkout".into()));
    let (search, seen) = (&stages[0], search.snapshot());
    assert_eq!(search["queued"], seen.waiting);
    assert_eq!((&search["running"], &search["concurrency"]), (&1.into(), &1.into()));
    assert_eq!((&search["served"], &search["draining"]), (&1.into(), &false.into()));
    let admission = &search["admission"][0];
    assert_eq!(admission["offered"], 30);
    assert_eq!(admission["refused"]["shed"], seen.admission.refused.total());
    let vote = &admission["votes"][0];
    assert_eq!((&vote["law"], &vote["target_us"]), (&"overload".into(), &50_000.into()));
    assert_eq!(search["ledger"]["balanced"], true);
    assert_eq!(stages[1]["ledger"]["entered"], 0);
    for call in calls {
        let _ = call.await.expect("no panic");
    }
}

#[tokio::test]
async fn a_law_is_frozen_by_a_post_of_ones_own_and_by_nothing_else() {
    let gate = gate(1);
    let admin = Admin::new().gate("search", &gate).changeable();
    let app = Router::new().fallback_service(admin);
    let frozen = || gate.snapshot().admission.votes[0].frozen;
    let target = |law: &str, how: &str| format!("/api/freeze?stage=search&law={law}&frozen={how}");
    let (freeze, host) = (target("overload", "true"), (header::HOST.as_str(), "127.0.0.1:9900"));
    for (method, target, origin, status) in [
        ("GET", freeze.clone(), None, 405),
        ("HEAD", freeze.clone(), None, 405),
        ("POST", freeze.clone(), Some("http://evil.example"), 403),
        ("POST", freeze.clone(), Some("null"), 403),
        ("POST", target("overload", "maybe"), None, 400),
        ("POST", target("seda", "true"), None, 404),
        ("POST", "/api/net".to_owned(), None, 405),
    ] {
        let origin = origin.map(|origin| ("Origin", origin));
        let fields: Vec<_> = [host].into_iter().chain(origin).collect();
        let (said, allow, body) = ask(&app, method, &target, &fields).await;
        assert_eq!((said.as_u16(), allow.is_some()), (status, status == 405), "{target}: {body}");
        assert!(!frozen(), "{method} {target} {origin:?}");
    }
    let (_, _, body) = ask(&app, "POST", &target("seda", "true"), &[host]).await;
    assert!(body.contains("accepted: stage=search&law=overload"), "{body}");

    let own = [host, ("Origin", "http://127.0.0.1:9900")];
    let (status, _, body) = ask(&app, "POST", &freeze, &own).await;
    assert_eq!((status, frozen()), (StatusCode::OK, true), "{body}");
    assert_eq!(
        net(&app, "/api/net").await["stages"][0]["admission"][0]["votes"][0]["frozen"],
        true
    );
    let (status, ..) = ask(&app, "POST", &target("overload", "false"), &[host]).await;
    assert_eq!((status, frozen()), (StatusCode::OK, false));
}

#[tokio::test]
async fn settings_of_several_gates_change_together_or_not_at_all() {
    let (search, longer) = (gate(1), gate(1));
    let admin = Admin::new().gate("search", &search).gate("search.more", &longer).changeable();
    let app = Router::new().fallback_service(admin);
    let targets = || {
        [&search, &longer].map(|gate| gate.snapshot().admission.votes[0].target.expect("a target"))
    };
    let (one, two) = ("stages.search.gate.overload.target", "stages.search.more.queue.capacity");
    let listed = net(&app, "/api/settings").await;
    let paths: Vec<_> = listed["settings"].as_array().expect("a list").iter().collect();
    assert!(paths.iter().any(|setting| setting["path"] == two), "{listed}");
    for (query, status) in [
        (format!("{one}=20000&{two}=0"), 400),
        (format!("{one}=20000&stages.checkout.queue.capacity=1"), 400),
        (format!("{one}=20000&{one}=30000"), 400),
    ] {
        let (said, _, body) = ask(&app, "POST", &format!("/api/settings?{query}"), &[]).await;
        assert_eq!((said.as_u16(), targets()), (status, [ms(50); 2]), "{body}");
    }
    let query = format!("/api/settings?by=anna&{one}=20000&{two}=7");
    let (said, _, body) = ask(&app, "POST", &query, &[]).await;
    assert_eq!((said, targets()), (StatusCode::OK, [ms(20), ms(50)]), "{body}");
    assert_eq!(longer.snapshot().capacity, 7);
    let changes = &net(&app, "/api/settings").await["changes"];
    let told = [&changes[0]["path"], &changes[0]["from"], &changes[1]["to"], &changes[1]["by"]];
    assert_eq!(told.map(|told| told.as_str().unwrap_or_default()), [one, "50ms", "7", "anna"]);
}

#[tokio::test]
async fn a_gate_whose_name_begins_as_a_path_of_another_takes_nothing_from_it() {
    let (one, other) = (gate(1), gate(1));
    let admin = Admin::new().gate("a", &one).gate("a.queue", &other).changeable();
    let app = Router::new().fallback_service(admin);
    let query = "stages.a.queue.capacity=7&stages.a.queue.queue.capacity=9";
    let (said, _, body) = ask(&app, "POST", &format!("/api/settings?{query}"), &[]).await;
    let capacities = (one.snapshot().capacity, other.snapshot().capacity);
    assert_eq!((said, capacities), (StatusCode::OK, (7, 9)), "{body}");
}

#[tokio::test]
async fn who_only_shows_gates_has_nothing_changed() {
    let gate = gate(1);
    let app = Router::new().fallback_service(Admin::new().gate("search", &gate));
    let freeze = "/api/freeze?stage=search&law=overload&frozen=true";
    let (status, _, body) = ask(&app, "POST", freeze, &[]).await;
    assert_eq!((status, body.contains("changeable")), (StatusCode::FORBIDDEN, true), "{body}");
    assert!(!gate.snapshot().admission.votes[0].frozen);
    let set = "/api/settings?stages.search.queue.capacity=1";
    let (status, _, body) = ask(&app, "POST", set, &[]).await;
    assert_eq!((status, body.contains("changeable")), (StatusCode::FORBIDDEN, true), "{body}");
    assert_eq!(ask(&app, "GET", "/", &[]).await.0, StatusCode::OK);
}

#[test]
fn names_of_gates_are_fit_for_a_query_and_differ() {
    let gate = gate(1);
    for names in [&["a&b"][..], &[""], &["a b"], &["a", "a"]] {
        let admin = || names.iter().fold(Admin::new(), |admin, name| admin.gate(name, &gate));
        assert!(
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(admin)).is_err(),
            "{names:?}"
        );
    }
}

#[tokio::test]
async fn a_token_and_a_name_are_asked_for_where_they_are_given() {
    let gate = gate(1);
    let token = "0123456789abcdef";
    let admin = Admin::new().gate("search", &gate).token(token).host("admin.example.org");
    let app = Router::new().fallback_service(admin);
    let own = ("Host", "admin.example.org");
    let bearer = format!("Bearer {token}");
    let bearer = ("Authorization", bearer.as_str());
    for (fields, status) in [
        (&[own][..], 401),
        (&[own, ("Authorization", "Bearer 0123456789abcdeg")], 401),
        (&[own, bearer, bearer], 401),
        (&[own, bearer], 200),
        (&[("Host", "evil.example"), bearer], 403),
    ] {
        assert_eq!(ask(&app, "GET", "/api/net", fields).await.0.as_u16(), status, "{fields:?}");
    }
    let short = std::panic::AssertUnwindSafe(|| Admin::new().token("short"));
    assert!(std::panic::catch_unwind(short).is_err(), "anybody could guess it");
}

#[tokio::test(start_paused = true)]
async fn gates_say_how_well_they_are_and_scrapers_get_their_metrics() {
    let search = gate(1);
    let app = Router::new().fallback_service(Admin::new().gate("search", &search));
    let ready = async || {
        let (status, _, body) = ask(&app, "GET", "/readyz", &[]).await;
        let said: Value = serde_json::from_str(&body).expect("JSON");
        (status.as_u16(), said["status"].as_str().map(str::to_owned))
    };
    assert_eq!(ready().await, (200, Some("ready".to_owned())));
    let service = search.layer(Sleeper::default());
    assert!(service.oneshot(ms(20)).await.is_ok());
    let (_, _, metrics) = ask(&app, "GET", "/metrics", &[]).await;
    let line = "sluicegate_stage_served_total{stage=\"search\"} 1\n";
    assert!(metrics.contains(line), "{metrics}");
    search.drain().await;
    assert_eq!(ready().await, (503, Some("draining".to_owned())));
    assert_eq!(ask(&app, "GET", "/healthz", &[]).await.0, StatusCode::OK);
}
