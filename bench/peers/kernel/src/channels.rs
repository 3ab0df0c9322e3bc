//! The same stream between two threads over a channel of the same capacity, each by the means with
//! which its crate takes most at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;

use anyhow::{Result, bail};

use crate::machine::{pin, rate};
use crate::{Body, CAPACITY, Figures};

/// The most that a receiver takes at once: the batch of a stage.
const AT_ONCE: usize = 64;

/// Counts what was taken, and looks at both ends of each body.
struct Count {
    sum: u64,
    n: u64,
    taken: Arc<AtomicU64>,
}

impl Count {
    fn new(taken: &Arc<AtomicU64>) -> Self {
        Self { sum: 0, n: 0, taken: Arc::clone(taken) }
    }

    fn take(&mut self, body: Body) {
        self.sum ^= body[0] ^ body[7];
        self.n += 1;
    }

    fn show(&self) {
        self.taken.store(self.n, Relaxed);
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        std::hint::black_box(self.sum);
    }
}

/// Events a second. A channel has no batches: the sender sends one after the other.
pub fn run(who: &str, batch: usize, seconds: f64) -> Result<Figures> {
    let taken = Arc::default();
    let count = Count::new(&taken);
    match who {
        "crossbeam" => {
            let (to, from) = crossbeam_channel::bounded::<Body>(CAPACITY);
            let send = move |body| to.send(body).is_ok();
            both(batch, &taken, seconds, send, move || crossbeam(&from, count))
        }
        "flume" => {
            let (to, from) = flume::bounded::<Body>(CAPACITY);
            let send = move |body| to.send(body).is_ok();
            both(batch, &taken, seconds, send, move || flume(&from, count))
        }
        "kanal" => {
            let (to, from) = kanal::bounded::<Body>(CAPACITY);
            let send = move |body| to.send(body).is_ok();
            both(batch, &taken, seconds, send, move || kanal(&from, count))
        }
        "tokio" => {
            let (to, from) = tokio::sync::mpsc::channel::<Body>(CAPACITY);
            let send = move |body| to.blocking_send(body).is_ok();
            both(batch, &taken, seconds, send, move || tokio(from, count))
        }
        "async-channel" => {
            let (to, from) = async_channel::bounded::<Body>(CAPACITY);
            let send = move |body| to.send_blocking(body).is_ok();
            both(batch, &taken, seconds, send, move || async_channel(&from, count))
        }
        other => bail!("{other} is no channel that is known here"),
    }
}

/// Runs both threads until the time is over.
fn both(
    batch: usize,
    taken: &AtomicU64,
    seconds: f64,
    send: impl Fn(Body) -> bool + Send + 'static,
    receive: impl FnOnce() + Send + 'static,
) -> Result<Figures> {
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let sender = thread::spawn(move || {
        pin(0);
        let mut n = 0;
        while !stopped.load(Relaxed) {
            for _ in 0..batch {
                n += 1;
                if !send([n; 8]) {
                    return;
                }
            }
        }
    });
    let receiver = thread::spawn(move || {
        pin(1);
        receive();
    });
    let rate = rate(taken, seconds);
    stop.store(true, Relaxed);
    for thread in [sender, receiver] {
        thread.join().map_err(|_| anyhow::anyhow!("a thread panicked"))?;
    }
    Ok(vec![("per_second", rate)])
}

fn crossbeam(from: &crossbeam_channel::Receiver<Body>, mut count: Count) {
    while let Ok(body) = from.recv() {
        count.take(body);
        from.try_iter().take(AT_ONCE - 1).for_each(|body| count.take(body));
        count.show();
    }
}

fn flume(from: &flume::Receiver<Body>, mut count: Count) {
    while let Ok(body) = from.recv() {
        count.take(body);
        from.drain().for_each(|body| count.take(body));
        count.show();
    }
}

fn kanal(from: &kanal::Receiver<Body>, mut count: Count) {
    let mut bodies = Vec::with_capacity(CAPACITY);
    while let Ok(body) = from.recv() {
        count.take(body);
        if from.drain_into(&mut bodies).is_err() {
            return;
        }
        bodies.drain(..).for_each(|body| count.take(body));
        count.show();
    }
}

fn tokio(mut from: tokio::sync::mpsc::Receiver<Body>, mut count: Count) {
    let mut bodies = Vec::with_capacity(AT_ONCE);
    while from.blocking_recv_many(&mut bodies, AT_ONCE) > 0 {
        bodies.drain(..).for_each(|body| count.take(body));
        count.show();
    }
}

fn async_channel(from: &async_channel::Receiver<Body>, mut count: Count) {
    while let Ok(body) = from.recv_blocking() {
        count.take(body);
        for _ in 1..AT_ONCE {
            let Ok(body) = from.try_recv() else { break };
            count.take(body);
        }
        count.show();
    }
}
