//! What the process uses of its machine, and how much others wait there, to be looked at.

use super::memory::Parts;
use super::{descriptors, memory, pressure};
use crate::sleep::cpu_clock;
use rustix::process::{Resource, getrlimit};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// A machine at one moment; what it does not tell is `None`. To read it takes some system calls.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// The memory of the process.
    pub memory: Option<Parts>,
    /// Files and sockets that are open.
    pub descriptors: Option<u64>,
    /// The most that may be open.
    pub descriptors_max: Option<u64>,
    /// Time on a processor, over all threads of the process.
    pub cpu: Duration,
    /// Bytes that disks had to read for the process, and to write.
    pub disk: Option<(u64, u64)>,
    /// Percent of the last ten seconds, about, in which something on the machine waited for a CPU.
    pub cpu_pressure: Option<f64>,
    /// The same for memory.
    pub memory_pressure: Option<f64>,
    /// The same for disks.
    pub io_pressure: Option<f64>,
    /// Processors that the process may use.
    pub cpus: Option<usize>,
}

impl Usage {
    /// Reads from the file system that begins at `root`: `/`, or that of a test.
    pub fn read(root: &Path) -> Self {
        let cpu = cpu_clock(libc::CLOCK_PROCESS_CPUTIME_ID);
        Self {
            memory: memory::Parts::read(root),
            descriptors: descriptors::read(root),
            descriptors_max: getrlimit(Resource::Nofile).current,
            cpu: cpu.unwrap_or_default(),
            disk: fs::read_to_string(root.join("proc/self/io")).ok().and_then(|io| disk(&io)),
            cpu_pressure: pressure::read(root, "cpu"),
            memory_pressure: pressure::read(root, "memory"),
            io_pressure: pressure::read(root, "io"),
            cpus: std::thread::available_parallelism().ok().map(Into::into),
        }
    }
}

/// What `/proc/self/io` says of disks.
fn disk(io: &str) -> Option<(u64, u64)> {
    let bytes = |name| {
        let line = io.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().parse().ok()
    };
    Some((bytes("read_bytes:")?, bytes("write_bytes:")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_tells_what_it_can_and_a_place_without_files_nothing() {
        let usage = Usage::read(Path::new("/"));
        let parts = usage.memory.expect("this system has /proc");
        let sum = [parts.anonymous, parts.files, parts.shared].into_iter().flatten().sum::<u64>();
        // Other threads of the tests allocate meanwhile, but the file is made at once.
        assert_eq!(parts.resident, Some(sum), "{parts:?}");
        assert!(usage.descriptors <= usage.descriptors_max && usage.cpus >= Some(1), "{usage:?}");
        assert!(usage.cpu > Duration::ZERO && usage.descriptors > Some(0), "{usage:?}");
        let none = Usage::read(Path::new("/nowhere"));
        let pressures = [none.cpu_pressure, none.memory_pressure, none.io_pressure];
        assert_eq!((none.memory, none.descriptors, none.disk), (None, None, None));
        assert_eq!(pressures, [None; 3]);
    }

    #[test]
    fn what_disks_did_is_found_among_what_else_was_read() {
        let io = "rchar: 6976\nwchar: 1\nread_bytes: 4096\nwrite_bytes: 8192\n\
                  cancelled_write_bytes: 5\n";
        assert_eq!(disk(io), Some((4096, 8192)));
        for text in ["", "read_bytes: 1", "read_bytes: x\nwrite_bytes: 1", "rchar: 1\nwchar: 2"] {
            assert_eq!(disk(text), None, "{text:?}");
        }
    }
}
