//! Builds the generator's net, and runs it to the end of its plan.

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use sluicegate::{BoxError, Fifo, Net, StartError, bounded, stage};
use sluicegate_io::{Asked, Choice, ConnLedger, Io, Options, Settings, Unfit, dial};

use crate::plan::{BadPlan, Plan, REQUESTS_MAX};
use crate::report::Report;
use crate::stages::{AnswerStage, ArriveStage, ClientStage, connect_time};

/// How much longer than its plan allows a run may take before it is given up as stuck.
pub const SETTLE_MAX: Duration = Duration::from_secs(30);
/// Events that wait for `answer`'s findings to be heard: beyond it reading waits.
const HEARD: usize = 512;

/// Why there is no report.
#[derive(Debug)]
pub enum RunError {
    /// The plan cannot be carried out.
    Plan(BadPlan),
    /// The backend that was asked for does not work here.
    Backend(Unfit),
    /// The net did not start.
    Start(StartError),
    /// It came to no end.
    Stuck(Duration),
}

/// Carries out a plan on a worker of its own, and waits for its report.
///
/// # Errors
/// The plan is wrong, the machine does not allow it, or it came to no end.
pub fn run(plan: &Plan, backend: Asked) -> Result<Report, RunError> {
    plan.check().map_err(RunError::Plan)?;
    let choice = Choice::new(backend).map_err(RunError::Backend)?;
    let settings = settings(plan);
    let machine = move |_| Ok(choice.machine(settings.clone(), ConnLedger::new())?);
    let (send, report) = channel();
    let running = net(plan, machine, send).run().map_err(RunError::Start)?;
    let most = plan.time.saturating_add(plan.settle()).saturating_add(SETTLE_MAX);
    let report = report.recv_timeout(most);
    drop(running);
    report.map_err(|error| match error {
        RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected => RunError::Stuck(most),
    })
}

/// The net of a plan that was [checked](Plan::check), on any machine: also a simulated one. It
/// sends its report when all requests are done.
pub fn net(
    plan: &Plan,
    machine: impl Fn(usize) -> Result<Io, BoxError> + Send + Sync + 'static,
    report: Sender<Report>,
) -> Net {
    let plan = Arc::new(plan.clone());
    let clients: usize = plan.populations.iter().map(|one| one.clients()).sum();
    let mut net = Net::new("generator");
    // In turn: whoever is nearest to the exit would keep the others from running while `arrive`,
    // which all requests come back to, waits for the time by looking at the clock.
    let cpu = net.domain("cpu").machine(machine).policy(Fifo::default).pinned(1);
    // Each client has one connection to open, or one request to write, at a time.
    let tcp = dial(&mut net, cpu, &Options { queue: clients.max(1), ..Options::default() });
    let source = Arc::clone(&plan);
    let arrive = stage("arrive", move || ArriveStage::new(Arc::clone(&source)));
    let arrive = net.add(arrive.on(cpu).flows(REQUESTS_MAX));
    let answer = net.add(stage("answer", || AnswerStage).on(cpu));
    let make = move || ClientStage::new(Arc::clone(&plan), report.clone());
    let client = stage("client", make).on(cpu).queue(bounded(HEARD)).emits(2);
    let client = net.add(client.flows(clients.max(1)));
    net.wire(arrive.out, client.inlet);
    net.wire(client.out.done, arrive.inlet).returns(arrive.out);
    net.wire(client.out.connect, tcp.connect);
    net.wire(tcp.opened, client.inlet).returns(client.out.connect);
    net.wire(tcp.failed, client.inlet).returns(client.out.connect);
    net.wire(tcp.incoming, answer.inlet);
    net.wire(answer.out, client.inlet);
    net.wire(client.out.write, tcp.write);
    net
}

/// The numbers of the machine that plays the clients of a plan.
fn settings(plan: &Plan) -> Settings {
    Settings { connect_time: connect_time(plan), ..Settings::default() }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plan(bad) => write!(f, "the plan cannot be carried out: {bad}"),
            Self::Backend(unfit) => unfit.fmt(f),
            Self::Start(error) => write!(f, "the generator did not start: {error}"),
            Self::Stuck(most) => write!(
                f,
                "the generator came to no end within {most:?}: a defect of it, or a machine \
                 that is far too busy"
            ),
        }
    }
}

impl std::error::Error for RunError {}
