//! A net to which each test adds its fault.

use sluicegate::{Batch, Cx, Domain, Net, Node, Out, Outlet, Stage, Wire, stage};
use sluicegate_macros::Ports;

#[derive(Ports)]
pub struct Two {
    pub a: Out<u64>,
    pub b: Out<u64>,
}

pub struct Relay;

impl Stage for Relay {
    type In = u64;
    type Out = Out<u64>;
    fn handle(&mut self, batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>) {
        for event in batch {
            cx.out.emit(event);
        }
    }
}

pub struct Road;

impl Stage for Road {
    type In = u64;
    type Out = Two;
    fn handle(&mut self, batch: Batch<'_, u64>, cx: &mut Cx<'_, Two>) {
        for event in batch {
            cx.out.a.emit(event);
        }
    }
}

pub struct End;

impl Stage for End {
    type In = u64;
    type Out = ();
    fn handle(&mut self, batch: Batch<'_, u64>, _: &mut Cx<'_, ()>) {
        for event in batch {
            event.split().0.finish();
        }
    }
}

/// A net with a domain and an end, to which each test adds its fault.
pub struct Case {
    pub net: Net,
    pub cpu: Domain,
    pub end: Node<End>,
}

impl Case {
    pub fn new() -> Self {
        let mut net = Net::new("case");
        let cpu = net.domain("cpu").pinned(1);
        let end = net.add(stage("end", || End).on(cpu));
        Self { net, cpu, end }
    }

    pub fn relay(&mut self, name: &str) -> Node<Relay> {
        self.net.add(stage(name, || Relay).on(self.cpu))
    }

    pub fn road(&mut self) -> Node<Road> {
        self.net.add(stage("road", || Road).on(self.cpu))
    }

    pub fn wire_end(&mut self, from: Outlet<u64>) -> Wire<'_, u64> {
        self.net.wire(from, self.end.inlet)
    }

    /// What the check says, a line a fault, but for the page that each names.
    pub fn said(&self) -> Vec<String> {
        match self.net.check() {
            Ok(()) => Vec::new(),
            Err(faults) => {
                assert_eq!(faults.to_string().lines().count(), faults.0.len());
                let mut said = Vec::new();
                for (fault, line) in faults.0.iter().zip(faults.to_string().lines()) {
                    let page = format!(" (see {})", fault.page());
                    let line = line.strip_suffix(&page).expect("it names its page at the end");
                    assert!(line.starts_with(fault.code()) && line.ends_with(fault.cure()));
                    said.push(line.to_owned());
                }
                said
            }
        }
    }
}
