//! A directory answered by plain calls, with the server's own cache and replies but without a net.

use crate::cache::{Answer, Index, Kept, Known, Lack, Loader, Store};
use crate::config::Config;
use crate::files::{Content, Name};
use crate::rules::Effect;
use crate::serve;
use sluicegate::{Time, WorkerId};
use sluicegate_files::Root;
use sluicegate_http::{Exchange, Reply};
use std::io;
use std::path::Path;

/// The site of one thread: for programs that bring their own loop, such as a measurement of what
/// the net costs.
///
/// A page that is not in memory is read by the call that asks for it, and a file too large to be
/// kept is answered with 503.
#[derive(Debug)]
pub struct Direct {
    loader: Loader,
    index: Index,
}

impl Direct {
    /// Serves the directory at `root`, with `budget` bytes of it in memory. Longer files than
    /// `stream_above` bytes are not kept. Nobody makes variants here, but replies say that they
    /// vary where the server's do.
    ///
    /// # Errors
    /// When the directory cannot be opened.
    pub fn open(root: &Path, config: &Config) -> io::Result<Direct> {
        let content = Content::directory(Root::open(root)?, config.site.index.clone());
        let loader = Loader::new(content, Store::new(config.cache_budget), config.stream_above);
        let loader = loader.coding(config.compression.clone());
        Ok(Direct { loader, index: Index::default() })
    }

    /// Sets the reply to a request that came at `now`.
    pub fn answer(&mut self, exchange: &mut Exchange, now: Time) {
        if let Some(reply) = serve::methods(exchange) {
            return exchange.reply(reply);
        }
        let replied = match self.index.get(exchange.path(), now) {
            Some(known) => serve::known(exchange, known),
            None => self.look(exchange, now),
        };
        // Nothing of a directory is elsewhere.
        if replied.is_err() {
            exchange.reply(Reply::plain(503));
        }
    }

    /// Asks the disk, and notes what it says.
    fn look(&mut self, exchange: &mut Exchange, now: Time) -> Result<(), Lack> {
        let Some(name) = Name::new(exchange.path()) else {
            exchange.reply(Reply::plain(404));
            return Ok(());
        };
        let mut gone = Vec::new();
        let answer = self.loader.answer(&name, WorkerId::default(), &mut gone);
        gone.iter().for_each(|eviction| self.index.release(&eviction.page));
        let known = match answer {
            Answer::Page(page) => Known::Page(Kept::page(page, &Effect::default())),
            Answer::Directory => Known::Directory,
            Answer::Listable | Answer::Missing => Known::Missing,
            Answer::Stream(_) | Answer::Failed => {
                exchange.reply(Reply::plain(503));
                return Ok(());
            }
        };
        let replied = serve::known(exchange, &known);
        self.index.put(name, known, now);
        replied
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::FRESH;
    use crate::config::{Machine, Settings};
    use crate::scratch::Scratch;

    #[test]
    fn a_page_is_read_once_and_looked_at_again_when_it_is_old() {
        let scratch = Scratch::new();
        scratch.write("a.txt", "one");
        let config = Config::new(&Settings::default(), Machine::found());
        let config = config.expect("the defaults hold");
        let mut site = Direct::open(scratch.path(), &config).expect("the directory is there");
        let mut ask = |path: &str, now| {
            let text = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
            let mut exchange = Exchange::read(text.as_bytes()).expect("a request");
            site.answer(&mut exchange, now);
            let reply = exchange.replied().expect("a reply");
            (reply.status(), reply.body().len())
        };
        assert_eq!(ask("/a.txt", Time(0)), (200, 3));
        assert_eq!(ask("/none", Time(0)).0, 404);
        scratch.write("a.txt", "three");
        assert_eq!(ask("/a.txt", Time(1)), (200, 3), "still believed");
        assert_eq!(ask("/a.txt", Time(1) + FRESH), (200, 5));
    }
}
