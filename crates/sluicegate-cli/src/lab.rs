//! `sluicegate lab`: experiments with this very binary.
use crate::{args, say};
use indicatif::{ProgressBar, ProgressStyle};
use sluicegate_io::Choice;
use sluicegate_lab::overload::{
    Door, Experiment, Handler, Laws, Make, Peer, Policies, Profile, System, Times,
};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Runs of a point, in earnest and to see whether all works.
const RUNS: (usize, usize) = (5, 1);

/// Asks servers for more than they can do, and prints what became of them.
///
/// # Errors
/// One sentence about why there is no result.
pub fn overload(args: &args::Overload) -> Result<ExitCode, String> {
    let experiment = experiment(args)?;
    let all = experiment.lines();
    let bar = bar(all);
    let mut lines = 0;
    let report = experiment.run(&mut |line| {
        lines += 1;
        // Where nobody looks at a bar, each line says how far it is.
        bar.suspend(|| progress(&format!("[{lines}/{all}] {line}")));
        bar.inc(1);
    });
    bar.finish_and_clear();
    told(&report?, &experiment.out);
    Ok(ExitCode::SUCCESS)
}

/// Plays loads against every law in virtual time, and prints what became of them.
///
/// # Errors
/// One sentence about why there is no result.
pub fn laws(args: &args::Virtual) -> Result<ExitCode, String> {
    let laws = Laws { quick: args.quick, out: out(args.out.as_ref()), typed: typed() };
    let report = laws.run(&mut progress)?;
    told(&report, &laws.out);
    Ok(ExitCode::SUCCESS)
}

/// Plays a gate at each stage against one at the door in virtual time, and prints how both did.
///
/// # Errors
/// One sentence about why there is no result.
pub fn door(args: &args::Virtual) -> Result<ExitCode, String> {
    let door = Door { quick: args.quick, out: out(args.out.as_ref()), typed: typed() };
    let report = door.run(&mut progress)?;
    told(&report, &door.out);
    Ok(ExitCode::SUCCESS)
}

/// Plays loads under each policy of a worker in virtual time, and prints when which one wins.
///
/// # Errors
/// One sentence about why there is no result.
pub fn policies(args: &args::Virtual) -> Result<ExitCode, String> {
    let policies = Policies { quick: args.quick, out: out(args.out.as_ref()), typed: typed() };
    let report = policies.run(&mut progress)?;
    told(&report, &policies.out);
    Ok(ExitCode::SUCCESS)
}

/// How this was started.
fn typed() -> String {
    std::env::args().collect::<Vec<_>>().join(" ")
}

fn told(report: &str, out: &Path) {
    say(report.trim_end());
    progress(&format!("kept in {}", out.display()));
}

fn experiment(args: &args::Overload) -> Result<Experiment, String> {
    let command = std::env::current_exe()
        .map_err(|error| format!("cannot find this binary to start it as a server: {error}"))?;
    // Said at once, and not by the first server that needs it.
    for asked in &args.io {
        Choice::new(*asked).map_err(|unfit| unfit.to_string())?;
    }
    let ours = args.io.iter().map(|io| Make::Ours { io: *io, gated: !args.ungated });
    let makes: Vec<Make> = ours.chain(peers(args).into_iter().map(Make::Peer)).collect();
    // Those with the same handler stand beside each other.
    let of = |handler: &Handler| {
        let handler = *handler;
        makes.iter().map(move |make| System { handler, make: *make })
    };
    let named = &args.profiles;
    let profiles = if named.is_empty() { Profile::ALL.to_vec() } else { named.clone() };
    Ok(Experiment {
        command,
        peers: args.peers.clone().unwrap_or_default(),
        systems: args.handler.iter().flat_map(of).collect(),
        profiles,
        times: if args.quick { Times::QUICK } else { Times::FULL },
        runs: args.runs.unwrap_or(if args.quick { RUNS.1 } else { RUNS.0 }),
        target: args.target,
        count_void: args.count_void,
        out: out(args.out.as_ref()),
        typed: typed(),
    })
}

/// Those that are named, or all once it is said where they are.
fn peers(args: &args::Overload) -> Vec<Peer> {
    match (&args.peers, args.peer.as_slice()) {
        (Some(_), []) => Peer::ALL.to_vec(),
        (_, named) => named.to_vec(),
    }
}

/// Where a report is kept: where it is said, or in a new directory.
fn out(said: Option<&PathBuf>) -> PathBuf {
    let new = || std::env::temp_dir().join(format!("sluicegate-overload-{}", std::process::id()));
    said.cloned().unwrap_or_else(new)
}

/// How far it is and how long it will take, below the lines; nothing where stderr is no terminal.
fn bar(runs: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} runs, {eta} left");
    ProgressBar::new(runs as u64).with_style(style.expect("the names of its parts are known"))
}

/// A line for who waits, beside the report on stdout.
fn progress(line: &str) {
    // Nothing more can be done where stderr is closed.
    let _ = writeln!(std::io::stderr(), "sluicegate: {line}");
}
