//! `sluicegate hash-password`: a line of stdin in, its bcrypt hash out.
use crate::say;
use sluicegate_web::{PASSWORD_MAX, hash_password};
use std::io::{BufRead, Read};
use std::process::ExitCode;

/// Reads no more than this of stdin: a longer password is refused anyway.
const LINE_MAX: u64 = 2 * PASSWORD_MAX as u64;

/// Hashes the first line of stdin, without its end.
///
/// # Errors
/// One sentence about why there is no hash.
pub fn hash() -> Result<ExitCode, String> {
    let mut line = String::new();
    let mut input = std::io::stdin().lock().take(LINE_MAX);
    input.read_line(&mut line).map_err(|error| format!("cannot read a password: {error}"))?;
    let password = line.strip_suffix('\n').unwrap_or(&line);
    say(&hash_password(password.strip_suffix('\r').unwrap_or(password))?);
    Ok(ExitCode::SUCCESS)
}
