//! The dashboard in a real browser, on a server that works.
#![forbid(unsafe_code)]

#[path = "../common/mod.rs"]
mod common;

mod browser;
mod load;
#[allow(dead_code, reason = "others use the rest")]
#[path = "../../../sluicegate-admin/tests/bottleneck/nets.rs"]
mod nets;
mod program;
mod shown;
#[path = "../../../sluicegate-admin/tests/bottleneck/troubles.rs"]
mod troubles;

use browser::{Browser, DESK, View};
use common::{Client, Scratch, Server, run, until};
use load::Load;
use serde_json::Value;
use std::path::PathBuf;

/// The Enter key, as WebDriver codes it.
const ENTER: char = '\u{e007}';
const ESCAPE: char = '\u{e00c}';

/// A server and a browser that shows its dashboard; none without a browser.
fn open(view: View) -> Option<(Server, String, Browser)> {
    let mut browser = Browser::open(view)?;
    let server = Server::start(&["--workers", "2"]);
    let admin = server.address("admin");
    browser.go(&format!("http://{admin}/"));
    ready(&mut browser);
    Some((server, admin, browser))
}

fn ready(browser: &mut Browser) {
    until("the net is shown", || {
        (browser.script("return document.body.dataset.ready") == "true").then_some(())
    });
}

/// The kind of what is wrong, once it is pushed.
fn told(browser: &mut Browser) -> String {
    until("what is wrong is told", || {
        browser.attribute("#diagnosis", "data-kind").filter(|kind| kind != "unknown")
    })
}

/// The same list of the page and of `/api/net`, sorted.
fn lists(
    browser: &mut Browser,
    script: &str,
    net: &Value,
    part: &str,
    keys: &[&str],
) -> [Vec<String>; 2] {
    let shown = browser.script(script);
    let shown = shown.as_array().expect("a list");
    let mut shown: Vec<String> =
        shown.iter().map(|one| one.as_str().expect("text").to_owned()).collect();
    let told = net[part].as_array().expect("a list").iter();
    let name = |one: &Value| {
        keys.iter().map(|key| one[key].as_str().expect("text")).collect::<Vec<_>>().join("/")
    };
    let mut told: Vec<String> = told.map(name).collect();
    shown.sort();
    told.sort();
    [shown, told]
}

#[test]
fn every_stage_and_wire_is_drawn_and_nothing_else_is_asked() {
    let Some((server, admin, mut browser)) = open(DESK) else { return };
    let net = server.net();
    let stages =
        "return [...document.querySelectorAll('.net .stage')].map((at) => at.dataset.name)";
    let [shown, told] = lists(&mut browser, stages, &net, "stages", &["name"]);
    assert_eq!(shown, told);
    let wires = "return [...document.querySelectorAll('.net .wire')].map((at) => \
                 `${at.dataset.from}/${at.dataset.port}/${at.dataset.to}`)";
    let [shown, told] = lists(&mut browser, wires, &net, "wires", &["from", "port", "to"]);
    assert_eq!(shown, told);
    let named = "return [...document.querySelectorAll('.net .stage')].every((at) => \
                 at.firstChild.getAttribute('aria-label').startsWith(at.dataset.name + ':'))";
    assert_eq!(browser.script(named), true);
    assert!(browser.text("#balance").contains("Balances"));
    let origin = format!("http://{admin}/");
    let foreign: Vec<_> =
        browser.requests().into_iter().filter(|url| !url.starts_with(&origin)).collect();
    assert_eq!(foreign, [""; 0], "requests that left the page's own origin");
    assert_eq!(browser.complaints(), [""; 0]);
    server.stop();
}

#[test]
fn who_asks_stands_left_of_who_answers_so_that_the_net_of_a_volume_fits_a_desk() {
    // Beside a panel, or with large type, a desk has no more than this.
    let Some(mut browser) = Browser::open(View { width: 1120, ..DESK }) else { return };
    let files = Scratch::new();
    files.write("www/a.txt", "a");
    let file = |name: &str| files.path().join(name).to_str().expect("a plain path").to_owned();
    assert!(run(&["pack", &file("www"), &file("site.vol")]).status.success());
    let server = Server::start(&["--workers", "2", &file("site.vol")]);
    browser.go(&format!("http://{}/", server.address("admin")));
    ready(&mut browser);
    let lefts = "return ['http', 'cache', 'pages', 'disk'].map((name) => document.querySelector(\
                 `.net .stage[data-name=${name}]`).transform.baseVal[0].matrix.e)";
    let lefts = browser.script(lefts);
    let lefts: Vec<_> = lefts.as_array().expect("a list").iter().map(Value::as_f64).collect();
    assert!(lefts.is_sorted_by(|left, right| left < right), "{lefts:?}");
    let widths = "const net = document.querySelector('.net'); \
                  return [net.scrollWidth, net.clientWidth]";
    let widths = browser.script(widths);
    assert!(widths[0].as_f64() <= widths[1].as_f64(), "{widths}");
    server.stop();
}

#[test]
fn queues_fill_and_empty_as_load_comes_and_goes() {
    let Some((server, _, mut browser)) = open(DESK) else { return };
    let load = Load::start(&server.address("site"), "/burn?us=20000");
    let level = ".net [data-name=burn-pool] .level";
    let filled = |browser: &mut Browser| {
        let width = browser.attribute(level, "width").expect("a level");
        width.parse::<f64>().expect("a number") > 0.0
    };
    until("the queue is seen to fill", || filled(&mut browser).then_some(()));
    until("the flow is seen on the wire", || {
        browser.attribute(".wire[data-to=burn-pool] .flow", "class").filter(|it| it.contains("on"))
    });
    let saturated = ".net [data-name=burn-pool][data-state=full]";
    until("the stage is marked", || browser.attribute(saturated, "data-state"));
    until("it is named as the bottleneck", || {
        let kind = browser.attribute("#diagnosis", "data-kind");
        let named = browser.text("#words").contains("burn-pool");
        (named && kind.is_some_and(|kind| kind != "healthy")).then_some(())
    });
    load.stop();
    until("the queue is seen to empty", || (!filled(&mut browser)).then_some(()));
    server.stop();
}

#[test]
fn flows_are_listed_by_what_they_were_kept_for() {
    let Some((server, admin, mut browser)) = open(DESK) else { return };
    let short = Client::connect(&admin).ask("POST", "/api/settings?traces.window=100000", "");
    assert_eq!(short.status, 200, "{}", short.text());
    let load = Load::start(&server.address("site"), "/");
    let listed = |browser: &mut Browser, why: &str| {
        browser.click(&format!("#flows button[data-why='{why}']"));
        let whys = "return [...document.querySelectorAll('#flows tbody td:nth-child(2)')]\
                    .map((at) => at.textContent)";
        browser.script(whys).as_array().expect("a list").clone()
    };
    until("the slowest are listed", || {
        let whys = listed(&mut browser, "slowest");
        (!whys.is_empty() && whys.iter().all(|why| why == "slowest")).then_some(())
    });
    until("there is none of another kind", || {
        let none = listed(&mut browser, "sampled").is_empty();
        (none && browser.text("#flows").contains("kept as sampled")).then_some(())
    });
    until("all are listed again", || (!listed(&mut browser, "").is_empty()).then_some(()));
    browser.go(&format!("http://{admin}/"));
    ready(&mut browser);
    until("who comes later sees them too", || (!listed(&mut browser, "").is_empty()).then_some(()));
    assert_eq!(browser.complaints(), [""; 0]);
    load.stop();
    server.stop();
}

#[test]
fn a_flow_of_a_net_that_took_over_is_no_flow_of_the_one_before() {
    let Some((mut server, _, mut browser)) = open(DESK) else { return };
    let shown = |server: &Server, browser: &mut Browser, trace: &str| {
        let field = format!("traceparent: 00-{trace}-00f067aa0ba902b7-01\r\n");
        server.client().ask("GET", "/", &field);
        let at = "#flows .fall";
        until("its flow is shown", || browser.text(at).contains(trace).then_some(()));
    };
    shown(&server, &mut browser, "4bf92f3577b34da6a3ce929d0e0e4736");
    server.signal(rustix::process::Signal::HUP);
    assert_eq!(server.says(), "SIGHUP: the settings were read again");
    shown(&server, &mut browser, "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(browser.complaints(), [""; 0]);
    server.stop();
}

#[test]
fn the_bottleneck_of_each_prepared_net_is_named() {
    let Some(mut browser) = Browser::open(DESK) else { return };
    let troubles = troubles::all();
    let address = shown::serve(&troubles);
    for trouble in &troubles {
        browser.go(&format!("http://{address}/{}/", trouble.name));
        ready(&mut browser);
        let kind = told(&mut browser);
        let words = browser.text("#words");
        let seen = format!("{}: {kind} {words}", trouble.name);
        assert_eq!(kind, trouble.kind.name(), "{seen}");
        assert_eq!(browser.text("#spoken"), words, "who listens is told the same");
        let button = browser.text("#advice button");
        match trouble.stage {
            Some(stage) => {
                let named = "return [...document.querySelectorAll('#words .name')].map((it) => \
                             it.textContent)";
                let named = browser.script(named);
                assert_eq!(named[0], stage, "the first that is named: {seen}");
                assert_eq!(button, format!("Look at {stage}"), "{seen}");
                let drawn = format!(".net [data-name={stage}]");
                assert!(browser.attribute(&drawn, "data-state").is_some(), "{seen}");
            }
            None => assert!(words.starts_with("Nothing is wrong in the net") && button.is_empty()),
        }
        assert_eq!(browser.complaints(), [""; 0], "{seen}");
    }
}

#[test]
fn of_gates_which_nobody_watches_the_page_shows_what_it_saw_itself() {
    let Some(mut browser) = Browser::open(DESK) else { return };
    let address = shown::serve(&[]);
    browser.go(&format!("http://{address}/{}/", shown::GATES));
    ready(&mut browser);
    let read = |browser: &mut Browser, chart: &str, words: &str| {
        until(words, || browser.text(chart).contains(words).then_some(()));
    };
    read(&mut browser, "#past .read", "answered 1.0k");
    browser.script("document.querySelector('.net [data-name=search] .hit').focus()");
    browser.press(ENTER);
    read(&mut browser, "#stage .charts .chart:nth-child(2) .read", "served 1.0k");
    assert!(browser.text("#words").starts_with("No stage is saturated"));
    assert!(browser.text("#flows").contains("Flows are not traced here"));
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn a_net_is_drawn_before_anything_is_pushed() {
    let Some(mut browser) = Browser::open(DESK) else { return };
    let address = shown::serve(&[]);
    browser.go(&format!("http://{address}/{}/", shown::SILENT));
    ready(&mut browser);
    assert!(browser.attribute(".net [data-name=search]", "data-state").is_some());
    assert_eq!(browser.text("#words"), "Looking …");
}

#[test]
fn a_page_that_nobody_sees_asks_nothing_and_catches_up() {
    let Some((server, admin, mut browser)) = open(DESK) else { return };
    let seen = |browser: &mut Browser, seen: bool| {
        browser.script(&format!(
            "Object.defineProperty(document, 'hidden', {{ value: {}, configurable: true }}); \
             document.dispatchEvent(new Event('visibilitychange'))",
            !seen
        ));
    };
    browser.script("document.querySelector('.net [data-name=burn-pool] .hit').focus()");
    browser.press(ENTER);
    until("news come", || (browser.text("#link") == "Live").then_some(()));
    seen(&mut browser, false);
    browser.requests();
    let paused = Client::connect(&admin).ask("POST", "/api/stages/cache/pause", "");
    assert_eq!(paused.status, 200);
    let time = || server.net()["time_ms"].as_u64().expect("a time");
    let begun = time();
    until("more looks would have been due", || (time() > begun + 6000).then_some(()));
    assert_eq!(browser.requests(), [""; 0]);
    seen(&mut browser, true);
    let incident = "#incidents [data-kind=paused]";
    until("what happened meanwhile is told", || browser.attribute(incident, "data-kind"));
    assert_eq!(Client::connect(&admin).ask("POST", "/api/stages/cache/resume", "").status, 200);
    assert_eq!(browser.complaints(), [""; 0]);
    server.stop();
}

#[test]
fn a_setting_a_law_and_a_stage_are_changed_by_hand() {
    let Some((server, admin, mut browser)) = open(DESK) else { return };
    browser.fill("#who", "anna");
    browser.script("document.querySelector('.net [data-name=burn-pool] .hit').focus()");
    browser.press(ENTER);
    assert_eq!(browser.text("#stage h2"), "burn-pool");
    assert_eq!(browser.script("return document.activeElement.id"), "stage-title");

    let target = "stages.burn-pool.gate.overload.target";
    let field = format!("input[name='{target}']");
    until("the settings are there", || browser.attribute(&field, "name"));
    let set = format!("button[aria-label='Set {target}']");
    browser.fill(&field, "0");
    browser.click(&set);
    let error = format!("form:has({}) .error", field);
    let said = until("the server's words are shown", || {
        Some(browser.text(&error)).filter(|words| !words.is_empty())
    });
    assert!(said.contains("accepted"), "{said}");
    // That was a fault of who asked: the browser logs it too.
    browser.complaints();
    browser.fill(&field, "20000");
    browser.click(&set);
    until("the setting is changed", || {
        let body = Client::connect(&admin).get(&format!("/api/settings?under={target}")).body;
        let told: Value = serde_json::from_slice(&body).expect("JSON");
        let change = told["changes"].as_array().expect("changes").last().cloned()?;
        assert_eq!((&change["by"], &change["path"]), (&"anna".into(), &target.into()));
        (told["settings"][0]["value"] == 20_000.0).then_some(())
    });
    assert_eq!(browser.text(&error), "");
    until("the log shows it", || browser.text("#changes td").contains("anna").then_some(()));

    browser.click("button[aria-label='Freeze overload']");
    let law = |server: &Server| stage(&server.net())["admission"][0]["votes"][0]["frozen"] == true;
    until("the law is frozen", || law(&server).then_some(()));
    until("the page says so", || browser.text("#marks").contains("frozen").then_some(()));
    browser.click("button[aria-label='overload is frozen: let go']");
    until("the law goes on", || (!law(&server)).then_some(()));

    let paused = |server: &Server| stage(&server.net())["paused"] == true;
    browser.click("button[data-verb=pause]");
    until("the stage is paused", || paused(&server).then_some(()));
    let held = ".net [data-name=burn-pool][data-state=held]";
    until("the drawing shows it", || browser.attribute(held, "data-state"));
    browser.click("button[data-verb=resume]");
    until("the stage goes on", || (!paused(&server)).then_some(()));
    browser.press(ESCAPE);
    assert_eq!(browser.script("return document.getElementById('stage').hidden"), true);
    assert_eq!(browser.complaints(), [""; 0]);
    server.stop();
}

#[test]
fn a_listener_with_a_token_is_watched_and_changed_by_who_brings_it() {
    let Some(mut browser) = Browser::open(DESK) else { return };
    let (scratch, token) = (Scratch::new(), "0123456789abcdef0123456789abcdef");
    let file = scratch.write("token", token);
    let server = Server::start(&["--workers", "1", "--admin-token-file", &file]);
    let admin = server.address("admin");
    browser.go(&format!("http://anna:wrong@{admin}/"));
    assert_eq!(browser.text("#words"), "", "nothing is shown to who has none");
    browser.complaints();
    browser.go(&format!("http://anna:{token}@{admin}/"));
    ready(&mut browser);
    until("news come", || (browser.text("#link") == "Live").then_some(()));
    assert_eq!(browser.script("return document.body.innerHTML.includes('0123456789')"), false);
    browser.script("document.querySelector('.net [data-name=burn-pool] .hit').focus()");
    browser.press(ENTER);
    browser.click("button[data-verb=pause]");
    let held = ".net [data-name=burn-pool][data-state=held]";
    until("the stage is paused", || browser.attribute(held, "data-state"));
    until("the log says by whom", || browser.text("#changes td").contains("anna").then_some(()));
    browser.click("button[data-verb=resume]");
    until("the stage goes on", || browser.attribute(held, "data-state").is_none().then_some(()));
    assert_eq!(browser.complaints(), [""; 0]);
    server.stop();
}

/// The stage that these tests change.
fn stage(net: &Value) -> Value {
    let stages = net["stages"].as_array().expect("stages");
    stages.iter().find(|stage| stage["name"] == "burn-pool").expect("the stage").clone()
}

#[test]
fn who_looks_is_told_that_the_server_died_and_that_it_came_back() {
    let Some((server, admin, mut browser)) = open(DESK) else { return };
    let state = |browser: &mut Browser, wanted| {
        until(wanted, || browser.attribute("#link", "data-state").filter(|state| state == wanted));
    };
    state(&mut browser, "live");
    drop(server);
    state(&mut browser, "lost");
    assert!(browser.text("#link").starts_with("Not live: "));
    let again = ["serve", "--listen", "127.0.0.1:0", "--admin", &admin];
    let server = Server::start_with(&again);
    state(&mut browser, "live");
    server.stop();
}

#[test]
fn no_serious_fault_of_accessibility_is_found() {
    let Some(axe) = axe() else { return };
    let Some((server, admin, mut browser)) = open(DESK) else { return };
    let load = Load::start(&server.address("site"), "/burn?us=5000");
    let phone = View { width: 360, height: 780, dark: false };
    for (view, hash) in
        [(DESK, ""), (View { dark: true, ..DESK }, "#stage=burn-pool"), (phone, "#stage=http")]
    {
        browser.look(view);
        browser.go("about:blank");
        browser.go(&format!("http://{admin}/{hash}"));
        ready(&mut browser);
        told(&mut browser);
        let wide = "return document.documentElement.scrollWidth - innerWidth";
        assert_eq!(browser.script(wide), 0, "{view:?} is scrolled sideways");
        browser.script(&axe);
        let found = browser.later(
            "const told = arguments[0]; axe.run({ resultTypes: ['violations'] }).then((found) => \
             told(found.violations.filter((one) => ['serious', 'critical'].includes(one.impact)) \
             .map((one) => one.id + ': ' + one.nodes.map((node) => node.html).join(' '))))",
        );
        assert_eq!(found, Value::Array(Vec::new()), "{view:?} {hash}");
    }
    load.stop();
    server.stop();
}

/// The script that looks for faults: of the environment, or where `cargo xtask test --install` puts
/// it. None is said.
fn axe() -> Option<String> {
    let named = std::env::var_os("AXE_CORE").map(PathBuf::from);
    let installed = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join("../xtask/axe/node_modules/axe-core/axe.min.js");
    let found = std::fs::read_to_string(named.unwrap_or(installed)).ok();
    if found.is_none() {
        eprintln!("skipped: axe-core is not here; `cargo xtask test --install` brings it");
    }
    found
}

/// Pictures for the documentation, where the environment says where to.
#[test]
fn pictures_are_taken_where_they_are_wanted() {
    let Some(place) = std::env::var_os("SLUICEGATE_SCREENSHOTS").map(PathBuf::from) else { return };
    let Some((server, admin, mut browser)) = open(DESK) else { return };
    let load = Load::start(&server.address("site"), "/burn?us=20000");
    let views = [
        ("light", View { width: 1280, height: 1080, dark: false }, ""),
        ("dark", View { width: 1440, height: 1080, dark: true }, "#stage=burn-pool"),
        ("phone", View { width: 360, height: 720, dark: false }, ""),
    ];
    let slow = Client::connect(&admin).ask("POST", "/api/settings?traces.slow=20000", "");
    assert_eq!(slow.status, 200, "{}", slow.text());
    // So that the charts show a past.
    until("a while has passed", || {
        (server.net()["time_ms"].as_u64().expect("a time") > 25_000).then_some(())
    });
    for (name, view, hash) in views {
        browser.look(view);
        browser.go("about:blank");
        browser.go(&format!("http://{admin}/{hash}"));
        ready(&mut browser);
        let begun = server.net()["time_ms"].as_u64().expect("a time");
        until("rates are known", || {
            (server.net()["time_ms"].as_u64().expect("a time") > begun + 3_000).then_some(())
        });
        let file = place.join(format!("dashboard-{name}.webp"));
        std::fs::write(&file, browser.picture()).expect("the picture is written");
    }
    load.stop();
    server.stop();
}
