//! `bench profile`: where each microsecond of a cached page goes, by samples of the processor.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::server::{Launch, Profile, Server};
use super::wrk::Drive;
use super::{Options, machine, report};
use crate::shell;

/// Samples a second: no divisor of the timer's ticks, so that it does not keep step with them.
const RATE: &str = "4999";

/// Connections that wrk keeps busy.
const CONNECTIONS: usize = 64;

/// Load before and after the samples are taken.
const MARGIN: Duration = Duration::from_secs(1);

/// Functions of the operating system that tell what it does, the innermost first.
const SYSTEM: [(&str, &[&str]); 5] = [
    ("system: the receiver's side of sending", &["net_rx_action", "__napi_poll"]),
    ("system: sending", &["__sys_sendmsg", "__sys_sendto", "io_send", "io_sendmsg"]),
    ("system: receiving", &["__sys_recvfrom", "__sys_recvmsg", "io_recv"]),
    ("system: waiting", &["do_epoll_wait", "__x64_sys_epoll_wait", "__x64_sys_epoll_pwait2"]),
    ("system: rings", &["__do_sys_io_uring_enter", "__x64_sys_io_uring_enter"]),
];

/// Parts of the program by what their functions are called.
const PROGRAM: [(&str, &[&str]); 5] = [
    ("program: io", &["sluicegate_io"]),
    ("program: http", &["sluicegate_http", "httparse"]),
    ("program: web", &["sluicegate_web"]),
    ("program: kernel of the net", &["sluicegate::"]),
    ("program: memory", &["malloc", "free", "alloc::", "__mem", "core::ptr::drop", "bytes::"]),
];

/// Samples our server for so long, and keeps the table below `bench/results/`.
pub fn run(seconds: u64, options: &Options) -> Result<()> {
    options.end()?;
    for program in ["perf", "wrk", "taskset"] {
        let known = "apt-get install linux-perf wrk util-linux";
        shell::which(program).with_context(|| format!("{program} is not installed: {known}"))?;
    }
    let home = shell::scratch("profile")?;
    let www = home.join("www");
    fs::create_dir_all(&www)?;
    fs::write(www.join("1k.txt"), [b'x'; 1024])?;
    let program = Profile::Release.sluicegate()?;
    let launch = Launch { cores: Some("0"), ..Launch::of(&www, 1) };
    let server = launch.sluicegate(&program, &[])?;
    let url = format!("http://{}/1k.txt", server.address);
    let length = seconds + 2 * MARGIN.as_secs();
    let drive =
        Drive { cores: "1", connections: CONNECTIONS, depth: 1, seconds: length, url: &url };
    let (samples, before) = (home.join("perf.data"), server.cpu_ns());
    let figures = std::thread::scope(|scope| {
        let load = scope.spawn(|| drive.run(&home));
        std::thread::sleep(MARGIN);
        let taken = record(&server, seconds, &samples);
        let figures = load.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        taken.and(figures)
    })?;
    let each = (server.cpu_ns() - before) as f64 / 1e3 / figures.requests as f64;
    let mut script = Command::new("perf");
    script.args(["script", "-F", "ip,sym", "-i"]).arg(&samples).stderr(Stdio::null());
    let told = script.output().context("perf script")?;
    let table = table(&String::from_utf8_lossy(&told.stdout), each);
    let dir = report::results("profile")?;
    let command = format!("cargo xtask bench profile --seconds {seconds}");
    let text = format!(
        "# Where each microsecond goes\n\n`{command}`\n\nA cached page of 1 KiB, {CONNECTIONS} \
         connections, one worker on core 0, wrk on core 1: {each:.2} us of processor time a \
         request. Half a per cent is noise.\n\n{table}\n{}",
        machine::describe()
    );
    println!("{text}");
    fs::write(dir.join("summary.md"), text)?;
    Ok(())
}

fn record(server: &Server, seconds: u64, into: &std::path::Path) -> Result<()> {
    let mut perf = Command::new("perf");
    perf.args(["record", "-q", "-e", "cpu-clock", "-F", RATE, "-g", "-o"]).arg(into);
    perf.args(["-p", &server.pid().to_string(), "--", "sleep", &seconds.to_string()]);
    let told = perf.output().context("perf record")?;
    let said = String::from_utf8_lossy(&told.stderr);
    ensure!(told.status.success(), "perf record: {said}");
    Ok(())
}

/// One line for each part, the dearest first; `each` is what a request costs in us.
fn table(script: &str, each: f64) -> String {
    let mut parts: BTreeMap<&str, u64> = BTreeMap::new();
    let stacks = script.split("\n\n").map(functions).filter(|stack| !stack.is_empty());
    for stack in stacks {
        *parts.entry(part(&stack)).or_default() += 1;
    }
    let all: u64 = parts.values().sum();
    let mut parts: Vec<_> = parts.into_iter().collect();
    parts.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    let mut text = String::from("| where | share | us a request |\n|---|---|---|\n");
    for (part, count) in parts {
        let share = count as f64 / all as f64;
        let _ = writeln!(text, "| {part} | {:.1} % | {:.2} |", share * 100.0, share * each);
    }
    text
}

/// The functions of one sample, the innermost first, each with whether the system runs it.
fn functions(sample: &str) -> Vec<(bool, &str)> {
    let lines = sample.lines().filter_map(|line| line.trim().split_once(' '));
    lines.map(|(address, name)| (address.starts_with("ffff"), name.trim())).collect()
}

fn part(stack: &[(bool, &str)]) -> &'static str {
    let (in_system, innermost) = stack[0];
    let named = |names: &[&str], found: &str| {
        names.iter().any(|name| found.trim_start_matches('<').starts_with(name))
    };
    if in_system {
        let runs = |names| stack.iter().any(|&(system, found)| system && named(names, found));
        let of = SYSTEM.iter().find(|(_, names)| runs(names));
        return of.map_or("system: the rest", |&(part, _)| part);
    }
    let of = PROGRAM.iter().find(|(_, names)| named(names, innermost));
    of.map_or("program: the rest", |&(part, _)| part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_told_apart() {
        let script = "\tffffffff81616b1f free_pages\n\tffffffff81e69575 net_rx_action\n\
                      \tffffffff81e2fb3d ___sys_sendmsg\n\t 143fbb <sluicegate_io::X as Y>::send\n\
                      \n\n\tffffffff81e2fb3d __sys_recvfrom\n\n\n\
                      \t 143fbb <sluicegate::run::R<sluicegate_io::S> as T>::run\n\n\
                      \t 143fbb <sluicegate_io::epoll::Epoll as Backend>::send\n";
        let told = table(script, 4.0);
        for line in [
            "| system: the receiver's side of sending | 25.0 % | 1.00 |",
            "| system: receiving | 25.0 % | 1.00 |",
            "| program: kernel of the net | 25.0 % | 1.00 |",
            "| program: io | 25.0 % | 1.00 |",
        ] {
            assert!(told.contains(line), "{line} is not in\n{told}");
        }
    }
}
