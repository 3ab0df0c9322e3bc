//! `sluicegate record`: looks at a service once a second, each on a line of a file.

use crate::args;
use crate::ask::{Admin, wait};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Records for so many seconds.
///
/// # Errors
/// One sentence about why it cannot.
pub fn record(file: &Path, admin: &args::Admin, seconds: u64) -> Result<ExitCode, String> {
    let admin = Admin::new(admin)?;
    // Before the file is made: an address that is wrong leaves none.
    let (first, _) = admin.net()?;
    let failed = |error: io::Error| format!("cannot write {}: {error}", file.display());
    let mut out: Box<dyn Write> = match file.to_str() {
        Some("-") => Box::new(io::stdout().lock()),
        _ => Box::new(BufWriter::new(File::create(file).map_err(failed)?)),
    };
    // Whether more is wanted: who reads stdout may have enough, as `head` has.
    let mut line = |text: &str| match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        written => written.map(|()| true).map_err(failed),
    };
    let (began, mut look) = (Instant::now(), first);
    for second in 1..=seconds {
        if !line(&look)? {
            return Ok(ExitCode::SUCCESS);
        }
        let due = began + Duration::from_secs(second);
        wait(due.saturating_duration_since(Instant::now()));
        (look, _) = admin.net().map_err(|error| format!("after {second} looks: {error}"))?;
    }
    line(&look)?;
    Ok(ExitCode::SUCCESS)
}
