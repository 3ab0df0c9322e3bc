//! The files of a directory, held in memory with their heads made ahead.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context, Result};
use bytes::Bytes;
use foldhash::fast::RandomState;
use sluicegate_http::conditional::{self, Validators, Verdict};
use sluicegate_http::{Body, Exchange, Head, Method, Reply, prebuild};

/// Larger files are not held.
const FILE_MAX: u64 = 1024 * 1024;

/// All pages by their path.
pub struct Site {
    pages: HashMap<Vec<u8>, Page, RandomState>,
}

#[derive(Clone)]
struct Page {
    head: Bytes,
    unchanged: Bytes,
    body: Bytes,
    etag: String,
    modified: SystemTime,
}

impl Site {
    /// Reads the files of a directory and of those below it.
    pub fn read(dir: &Path) -> Result<Site> {
        let mut pages = HashMap::default();
        let mut dirs = vec![(dir.to_path_buf(), String::from("/"))];
        while let Some((dir, prefix)) = dirs.pop() {
            let entries = fs::read_dir(&dir);
            for entry in entries.with_context(|| format!("cannot read {}", dir.display()))? {
                let entry = entry?;
                let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
                let about = entry.metadata()?;
                if about.is_dir() {
                    dirs.push((entry.path(), path + "/"));
                } else if about.len() <= FILE_MAX {
                    let page = Page::new(fs::read(entry.path())?, about.modified()?, &path);
                    pages.insert(path.into_bytes(), page);
                }
            }
        }
        if let Some(index) = pages.get(b"/index.html".as_slice()) {
            pages.insert(b"/".to_vec(), index.clone());
        }
        Ok(Site { pages })
    }

    /// Sets the reply to a request. Ranges are ignored, as a server may.
    pub fn answer(&self, exchange: &mut Exchange) {
        let reply = match self.pages.get(exchange.path()) {
            _ if !matches!(exchange.method, Method::Get | Method::Head) => {
                Reply::not_allowed("GET, HEAD")
            }
            Some(page) => page.reply(exchange),
            None => Reply::plain(404),
        };
        exchange.reply(reply);
    }
}

impl Page {
    /// The fields are those that Sluicegate sends, so that both write as many bytes.
    fn new(body: Vec<u8>, modified: SystemTime, path: &str) -> Page {
        let kind = if path.ends_with(".html") { "text/html" } else { "text/plain" };
        let date = httpdate::fmt_http_date(modified);
        let since = modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let etag = format!("\"{:x}-{:x}\"", since.as_nanos(), body.len());
        let fields = [
            ("Content-Type", &*format!("{kind}; charset=utf-8")),
            ("Accept-Ranges", "bytes"),
            ("ETag", &etag),
            ("Last-Modified", &date),
        ];
        let head = prebuild(200, &fields, Some(body.len() as u64));
        let unchanged = prebuild(304, &fields[2..], None);
        Page { head, unchanged, body: body.into(), etag, modified }
    }

    fn reply(&self, head: &Head) -> Reply {
        let validators =
            Validators { etag: Some(self.etag.as_bytes()), modified: Some(self.modified) };
        match conditional::evaluate(head, &validators) {
            Verdict::NotModified => Reply::prebuilt(304, self.unchanged.clone(), Body::Empty),
            Verdict::Failed => Reply::plain(412),
            Verdict::Proceed => {
                Reply::prebuilt(200, self.head.clone(), Body::Bytes(self.body.clone()))
            }
        }
    }
}
