//! `sluicegate top`: a service that runs, in the terminal.

mod detail;
mod draw;
mod plain;
mod poll;
mod rows;
mod state;
#[cfg(test)]
mod tests;

use crate::args;
use crate::ask::Admin;
use poll::Poll;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyEventKind};
use signal_hook::consts::{SIGHUP, SIGTERM};
use state::{Flow, Top};
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

/// How long a key is waited for before it is looked for news.
const KEYS: Duration = Duration::from_millis(100);

/// Watches a service until `q` is pressed; or prints one table, where that is asked for or nobody
/// sits at a terminal.
///
/// # Errors
/// One sentence about why it cannot be seen.
pub fn watch(admin: &args::Admin, once: bool, every: u64) -> Result<ExitCode, String> {
    let admin = Admin::new(admin)?;
    let every = Duration::from_secs(every);
    if once || !io::stdout().is_terminal() {
        plain::print(&admin, every)?;
        return Ok(ExitCode::SUCCESS);
    }
    // What cannot be asked at all is told as ever, not in a terminal of its own.
    admin.net()?;
    let mut top = Top::new(&admin.to_string());
    let poll = Poll::start(admin, every);
    let failed = |error: io::Error| format!("cannot use this terminal: {error}; try --once");
    // Whoever ends it from outside gets the terminal back as it was, too.
    let over = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&over)).map_err(failed)?;
    }
    let mut terminal = ratatui::try_init().map_err(failed)?;
    let ended = run(&mut terminal, &mut top, &poll, &over);
    ratatui::restore();
    ended.map_err(failed)?;
    Ok(ExitCode::SUCCESS)
}

fn run(
    terminal: &mut DefaultTerminal,
    top: &mut Top,
    poll: &Poll,
    over: &AtomicBool,
) -> io::Result<()> {
    while !over.load(Relaxed) {
        terminal.draw(|frame| draw::draw(top, frame))?;
        if event::poll(KEYS)?
            && let Event::Key(key) = event::read()?
            && key.kind == KeyEventKind::Press
            && top.key(key) == Flow::End
        {
            return Ok(());
        }
        poll.want(top.opened());
        while let Some(seen) = poll.next() {
            top.see(seen);
        }
    }
    Ok(())
}
