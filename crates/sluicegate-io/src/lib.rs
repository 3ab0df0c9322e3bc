//! The machine under a staged runtime: sockets, buffers, disks, io_uring, epoll, simulation.
//!
//! [`Io`] is the machine of a pinned domain's worker. [`serve`] and [`dial`] add the stages that
//! move bytes to a net: `accept`, `connect`, `read` and `write`. A protocol is a stage between
//! them, which asks the machine to read, keeps its state with the connection, and sends writes.
//! [`disk`](fn@disk) adds a stage that reads files and devices into pages of an [`Arena`], and
//! writes them from such.

mod addr;
mod addresses;
mod arena;
pub mod backend;
mod buf;
mod choice;
mod chunk;
mod conn;
mod cpus;
mod dial;
mod disk;
mod epoll;
mod events;
mod io;
mod ledger;
mod listen;
mod output;
mod pages;
mod pieces;
pub mod resources;
mod send;
mod settings;
pub mod sim;
mod slab;
mod sleep;
mod stages;
mod system;
mod thread_park;
mod unix;
mod uring;

pub use addr::{Addr, BadAddr, Peer, UNIX_PATH_MAX};
pub use addresses::{Addresses, network};
pub use arena::{Arena, Backing, Frames, PAGE, PageKind, Paged};
pub use backend::Backend;
pub use buf::{BUFFER_SIZE, Buf, Pool};
pub use choice::{Asked, Choice};
pub use chunk::{Chunk, Homed};
pub use conn::{ConnId, How, Lease};
pub use cpus::{BadCpus, Cpus, NoCpu};
pub use disk::{
    Device, Disk, DiskBy, DiskCounts, DiskIn, DiskLedger, DiskOp, DiskOptions, DiskSync, DiskWrite,
    Extent, Read, ReadDone, SyncDone, WriteDone, disk,
};
pub use epoll::Epoll;
pub use events::{
    Closed, Connect, ConnectFailed, Incoming, Opened, PIECES, Received, State, Then, Write,
};
pub use io::{Io, WhenFull};
pub use ledger::{ConnCounts, ConnLedger, Refusal};
pub use listen::{BACKLOG, ListenError, ListenFault, Listener, Listeners, Succession};
pub use pages::{LARGE, PageMemory};
pub use pieces::Pieces;
pub use settings::Settings;
pub use stages::{
    AcceptStage, ConnectOut, ConnectStage, Dialed, Never, Options, ReadStage, Served, WriteStage,
    dial, serve,
};
pub use thread_park::ThreadPark;
pub use uring::{DIRECT_SPARE, Unfit, Uring};
