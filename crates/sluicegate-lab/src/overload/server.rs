//! The server under test: processes of its own, ended with the value that stands for them.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::Child;
use std::time::Duration;

use rustix::process::Pid;
use sluicegate_io::Addr;

use super::machine::Cores;
use super::system::{Intake, Place, System};

/// A server that runs until this is dropped.
pub(super) struct Server {
    children: Vec<Child>,
    /// Where it is asked.
    pub address: Addr,
}

impl Server {
    /// Starts one on the server's processor, and waits until it listens.
    pub fn start(
        place: &Place<'_>,
        system: &System,
        intake: Intake,
        cores: &Cores,
    ) -> Result<Self, String> {
        let log = place.out.join(format!("{}.log", system.name()));
        // From here on all that was started ends however this function does.
        let mut server = Self { children: Vec::new(), address: nowhere() };
        let back = system.back(place, intake).start(&log, cores, &mut server.children)?;
        server.address = match system.front(place, intake, &free_port()?, &back) {
            Some(front) => front.start(&log, cores, &mut server.children)?,
            None => back,
        };
        Ok(server)
    }

    /// Its processes.
    pub fn processes(&self) -> Vec<Pid> {
        self.children.iter().map(Pid::from_child).collect()
    }

    /// The processor time of all its threads; none where the kernel does not say.
    pub fn used(&self) -> Option<Duration> {
        let each = self.children.iter().map(|child| {
            let threads = fs::read_dir(format!("/proc/{}/task", child.id())).ok()?;
            let each = threads.map(|thread| run_time(thread.ok()?.path()));
            each.sum::<Option<u64>>()
        });
        each.sum::<Option<u64>>().map(Duration::from_nanos)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for child in self.children.iter_mut().rev() {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// No address yet, or one that does not matter.
pub(super) fn nowhere() -> Addr {
    Addr::Tcp((Ipv4Addr::LOCALHOST, 0).into())
}

/// A port that nobody listens on at this moment, for who cannot tell which one it took.
fn free_port() -> Result<Addr, String> {
    let probe = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|probe| probe.local_addr());
    probe.map(Addr::Tcp).map_err(|error| format!("there is no free port: {error}"))
}

/// The first number of `schedstat`: nanoseconds that a thread spent on a processor.
fn run_time(thread: PathBuf) -> Option<u64> {
    let text = fs::read_to_string(thread.join("schedstat")).ok()?;
    text.split_whitespace().next()?.parse().ok()
}
