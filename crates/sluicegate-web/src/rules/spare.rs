//! Pages for errors that are answered when no site can be asked any more: read with the settings,
//! and kept beside the cache.
use super::notes::Notes;
use super::site::Site;
use bytes::Bytes;
use sluicegate_http::{Body, Reply};
use std::borrow::Cow;

/// The longest page that is kept so: 64 KiB. A site keeps one for each status below.
pub const SPARE_MAX: u64 = 64 << 10;
/// The errors that are answered so: a client asks too much, a handler failed, there is too much to
/// do, or it is too late.
pub const SPARE_STATUSES: [u16; 4] = [429, 500, 503, 504];

/// What a site answers in a pinch.
#[derive(Debug, Default)]
pub struct Spare {
    pages: Vec<Page>,
    /// Those of the rules for all paths: the path of a request that is lost is not known.
    fields: Vec<(String, String)>,
}

#[derive(Debug)]
struct Page {
    status: u16,
    media: Cow<'static, str>,
    body: Bytes,
}

impl Spare {
    /// Reads the pages of a site, and says in `notes` which of them cannot be had.
    pub fn of(site: &Site, notes: &mut Notes) -> Spare {
        let mut pages = Vec::new();
        for status in SPARE_STATUSES {
            let Some(name) = site.error(status) else { continue };
            let why = match site.content().read(name, SPARE_MAX) {
                Ok(Some((media, body))) => {
                    pages.push(Page { status, media, body });
                    continue;
                }
                Ok(None) => "is not there".to_owned(),
                Err(why) => why,
            };
            let name = name.as_str();
            let note =
                format!("error {status}: /{name} {why}: lost requests are answered without it");
            notes.add(site.id(), note);
        }
        let effect = site.everywhere();
        let fields = effect.fields(500).map(|(name, value)| (name.to_owned(), value.to_owned()));
        Spare { fields: fields.collect(), pages }
    }

    /// Whether it has nothing to say.
    pub fn is_empty(&self) -> bool {
        self.pages.is_empty() && self.fields.is_empty()
    }

    /// The reply with this status.
    pub fn reply(&self, status: u16) -> Reply {
        let reply = match self.pages.iter().find(|page| page.status == status) {
            Some(page) => {
                let body = Body::Bytes(page.body.clone());
                Reply::new(status).with_content(page.media.clone(), body)
            }
            None => Reply::plain(status),
        };
        self.fields.iter().fold(reply, |reply, (name, value)| reply.header(name, value))
    }
}
