//! Clients that ask again and again until they are told to stop.

use crate::common::Client;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;

/// Connections that ask at the same time.
const CLIENTS: usize = 16;

/// Requests that come all the time.
pub struct Load {
    over: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    pub fn start(address: &str, target: &'static str) -> Load {
        let over = Arc::new(AtomicBool::new(false));
        let client = |_| {
            let (over, mut client) = (Arc::clone(&over), Client::connect(address));
            std::thread::spawn(move || {
                while !over.load(Relaxed) {
                    client.get(target);
                }
            })
        };
        let clients = (0..CLIENTS).map(client).collect();
        Load { over, clients }
    }

    /// Stops it: what was asked is answered.
    pub fn stop(self) {
        self.over.store(true, Relaxed);
        self.clients.into_iter().for_each(|client| client.join().expect("the server answers"));
    }
}
