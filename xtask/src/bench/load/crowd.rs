//! Honest clients: each asks, reads the answer and asks again, at a rate or as fast as it can.

use std::collections::VecDeque;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::{Poller, Ready, begin, read_into, reset};
use crate::bench::stats::quantile;

/// How long all connections together may take to stand, and the last answers to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// After an error a client comes back so late, lest errors be all that is measured.
const COME_BACK: Duration = Duration::from_millis(100);

/// Clients on connections of their own.
pub struct Crowd {
    address: SocketAddr,
    /// What they ask for, one after the other and again from the first, and which is next.
    requests: Vec<Vec<u8>>,
    next: usize,
    poller: Poller,
    clients: Vec<Client>,
    /// Clients that come back after an error, and when.
    returning: VecDeque<(Duration, usize)>,
}

struct Client {
    stream: TcpStream,
    stands: bool,
    held: Vec<u8>,
    /// When the request that is not answered yet should have been sent.
    asked: Option<Duration>,
    /// When requests should have been sent that wait for the answer before them.
    owed: VecDeque<Duration>,
    /// It comes back after an error.
    away: bool,
    answers: u64,
}

/// What the clients heard.
#[derive(Default)]
pub struct Heard {
    pub seconds: f64,
    pub answers: u64,
    pub errors: u64,
    /// Answers with a 200: those in time, and those that came after the end.
    pub good: u64,
    pub late: u64,
    /// From when each answered request should have been sent to its answer, in ms, sorted.
    pub waits: Vec<f64>,
    /// Answers of each client.
    pub each: Vec<u64>,
    /// The longest wait of any, also of one that was not over at the end, in ms.
    pub longest: f64,
}

impl Heard {
    pub fn rate(&self) -> f64 {
        self.answers as f64 / self.seconds
    }

    pub fn wait(&self, share: f64) -> f64 {
        quantile(&self.waits, share)
    }

    /// Jain's index of the clients' answers: 1 when all have as many, 1/n when one has all.
    pub fn fairness(&self) -> f64 {
        let sum: f64 = self.each.iter().map(|n| *n as f64).sum();
        let squares: f64 = self.each.iter().map(|n| (*n as f64).powi(2)).sum();
        sum * sum / (self.each.len() as f64 * squares)
    }
}

impl Crowd {
    /// Connects all clients, who ask for one path.
    pub fn gather(address: SocketAddr, path: &str, clients: usize) -> Result<Crowd> {
        Crowd::of(address, &[path], clients)
    }

    /// Connects all clients, who ask for these paths one after the other, and again.
    pub fn of(address: SocketAddr, paths: &[impl AsRef<str>], clients: usize) -> Result<Crowd> {
        let request = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let mut crowd = Crowd {
            address,
            requests: paths.iter().map(|path| request(path.as_ref()).into_bytes()).collect(),
            next: 0,
            poller: Poller::new()?,
            clients: Vec::new(),
            returning: VecDeque::new(),
        };
        let begun = Instant::now();
        for n in 0..clients {
            let stream = begin(address, n, false).context("a client cannot connect")?;
            crowd.poller.add(n as u64, &stream)?;
            crowd.clients.push(Client::new(stream));
            // A backlog holds only so many: let the server take some.
            if n % 256 == 255 {
                crowd.settle(begun)?;
            }
        }
        crowd.settle(begun)?;
        Ok(crowd)
    }

    /// Waits until all connections stand.
    fn settle(&mut self, begun: Instant) -> Result<()> {
        while !self.clients.iter().all(|client| client.stands) {
            for ready in self.poller.wait(Duration::from_millis(10))? {
                self.clients[ready.key as usize].stands |= ready.write;
            }
            if begun.elapsed() > PATIENCE {
                bail!("clients are still not connected after {PATIENCE:?}");
            }
        }
        Ok(())
    }

    /// Each client asks once and is answered, so that its connection is known to work.
    pub fn warm(&mut self) -> Result<()> {
        let heard = self.drive(Duration::ZERO, None)?;
        match heard.errors {
            0 => Ok(()),
            n => bail!("{n} of {} clients were not answered", self.clients.len()),
        }
    }

    /// Asks for so long, at a rate of all clients together or as fast as answers come. The rate is
    /// kept by the clock: what could not be sent in time is sent as soon as it can be.
    pub fn drive(&mut self, length: Duration, rate: Option<f64>) -> Result<Heard> {
        let begun = Instant::now();
        let mut heard = Heard { seconds: length.as_secs_f64(), ..Heard::default() };
        self.clients.iter_mut().for_each(|client| client.answers = 0);
        let mut sent = 0;
        if rate.is_none() {
            (0..self.clients.len()).for_each(|n| self.ask(n, Duration::ZERO));
        }
        loop {
            let now = begun.elapsed();
            let over = now >= length;
            if over && (self.is_quiet() || now > length + PATIENCE) {
                break;
            }
            let mut wait = Duration::from_millis(10);
            if let Some(rate) = rate.filter(|_| !over) {
                while Duration::from_secs_f64(sent as f64 / rate) <= now {
                    let due = Duration::from_secs_f64(sent as f64 / rate);
                    self.ask(sent % self.clients.len(), due);
                    sent += 1;
                }
                wait = Duration::from_secs_f64(sent as f64 / rate).saturating_sub(now);
            }
            for ready in self.poller.wait(wait)? {
                self.hear(ready, begun.elapsed(), over, rate.is_none(), &mut heard);
            }
            self.come_back(begun.elapsed(), over || rate.is_some())?;
        }
        heard.each = self.clients.iter().map(|client| client.answers).collect();
        let waiting = self.clients.iter().filter_map(|client| client.asked);
        let unheard = waiting.map(|asked| (begun.elapsed() - asked).as_secs_f64() * 1e3);
        heard.errors += self.clients.iter().filter(|client| client.asked.is_some()).count() as u64;
        heard.longest = unheard.chain(heard.waits.iter().copied()).fold(0.0, f64::max);
        heard.waits.sort_by(f64::total_cmp);
        Ok(heard)
    }

    fn is_quiet(&self) -> bool {
        self.clients.iter().all(|client| client.asked.is_none() && client.owed.is_empty())
    }

    /// A request of this client is due since `due`.
    fn ask(&mut self, n: usize, due: Duration) {
        let client = &mut self.clients[n];
        if client.asked.is_some() || client.away {
            client.owed.push_back(due);
            return;
        }
        client.asked = Some(due);
        if client.stands {
            self.send(n);
        }
    }

    fn send(&mut self, n: usize) {
        self.clients[n].send(&self.requests[self.next]);
        self.next = (self.next + 1) % self.requests.len();
    }

    fn hear(&mut self, ready: Ready, now: Duration, over: bool, again: bool, heard: &mut Heard) {
        let n = ready.key as usize;
        let client = &mut self.clients[n];
        if client.away {
            return;
        }
        if ready.write && !std::mem::replace(&mut client.stands, true) && client.asked.is_some() {
            self.send(n);
        }
        if !ready.read {
            return;
        }
        let client = &mut self.clients[n];
        let goes_on = read_into(&client.stream, &mut client.held);
        while let Some((len, good)) = answer(&client.held) {
            client.held.drain(..len);
            let Some(asked) = client.asked.take() else { break };
            heard.waits.push((now - asked).as_secs_f64() * 1e3);
            heard.errors += u64::from(!good);
            let of = if over { &mut heard.late } else { &mut heard.good };
            *of += u64::from(good);
            if !over {
                client.answers += 1;
                heard.answers += 1;
            }
        }
        if !goes_on {
            heard.errors += 1;
            (client.asked, client.away) = (None, true);
            self.returning.push_back((now + COME_BACK, n));
        } else if client.asked.is_none() {
            let owed = client.owed.pop_front();
            if let Some(due) = owed.or((again && !over).then_some(now)) {
                self.ask(n, due);
            }
        }
    }

    /// Lets clients come back whose time it is.
    fn come_back(&mut self, now: Duration, quietly: bool) -> Result<()> {
        while let Some((_, n)) = self.returning.pop_front_if(|(back, _)| *back <= now) {
            let stream = begin(self.address, n, false)?;
            self.poller.add(n as u64, &stream)?;
            let (answers, mut owed) =
                (self.clients[n].answers, std::mem::take(&mut self.clients[n].owed));
            let due = owed.pop_front().or((!quietly).then_some(now));
            reset(std::mem::replace(&mut self.clients[n], Client::new(stream)).stream);
            (self.clients[n].answers, self.clients[n].owed) = (answers, owed);
            if let Some(due) = due {
                self.ask(n, due);
            }
        }
        Ok(())
    }
}

impl Client {
    fn new(stream: TcpStream) -> Client {
        let (held, owed) = (Vec::new(), VecDeque::new());
        Client { stream, stands: false, held, asked: None, owed, away: false, answers: 0 }
    }

    fn send(&mut self, request: &[u8]) {
        // A request is much smaller than the room there is; an error is heard when reading.
        let _ = (&self.stream).write_all(request);
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.clients.drain(..).for_each(|client| reset(client.stream));
    }
}

/// The length of the first answer, where it is there to its last byte, and whether it is a 200.
fn answer(held: &[u8]) -> Option<(usize, bool)> {
    let end = held.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&held[..end]).unwrap_or_default();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let len = end + length.unwrap_or(0);
    (held.len() >= len).then(|| (len, head.starts_with("HTTP/1.1 200 ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_with_its_last_byte() {
        let text = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
        assert_eq!(answer(text), Some((text.len(), true)));
        assert_eq!(answer(&text[..text.len() - 1]), None);
        let refused = b"HTTP/1.1 503 No\r\n\r\nHTTP";
        assert_eq!(answer(refused), Some((refused.len() - 4, false)));
    }

    #[test]
    fn fairness_is_one_or_less() {
        let of = |each: &[u64]| Heard { each: each.to_vec(), ..Heard::default() }.fairness();
        assert_eq!(of(&[5, 5, 5, 5]), 1.0);
        assert_eq!(of(&[8, 0, 0, 0]), 0.25);
    }
}
