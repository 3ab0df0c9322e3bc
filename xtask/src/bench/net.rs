//! The server's own account of itself: `/api/net`, and whether its ledgers are even.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::client::Client;

/// How long the net may take to come to rest after the load has ended.
const REST: Duration = Duration::from_secs(10);

/// How often it is asked whether it rests.
const GLANCE: Duration = Duration::from_millis(100);

/// The asking itself is a request on a connection of its own.
const OURSELVES: u64 = 1;

/// A snapshot, as far as the scenes need it.
#[derive(Debug)]
pub struct Net {
    entered: u64,
    forked: u64,
    joined: u64,
    ended: u64,
    pub in_flight: u64,
    balanced: bool,
    opened: u64,
    closed: u64,
    pub open: u64,
    /// Flows that were neither answered nor left by their clients, and connections not let in.
    pub refused: u64,
    pub panics: u64,
    /// How old the oldest part of the ledger is.
    age: Duration,
}

impl Net {
    /// Asks the admin listener.
    pub fn ask(admin: SocketAddr) -> Result<Net> {
        let reply = Client::connect(admin)?.get("/api/net")?;
        ensure!(reply.status == 200, "/api/net answers {}", reply.status);
        Net::read(&serde_json::from_slice(&reply.body).context("/api/net is not JSON")?)
    }

    fn read(net: &Value) -> Result<Net> {
        let ledger = &net["ledger"];
        let number = |value: &Value, name: &str| {
            value[name].as_u64().with_context(|| format!("/api/net has no number {name}"))
        };
        let stages = net["stages"].as_array().context("/api/net has no stages")?;
        let connections = &ledger["connections"];
        let ended = sum(&ledger["ended"]);
        let finished = number(&ledger["ended"], "finished")?;
        let gone = number(&ledger["ended"], "gone")?;
        Ok(Net {
            entered: number(ledger, "entered")?,
            forked: number(ledger, "forked")?,
            joined: number(ledger, "joined")?,
            ended,
            in_flight: number(ledger, "in_flight")?,
            balanced: ledger["balanced"] == true,
            opened: number(connections, "opened")?,
            closed: sum(&connections["closed"]),
            open: number(connections, "open")?,
            refused: ended - finished - gone + number(connections, "shed")?,
            panics: stages.iter().filter_map(|stage| stage["panics"].as_u64()).sum(),
            age: Duration::try_from_secs_f64(net["age_ms"].as_f64().unwrap_or(0.0) / 1000.0)?,
        })
    }

    /// Waits until nothing is in flight but our own question; then both ledgers must be even.
    pub fn at_rest(admin: SocketAddr) -> Result<Net> {
        let begun = Instant::now();
        loop {
            let asked = Instant::now();
            let net = Net::ask(admin)?;
            if net.age <= asked.elapsed() && net.in_flight <= OURSELVES && net.open <= OURSELVES {
                net.even()?;
                return Ok(net);
            }
            if begun.elapsed() > REST {
                bail!("still not at rest {REST:?} after the load: {net:?}");
            }
            std::thread::sleep(GLANCE);
        }
    }

    fn even(&self) -> Result<()> {
        let flows = self.entered + self.forked == self.ended + self.joined + self.in_flight;
        ensure!(flows && self.balanced, "the ledger of flows is not even: {self:?}");
        let connections = self.opened == self.closed + self.open;
        ensure!(connections, "the ledger of connections is not even: {self:?}");
        Ok(())
    }
}

/// What the server counted of its connections, as it says it.
pub fn connections(admin: SocketAddr) -> Result<String> {
    let reply = Client::connect(admin)?.get("/api/net")?;
    let net: Value = serde_json::from_slice(&reply.body).context("/api/net is not JSON")?;
    Ok(net["ledger"]["connections"].to_string())
}

/// The sum of the numbers of an object.
fn sum(counts: &Value) -> u64 {
    counts.as_object().map_or(0, |counts| counts.values().filter_map(Value::as_u64).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_read_and_judged() {
        let text = r#"{"stages": [{"panics": 1}, {"panics": 2}], "ledger": {
            "entered": 9, "forked": 1, "joined": 0, "in_flight": 1, "balanced": true,
            "ended": {"finished": 5, "gone": 3, "shed": 1},
            "connections":
            {"opened": 4, "closed": {"eof": 2, "reset": 1}, "open": 1, "shed": 0}}}"#;
        let mut net = Net::read(&serde_json::from_str(text).expect("JSON")).expect("an account");
        assert_eq!((net.refused, net.panics, net.open), (1, 3, 1));
        net.even().expect("both ledgers are even");
        net.closed -= 1;
        let told = net.even().expect_err("a connection is missing").to_string();
        assert!(told.contains("ledger of connections"), "{told}");
    }
}
