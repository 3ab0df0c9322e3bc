//! Where an app is served: at a listener that there is, or at an address.

use std::io;
use std::net::{SocketAddr, TcpListener};

/// A listener of tokio or of std, or an address to listen at.
#[derive(Debug)]
pub enum Listen {
    /// One of tokio, in whose runtime it must be given.
    Tokio(tokio::net::TcpListener),
    /// One of std.
    Std(TcpListener),
    /// An address; port 0 is any that is free.
    At(SocketAddr),
}

impl Listen {
    /// A listener, bound.
    pub(super) fn bound(self) -> io::Result<TcpListener> {
        match self {
            Self::Tokio(listener) => listener.into_std(),
            Self::Std(listener) => Ok(listener),
            Self::At(addr) => TcpListener::bind(addr).map_err(|error| {
                io::Error::new(error.kind(), format!("cannot listen on {addr}: {error}"))
            }),
        }
    }
}

impl From<tokio::net::TcpListener> for Listen {
    fn from(listener: tokio::net::TcpListener) -> Self {
        Self::Tokio(listener)
    }
}

impl From<TcpListener> for Listen {
    fn from(listener: TcpListener) -> Self {
        Self::Std(listener)
    }
}

impl From<SocketAddr> for Listen {
    fn from(addr: SocketAddr) -> Self {
        Self::At(addr)
    }
}
