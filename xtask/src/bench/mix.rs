//! A mix of requests as a site gets them, each answer checked to its last byte.

use std::fs;
use std::io::{Error, ErrorKind};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::client::{Client, Reply};
use super::stats::Random;

/// How many small files there are, and how many that change.
const SMALL: u64 = 100;
const CHANGING: u64 = 8;

/// A file that is streamed rather than kept in memory.
const LARGE: usize = 4 * 1024 * 1024;

/// The greatest body that is sent to be echoed.
const ECHO_MAX: u64 = 16 * 1024;

/// What is sent to be echoed: no two neighbouring blocks of it are the same.
static PATTERN: [u8; ECHO_MAX as usize] = pattern();

/// A connection is given up after about so many requests.
const REQUESTS_PER_CONNECTION: u64 = 100;

/// The bytes a client takes before it goes away in the middle of a large file.
const TAKEN: usize = 64 * 1024;

/// Routes that the mix asks for, over the directory.
pub const CONFIG: &str = "\
[[route]]
path = \"/echo\"
handler = \"echo\"

[[route]]
path = \"/burn\"
handler = \"burn\"

[[route]]
path = \"/sleep\"
handler = \"sleep\"
";

const fn pattern() -> [u8; ECHO_MAX as usize] {
    let mut bytes = [0; ECHO_MAX as usize];
    let mut n = 0;
    while n < bytes.len() {
        bytes[n] = (n % 251) as u8;
        n += 1;
    }
    bytes
}

/// Writes the served directory and the configuration; returns both paths.
pub fn site(home: &Path, config: &str) -> Result<(PathBuf, PathBuf)> {
    let www = home.join("www");
    fs::create_dir_all(www.join("small"))?;
    fs::create_dir_all(www.join("changing"))?;
    fs::write(www.join("index.html"), "<!doctype html><title>bench</title>\n")?;
    for n in 0..SMALL {
        fs::write(www.join(format!("small/{n}.txt")), small(n))?;
    }
    fs::write(www.join("100k.bin"), "k".repeat(100 * 1024))?;
    fs::write(www.join("large.bin"), "l".repeat(LARGE))?;
    for n in 0..CHANGING {
        change(&www, n)?;
    }
    let file = home.join("sluicegate.toml");
    fs::write(&file, config)?;
    Ok((www, file))
}

/// Gives one of the changing files another content: one letter and a length of its own.
pub fn change(www: &Path, step: u64) -> Result<()> {
    let letter = char::from(b'a' + (step % 26) as u8);
    let content = letter.to_string().repeat(512 + (step % 5) as usize * 700);
    let file = www.join(format!("changing/{}.txt", step % CHANGING));
    let fresh = www.join("changing/.fresh");
    fs::write(&fresh, content)?;
    // Renamed into place: whoever reads sees the old content or the new, never a mixture.
    fs::rename(&fresh, &file)?;
    Ok(())
}

fn small(n: u64) -> String {
    format!("small {n}\n").repeat(100)
}

/// A client of the mix: one connection at a time.
pub struct Visitor {
    address: SocketAddr,
    random: Random,
    client: Option<Client>,
}

impl Visitor {
    pub fn new(address: SocketAddr, seed: u64) -> Visitor {
        Visitor { address, random: Random(seed), client: None }
    }

    /// One request of the mix; an error says what was wrong with its answer.
    pub fn visit(&mut self) -> std::io::Result<()> {
        let n = self.random.next();
        let outcome = match self.random.below(100) {
            0..=49 => self.page(&format!("/small/{}.txt", n % SMALL), small(n % SMALL).as_bytes()),
            50..=59 => self.uniform("/100k.bin", 100 * 1024..=100 * 1024),
            60 => self.uniform("/large.bin", LARGE..=LARGE),
            61..=70 => self.echo(1 + n % ECHO_MAX),
            71..=75 => self.expect("GET", "/burn?us=200", 200).map(drop),
            76..=80 => self.expect("GET", "/sleep?ms=5", 200).map(drop),
            81..=88 => self.expect("HEAD", "/index.html", 200).map(drop),
            89..=95 => {
                self.uniform(&format!("/changing/{}.txt", n % CHANGING), 512..=512 + 4 * 700)
            }
            96 => self.leave_in_the_middle(),
            _ => self.expect("GET", "/missing", 404).map(drop),
        };
        if outcome.is_err() || self.random.below(REQUESTS_PER_CONNECTION) == 0 {
            self.client = None;
        }
        outcome
    }

    fn page(&mut self, path: &str, content: &[u8]) -> std::io::Result<()> {
        let reply = self.expect("GET", path, 200)?;
        right(reply.body == content, || format!("GET {path}: not the file's content"))
    }

    /// A file of one letter: two letters would be two versions in one answer.
    fn uniform(
        &mut self,
        path: &str,
        lengths: std::ops::RangeInclusive<usize>,
    ) -> std::io::Result<()> {
        let body = self.expect("GET", path, 200)?.body;
        // Equal to itself moved by one: one comparison, so that the client is not the slow one.
        let even = body.get(1..) == body.get(..body.len().saturating_sub(1));
        let fits = lengths.contains(&body.len());
        right(even && fits, || format!("GET {path}: {} bytes, one version: {even}", body.len()))
    }

    fn echo(&mut self, length: u64) -> std::io::Result<()> {
        let body = &PATTERN[..length as usize];
        let reply = self.client()?.ask("POST", "/echo", body)?;
        self.settle(&reply);
        let same = reply.status == 200 && reply.body == body;
        right(same, || format!("POST /echo of {length} bytes: {} and another body", reply.status))
    }

    fn leave_in_the_middle(&mut self) -> std::io::Result<()> {
        let mut client = Client::connect(self.address)?;
        client.send("GET", "/large.bin", &[])?;
        client.reset_after(TAKEN)
    }

    fn expect(&mut self, method: &str, path: &str, status: u16) -> std::io::Result<Reply> {
        let reply = self.client()?.ask(method, path, &[])?;
        self.settle(&reply);
        right(reply.status == status, || format!("{method} {path}: {}", reply.status))?;
        Ok(reply)
    }

    fn client(&mut self) -> std::io::Result<&mut Client> {
        match &mut self.client {
            Some(client) => Ok(client),
            none => Ok(none.insert(Client::connect(self.address)?)),
        }
    }

    fn settle(&mut self, reply: &Reply) {
        if reply.close {
            self.client = None;
        }
    }
}

fn right(holds: bool, complaint: impl FnOnce() -> String) -> std::io::Result<()> {
    match holds {
        true => Ok(()),
        false => Err(Error::new(ErrorKind::InvalidData, complaint())),
    }
}
