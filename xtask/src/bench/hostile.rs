//! `bench hostile`: honest clients at a steady rate, beside each kind of hostile ones in turn.

use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::load::{self, ATTACKS, Attack, Crowd, Done, Heard};
use super::net;
use super::server::{Profile, Server};
use super::stand::{LOAD_CORE, Make, Plan, Stand, Who};
use super::{Options, stats};

/// Honest clients, and the requests of all of them each second: far below what either server can,
/// so that what they lose they lose to the others, and not for want of a core for the load.
const HONEST: usize = 64;
const RATE: f64 = 10_000.0;

/// Descriptors of a server that is to run out of them.
const FEW_FILES: u32 = 4096;

/// Deadlines, short so that they pass within a run; the same for both.
const CONFIG: &str = "\
[limits]
head_time = \"3s\"
idle = \"3s\"
rate = \"1 MiB\"
rate_after = \"3s\"
";
const NGINX: &str = "    keepalive_timeout 3s;\n    client_header_timeout 3s;\n    \
                     client_body_timeout 3s;\n    send_timeout 3s;\n    \
                     reset_timedout_connection on;\n";

/// When those that drip or sip must be gone: the deadline of their head, after as long in the
/// kernel's queue behind those before them, and some time to notice.
const GONE: f64 = 2.0 * 3.0 + 2.0;

/// How long is waited for them.
const PATIENCE: Duration = Duration::from_secs(15);

/// Between two looks at the server's memory.
const GLANCE: Duration = Duration::from_millis(50);

/// The least share of their rate that honest clients keep.
const KEPT: f64 = 0.95;

/// The most resident memory of a server, in KiB.
const MEMORY: u64 = 256 * 1024;

/// One attack on one server.
struct Row {
    who: Who,
    attack: &'static Attack,
    before: Phase,
    under: Phase,
    done: Done,
    /// What our server counted, as JSON.
    counted: String,
}

/// Honest clients for some time.
struct Phase {
    heard: Heard,
    cpu_ns: u64,
    rss_kib: u64,
}

/// Attacks each server in each way that was asked for, and writes the report.
pub fn run(plan: Plan, profile: Profile, options: &Options) -> Result<()> {
    options.end()?;
    plan.check(&ATTACKS.each_ref().map(|attack| attack.name))?;
    let stand = Stand::prepare(&plan, profile, CONFIG, NGINX)?;
    let mut rows = Vec::new();
    for attack in ATTACKS.iter().filter(|attack| plan.asks(attack.name)) {
        for who in stand.servers(&plan) {
            let row = attacked(&stand, &plan, who, attack);
            let row = row.with_context(|| format!("{} under {}", who.title(), attack.name))?;
            println!("{}", line(&row));
            rows.push(row);
        }
    }
    let title = "Honest clients beside hostile ones";
    stand.report(&plan, title, &tables(&rows), &csv(&rows))?;
    match plan.is_quick() {
        // In a short run on a busy machine times say nothing; that nobody is hurt or left does.
        true => unhurt(&rows),
        false => held(&rows),
    }
}

/// An error if honest clients of ours met errors, or somebody drips or sips for ever.
fn unhurt(rows: &[Row]) -> Result<()> {
    for row in rows.iter().filter(|row| row.who.is_ours()) {
        let (title, Row { attack, under, done, .. }) = (row.title(), row);
        ensure!(under.heard.answers > 0, "{title}: honest clients were not answered");
        ensure!(under.heard.errors == 0, "{title}: {} errors", under.heard.errors);
        ensure!(!attack.is_to_end() || done.left == 0, "{title}: {} are still there", done.left);
    }
    Ok(())
}

fn attacked(stand: &Stand, plan: &Plan, who: Who, attack: &'static Attack) -> Result<Row> {
    let server = stand.start(who, Some(FEW_FILES))?;
    let length = Duration::from_secs_f64(plan.seconds);
    let mut crowd = Crowd::gather(server.address, "/1k.txt", HONEST)?;
    crowd.warm()?;
    let (before, _) = phase(&server, &mut crowd, length, None)?;
    let (under, done) = phase(&server, &mut crowd, length, Some(attack))?;
    drop(crowd);
    let counted = match who.make {
        Make::Ours => net::connections(server.admin)?,
        Make::Nginx => String::new(),
    };
    Ok(Row { who, attack, before, under, done, counted })
}

/// Honest clients for `length`, and an attack beside them if there is one.
fn phase(
    server: &Server,
    crowd: &mut Crowd,
    length: Duration,
    attack: Option<&Attack>,
) -> Result<(Phase, Done)> {
    let over = AtomicBool::new(false);
    let (cpu, mut rss_kib) = (server.cpu_ns(), server.rss_kib());
    std::thread::scope(|scope| {
        let over = &over;
        let foes = scope.spawn(move || match attack {
            None => Ok(Done::default()),
            Some(attack) => {
                let _pinned = load::pin(LOAD_CORE)?;
                attack.run(server.address, over, PATIENCE)
            }
        });
        let honest = scope.spawn(move || {
            let _pinned = load::pin(LOAD_CORE)?;
            crowd.drive(length, Some(RATE))
        });
        while !honest.is_finished() {
            std::thread::sleep(GLANCE);
            rss_kib = rss_kib.max(server.rss_kib());
        }
        let cpu_ns = server.cpu_ns().saturating_sub(cpu);
        over.store(true, Relaxed);
        let (Ok(heard), Ok(done)) = (honest.join(), foes.join()) else {
            bail!("a thread of the load panicked");
        };
        Ok((Phase { heard: heard?, cpu_ns, rss_kib: rss_kib.max(server.rss_kib()) }, done?))
    })
}

impl Row {
    fn title(&self) -> String {
        format!("{} under {}", self.who.title(), self.attack.name)
    }

    fn kept(&self) -> f64 {
        self.under.heard.rate() / self.before.heard.rate()
    }

    /// Further CPU of the server for each connection or, where these stay, each write.
    fn us_per_event(&self) -> f64 {
        let more = self.under.cpu_ns as f64 - self.before.cpu_ns as f64;
        more / 1e3 / (self.done.opened.max(self.done.writes)).max(1) as f64
    }

    /// What does not hold of ours.
    fn broken(&self) -> Vec<String> {
        let mut broken = Vec::new();
        if self.kept() < KEPT {
            broken.push(format!("honest clients kept {:.3} of their rate", self.kept()));
        }
        if self.under.heard.errors > 0 {
            broken.push(format!("honest clients met {} errors", self.under.heard.errors));
        }
        if self.under.rss_kib > MEMORY {
            broken.push(format!("{} KiB of memory", self.under.rss_kib));
        }
        if self.attack.is_to_end() && (self.done.left > 0 || self.done.longest > GONE) {
            let Done { left, longest, .. } = self.done;
            broken.push(format!("{left} are still there, the longest was for {longest:.1} s"));
        }
        broken
    }
}

/// An error if something did not hold of ours.
fn held(rows: &[Row]) -> Result<()> {
    let ours = rows.iter().filter(|row| row.who.is_ours());
    let broken = ours
        .flat_map(|row| row.broken().into_iter().map(|what| format!("{}: {what}", row.title())));
    match broken.collect::<Vec<_>>() {
        broken if broken.is_empty() => Ok(()),
        broken => bail!("{}", broken.join("; ")),
    }
}

fn line(row: &Row) -> String {
    let Row { who, attack, before, under, done, .. } = row;
    format!(
        "{:<10} {:<29} kept {:.3} of {:.0}/s, p99 {:.2} ms ({:.2}), errors {}, {done:?}, memory \
         {} KiB, {:.2} us/event",
        attack.name,
        who.title(),
        row.kept(),
        before.heard.rate(),
        under.heard.wait(0.99),
        before.heard.wait(0.99),
        under.heard.errors,
        under.rss_kib,
        row.us_per_event(),
    )
}

fn tables(rows: &[Row]) -> String {
    let mut text = format!(
        "{HONEST} honest clients ask for 1 KiB, {RATE:.0} times a second together, by the clock: \
         first alone, then beside the attack. Waits count from when a request was due. Each \
         server may have {FEW_FILES} descriptors; the load runs on core {LOAD_CORE}, a server \
         with one worker on the other, with more on both.\n\n\
         | attack | server | workers | rate kept | p99 ms alone | p99 ms under it | errors | \
         hostile opened | not let in | ended by the server | left | longest s | memory KiB alone | \
         under it | server CPU us per hostile event |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n"
    );
    for row in rows {
        let Row { who, attack, before, under, done, .. } = row;
        let _ = writeln!(
            text,
            "| {} | {} | {} | {:.3} | {:.2} | {:.2} | {} | {} | {} | {} | {} | {:.1} | {} | {} | \
             {:.2} |",
            attack.name,
            who.name(),
            who.workers,
            row.kept(),
            before.heard.wait(0.99),
            under.heard.wait(0.99),
            under.heard.errors,
            done.opened,
            done.failed,
            done.ended,
            done.left,
            done.longest,
            before.rss_kib,
            under.rss_kib,
            row.us_per_event(),
        );
    }
    text.push_str("\nAn event is a hostile connection or, where these stay, a write.\n\n");
    let mut named: Vec<&Attack> = rows.iter().map(|row| row.attack).collect();
    named.dedup_by_key(|attack| attack.name);
    for attack in named {
        let _ = writeln!(text, "* {}: {}", attack.name, attack.does);
    }
    text.push_str("\nWhat ours counted of its connections:\n\n");
    for row in rows.iter().filter(|row| row.who.is_ours()) {
        let _ = writeln!(text, "* {}: `{}`", row.title(), row.counted);
    }
    let verdict = match held(rows) {
        Ok(()) => "holds".to_owned(),
        Err(error) => format!("does not hold: {error}"),
    };
    let _ = writeln!(
        text,
        "\nAims: {KEPT} of the rate kept without an error, at most {MEMORY} KiB, who drips or sips \
         gone within {GONE} s: {verdict}."
    );
    text
}

fn csv(rows: &[Row]) -> String {
    let mut csv = String::from(
        "attack,server,workers,phase,seconds,answers,errors,p50_ms,p99_ms,longest_ms,cpu_ns,\
         rss_kib,opened,failed,ended,left,writes,longest_s,last_end_s\n",
    );
    for Row { who, attack, before, under, done, .. } in rows {
        for (name, Phase { heard, cpu_ns, rss_kib }, done) in
            [("alone", before, &Done::default()), ("under", under, done)]
        {
            let median = stats::quantile(&heard.waits, 0.5);
            let _ = writeln!(
                csv,
                "{},{},{},{name},{:.3},{},{},{median:.3},{:.3},{:.3},{cpu_ns},{rss_kib},{},{},{},\
                 {},{},{:.3},{:.3}",
                attack.name,
                who.name(),
                who.workers,
                heard.seconds,
                heard.answers,
                heard.errors,
                heard.wait(0.99),
                heard.longest,
                done.opened,
                done.failed,
                done.ended,
                done.left,
                done.writes,
                done.longest,
                done.last_end,
            );
        }
    }
    csv
}
