//! Programs that end with the test that runs them, however it ends.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

/// Runs the program given to it, and kills it with all of its process group once nobody holds the
/// other end of its stdin any more: the test, alone, which may have been killed itself.
const GUARD: &str = "\"$@\" </dev/null & exec >&-; read -r _; kill -9 0";

/// A program and what it has started; all end when this is dropped, or with this process.
pub struct Program(Child);

impl Program {
    /// Runs it without stdin. What it says on stdout is piped.
    pub fn run(program: &Path, args: &[&str]) -> Program {
        let mut guard = Command::new("sh");
        guard.args(["-c", GUARD, "sh"]).arg(program).args(args).process_group(0);
        guard.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        Program(guard.spawn().expect("sh runs"))
    }

    /// What it says: taken once.
    pub fn stdout(&mut self) -> ChildStdout {
        self.0.stdout.take().expect("stdout is piped, and taken once")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// Where a program is, if it is installed.
pub fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.is_file())
}
