//! An application mounted among files: its requests, its streams, its gate.
use super::*;
use crate::app::Mounted;
use sluicegate::{Batch, Capacity, Cx, Out, Stage};
use sluicegate_http::{Body, Exchange, Reply};

/// Answers at once; `true`: it describes requests.
struct Plain(bool);

impl App for Plain {
    fn describes(&self) -> bool {
        self.0
    }

    fn describe(&self, tag: &mut sluicegate::Tag, exchange: &mut Exchange) {
        if exchange.has("x-gold") {
            tag.set_class(9);
        }
    }

    fn mount(&self, net: &mut Net, cpu: Domain, queue: Capacity) -> Mounted {
        let tell = net.add(stage("app", || Tell).on(cpu).queue(queue));
        let give = net.add(stage("app-pieces", || Give).on(cpu));
        Mounted { requests: tell.inlet, replies: tell.out, pull: give.inlet, pieces: give.out }
    }
}

/// Tells the class of a request; or, at a path that ends so, streams.
struct Tell;

impl Stage for Tell {
    type In = Exchange;
    type Out = Out<Exchange>;

    fn handle(&mut self, batch: Batch<'_, Exchange>, cx: &mut Cx<'_, Out<Exchange>>) {
        for event in batch {
            let (tag, mut exchange) = event.split();
            let streams = exchange.path().ends_with(b"/stream");
            exchange.reply(match streams {
                true => Reply::new(200).with(Body::Stream { len: 6 }),
                false => Reply::text(200, format!("class {}", tag.class())),
            });
            cx.out.emit(tag.with(exchange));
        }
    }
}

/// Gives half of what is to be streamed.
struct Give;

impl Stage for Give {
    type In = Exchange;
    type Out = Out<Exchange>;

    fn handle(&mut self, batch: Batch<'_, Exchange>, cx: &mut Cx<'_, Out<Exchange>>) {
        for mut event in batch {
            event.give(bytes::Bytes::from_static(b"abc"));
            cx.out.emit(event);
        }
    }
}

fn world(more: &str, routes: &str) -> World {
    World::with_app(1, more, routes, Some(Arc::new(Plain(true))))
}

#[test]
fn an_application_lies_among_files() {
    let routes = "[[route]]\npath = \"/app\"\nhandler = \"app\"\n[[route]]\npath = \"/app/echo\"\n\
                  handler = \"echo\"\n[[route]]\npath = \"/dir/app\"\nhandler = \"app\"\n";
    let mut world = world("", routes);
    let mut peer = world.net.connect(&world.site);
    for (path, body) in [
        ("/app", "class 0"),
        ("/app/a.txt", "class 0"),
        ("/dir/app/", "class 0"),
        ("/app/stream", "abcabc"),
        ("/a.txt", "0123456789"),
        ("/dir/", "dir"),
    ] {
        let came = world.ask(&mut peer, &get(path), 60);
        assert!(came.ends_with(&format!("\r\n\r\n{body}")), "{path}: {came}");
    }
    // Each stream by whom it is of.
    for _ in 0..2 {
        let came = world.ask(&mut peer, &get("/big.bin"), 100);
        assert!(came.len() > BIG && came.ends_with('x'), "{}", came.len());
        let came = world.ask(&mut peer, &get("/app/stream"), 100);
        assert!(came.ends_with("\r\n\r\nabcabc"), "{came}");
    }
    let came = world.ask(&mut peer, &get("/application"), 60);
    assert!(came.starts_with("HTTP/1.1 404"), "{came}");
    world.even();
}

#[test]
fn requests_of_which_nothing_is_said_go_to_it_directly() {
    for (app, more, direct) in [
        (Plain(false), "", true),
        (Plain(true), "", false),
        (Plain(false), "target = \"50ms\"\n", false),
        (Plain(false), "deadline = \"50ms\"\n", false),
    ] {
        let routes = format!("[[route]]\npath = \"/\"\nhandler = \"app\"\n{more}");
        let mut world = World::with_app(1, "", &routes, Some(Arc::new(app)));
        let mut peer = world.net.connect(&world.site);
        for (path, body) in [("/", "class 0"), ("/a.txt", "class 0"), ("/stream", "abcabc")] {
            let came = world.ask(&mut peer, &get(path), 60);
            assert!(came.ends_with(&format!("\r\n\r\n{body}")), "{path}: {came}");
        }
        let stages = world.sim.observer().snapshot().stages;
        assert_eq!(stages.iter().all(|stage| stage.name != "route"), direct, "{more}");
        world.even();
    }
}

#[test]
fn its_routes_have_a_gate_and_what_rules_say() {
    let routes = "[[rule]]\npath = \"/app\"\nheaders = { X-Rule = \"1\" }\n[[route]]\n\
                  path = \"/app\"\nhandler = \"app\"\ntarget = \"50ms\"\nclass = 3\n";
    let mut world = world("", routes);
    let mut peer = world.net.connect(&world.site);
    let came = world.ask(&mut peer, &get("/app"), 10);
    assert!(came.contains("X-Rule: 1\r\n") && came.ends_with("class 3"), "{came}");
    let gold = "GET /app HTTP/1.1\r\nHost: a\r\nX-Gold: 1\r\n\r\n";
    let came = world.ask(&mut peer, gold, 10);
    assert!(came.ends_with("class 9"), "the application knows better: {came}");
    let net = world.sim.observer().snapshot();
    let app = net.stages.iter().find(|stage| stage.name == "app").expect("it is mounted");
    let laws: Vec<_> = app.admission.iter().flat_map(|gate| &gate.votes).collect();
    assert!(laws.iter().any(|vote| vote.target == Some(Duration::from_millis(50))), "{laws:?}");
    world.even();
}

#[test]
fn out_of_service_it_may_have_a_page_instead() {
    let routes = "[[route]]\npath = \"/app\"\nhandler = \"app\"\nrefuse = true\n\
                  instead = \"/a.txt\"\n";
    let mut world = world("", routes);
    let mut peer = world.net.connect(&world.site);
    let came = world.ask(&mut peer, &get("/app"), 100);
    assert!(came.ends_with("0123456789"), "{came}");
    let came =
        world.ask(&mut peer, "POST /app HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 9);
    assert!(came.starts_with("HTTP/1.1 503"), "{came}");
    world.even();
}
