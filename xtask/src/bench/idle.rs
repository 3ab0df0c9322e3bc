//! `bench idle`: what an idle connection costs in memory, and what many of them cost another.

use std::fmt::Write;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use super::Options;
use super::load::{self, Crowd};
use super::server::{Profile, Server};
use super::stand::{LOAD_CORE, Make, Plan, Stand, Who};
use super::stats::{Mean, Spread};

/// Idle connections, and descriptors left for everything else.
const IDLE: usize = 18_000;
const OTHER_FILES: u64 = 1000;

/// With and without them, alternating.
const PAIRS: usize = 20;

/// They stay until we close them.
const CONFIG: &str = "[limits]\nidle = \"1h\"\n";
const NGINX: &str = "    keepalive_timeout 1h;\n";

/// A server rests when it used so little of its core between two looks.
const REST: Duration = Duration::from_millis(2);
const GLANCE: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(20);

/// How many idle connections, and how often with and without.
struct Size {
    idle: usize,
    pairs: usize,
}

impl Size {
    const FULL: Size = Size { idle: IDLE, pairs: PAIRS };
    /// Just enough to see that it works.
    const SMALL: Size = Size { idle: 2000, pairs: 2 };
}

/// One server.
struct Row {
    who: Who,
    /// Resident and proportional memory before and with the idle connections, in KiB.
    rss: [u64; 2],
    pss: [u64; 2],
    /// The median wait of the active connection without and with them, in us, by pair.
    waits: Vec<[f64; 2]>,
}

/// Measures each server and writes the report.
pub fn run(plan: Plan, profile: Profile, options: &Options) -> Result<()> {
    options.end()?;
    let size = if plan.is_quick() { Size::SMALL } else { Size::FULL };
    plan.check(&Make::ALL.map(Make::name))?;
    let stand = Stand::prepare(&plan, profile, CONFIG, NGINX)?;
    let need = size.idle as u64 + OTHER_FILES;
    ensure!(stand.files >= need, "{need} descriptors are needed, we may have {}", stand.files);
    let _pinned = load::pin(LOAD_CORE)?;
    let mut rows = Vec::new();
    for who in stand.servers(&plan).into_iter().filter(|who| plan.asks(who.make.name())) {
        let row = measure(&stand, &plan, &size, who)?;
        println!("{}", line(&row, &size));
        rows.push(row);
    }
    stand.report(&plan, "Idle connections", &table(&rows, &size), &csv(&rows))
}

fn measure(stand: &Stand, plan: &Plan, size: &Size, who: Who) -> Result<Row> {
    let server = stand.start(who, None)?;
    let length = Duration::from_secs_f64(plan.seconds / size.pairs as f64 / 2.0);
    let gather = || -> Result<Crowd> {
        let mut idle = Crowd::gather(server.address, "/1k.txt", size.idle)?;
        // Each was answered once: it is kept alive, not new.
        idle.warm()?;
        rest(&server)?;
        Ok(idle)
    };
    let wait = || -> Result<f64> {
        let heard = Crowd::gather(server.address, "/1k.txt", 1)?.drive(length, None)?;
        ensure!(heard.errors == 0, "the active connection met {} errors", heard.errors);
        Ok(heard.wait(0.5) * 1e3)
    };
    // What the first request brings into memory is there before.
    wait()?;
    rest(&server)?;
    let (rss, pss) = (server.rss_kib(), server.pss_kib());
    let idle = gather()?;
    let (rss, pss) = ([rss, server.rss_kib()], [pss, server.pss_kib()]);
    drop(idle);
    let mut waits = Vec::new();
    for pair in 0..size.pairs {
        let mut of = [0.0; 2];
        for turn in 0..2 {
            // Each of both goes first every other time.
            let with = (pair + turn) % 2;
            let idle = if with == 1 { Some(gather()?) } else { None };
            rest(&server)?;
            of[with] = wait()?;
            drop(idle);
        }
        waits.push(of);
    }
    Ok(Row { who, rss, pss, waits })
}

/// Waits until the server has nothing to do.
fn rest(server: &Server) -> Result<()> {
    let begun = Instant::now();
    loop {
        let before = server.cpu_ns();
        std::thread::sleep(GLANCE);
        if Duration::from_nanos(server.cpu_ns().saturating_sub(before)) < REST {
            return Ok(());
        }
        if begun.elapsed() > PATIENCE {
            bail!("the server is still busy after {PATIENCE:?}");
        }
    }
}

impl Row {
    fn bytes(&self, [before, with]: [u64; 2], size: &Size) -> f64 {
        (with as f64 - before as f64) * 1024.0 / size.idle as f64
    }

    fn median(&self, with: usize) -> f64 {
        let waits: Vec<f64> = self.waits.iter().map(|pair| pair[with]).collect();
        Spread::of(&waits).map_or(f64::NAN, |spread| spread.median)
    }

    fn ratio(&self) -> String {
        let ratios: Vec<f64> = self.waits.iter().map(|[without, with]| with / without).collect();
        let mean = Mean::of(&ratios);
        mean.map_or("one pair".into(), |Mean { value, low, high }| {
            format!("{value:.3} [{low:.3}..{high:.3}]")
        })
    }
}

fn line(row: &Row, size: &Size) -> String {
    format!(
        "{:<29} {:.0} bytes (Pss) an idle connection; one active: {:.1} us alone, {:.1} us beside \
         {}, ratio {}",
        row.who.title(),
        row.bytes(row.pss, size),
        row.median(0),
        row.median(1),
        size.idle,
        row.ratio(),
    )
}

fn table(rows: &[Row], size: &Size) -> String {
    let mut text = format!(
        "{} idle connections, each answered once; process memory, without the kernel's. One \
         active connection asks for 1 KiB again and again, {} times without and with them in \
         turn.\n\n\
         | server | bytes (Pss) an idle connection | (RSS) | Pss KiB before | with | median wait \
         us alone | beside them | ratio: mean [95 %] |\n|---|---|---|---|---|---|---|---|\n",
        size.idle, size.pairs
    );
    for row in rows {
        let _ = writeln!(
            text,
            "| {} | {:.0} | {:.0} | {} | {} | {:.1} | {:.1} | {} |",
            row.who.title(),
            row.bytes(row.pss, size),
            row.bytes(row.rss, size),
            row.pss[0],
            row.pss[1],
            row.median(0),
            row.median(1),
            row.ratio(),
        );
    }
    text
}

fn csv(rows: &[Row]) -> String {
    let mut csv = String::from("server,pair,wait_us_without,wait_us_with\n");
    for Row { who, waits, .. } in rows {
        for (pair, [without, with]) in waits.iter().enumerate() {
            let _ = writeln!(csv, "\"{}\",{pair},{without:.3},{with:.3}", who.title());
        }
    }
    csv
}
