//! The numbers of the machine: every bound has its name and its default here.

use std::time::Duration;

use crate::buf::BUFFER_SIZE;

/// Numbers of one worker's machine. Change the fields that matter and keep the other defaults.
///
/// ```
/// use sluicegate_io::Settings;
///
/// let settings = Settings { connections: 1000, output: 1 << 20, ..Settings::default() };
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Bytes of one receive buffer.
    pub buffer_size: usize,
    /// The most receive buffers that may be out at once; reads wait beyond it.
    pub buffers: usize,
    /// The most connections at once; more wait in the kernel's backlog.
    pub connections: usize,
    /// Accepted connections take places of io_uring, not descriptors of the process. For epoll it
    /// means nothing.
    pub direct: bool,
    /// The most bytes that may wait unsent on one connection; above, it is dropped as too slow.
    pub output: usize,
    /// The most bytes read and thrown away after an answer that ends the connection.
    pub linger_bytes: usize,
    /// How long such reading goes on at most.
    pub linger_time: Duration,
    /// How long accepting pauses when descriptors or memory have run out.
    pub accept_pause: Duration,
    /// How long a drain waits for handshakes that had begun, lest their clients be reset: a round
    /// trip to most of the world. A client whose packets get lost meanwhile may take longer.
    pub handshake_time: Duration,
    /// How long a connect may take.
    pub connect_time: Duration,
    /// Bytes that the kernel takes of a TCP connection beyond what can be sent at once. A peer that
    /// never reads holds so much of the kernel's memory, and not what its buffers may grow to.
    pub kernel_unsent: u32,
    /// Bytes of the kernel's send buffer for each connection; the kernel decides when `None`.
    /// What waits there is outside of `output` but part of the machine's memory.
    pub send_buffer: Option<usize>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            buffer_size: BUFFER_SIZE,
            buffers: 16 * 1024,
            connections: 100_000,
            direct: false,
            output: 4 << 20,
            linger_bytes: 64 << 10,
            linger_time: Duration::from_secs(2),
            accept_pause: Duration::from_millis(50),
            handshake_time: Duration::from_millis(200),
            connect_time: Duration::from_secs(10),
            kernel_unsent: 128 << 10,
            send_buffer: None,
        }
    }
}

impl Settings {
    /// The most memory that receive buffers take, in bytes.
    pub fn buffer_memory(&self) -> usize {
        self.buffer_size.saturating_mul(self.buffers)
    }
}
