//! One site: its content, and what holds for each of its paths.
use super::cors::Cors;
use super::login::Door;
use super::notes::Notes;
use super::pattern::Pattern;
use super::plan::page;
use super::redirect::Redirect;
use super::spare::Spare;
use crate::config::{RuleConfig, SiteConfig};
use crate::files::{Content, Name, SiteId};
use sluicegate_http::{Head, Reply};
use std::sync::Arc;

/// Content with its rules, all of them compiled.
#[derive(Debug)]
pub struct Site {
    id: SiteId,
    content: Content,
    index: Vec<String>,
    rules: Vec<Rule>,
    redirects: Vec<Redirect>,
    errors: Vec<(u16, Name)>,
    fallback: Option<Name>,
    listing: bool,
    /// Nothing but files: no reply has to be looked at.
    plain: bool,
    spare: Spare,
}

/// What holds for some paths.
#[derive(Debug)]
pub struct Rule {
    pattern: Pattern,
    headers: Vec<(String, String)>,
    cache_control: Option<String>,
    listing: Option<bool>,
    cors: Option<Cors>,
    door: Option<Arc<Door>>,
}

/// What holds for one path, of all rules that match it.
#[derive(Debug, Default)]
pub struct Effect<'a> {
    headers: Vec<(&'a str, &'a str)>,
    cache_control: Option<&'a str>,
}

impl Rule {
    /// A rule and who may pass it.
    pub fn new(config: &RuleConfig, door: Option<Arc<Door>>) -> Rule {
        let mut headers = config.headers.clone();
        headers.extend(config.cors.iter().flat_map(Cors::fixed));
        Rule {
            pattern: config.path.clone(),
            headers,
            cache_control: config.cache_control.clone(),
            listing: config.listing,
            cors: config.cors.clone(),
            door,
        }
    }
}

impl Site {
    /// A site as it was configured.
    pub fn new(id: SiteId, content: Content, config: &SiteConfig, rules: Vec<Rule>) -> Site {
        let errors = config.errors.iter();
        let errors: Vec<_> =
            errors.filter_map(|(status, path)| Some((*status, page(id, path)?))).collect();
        let fallback = config.fallback.as_deref().and_then(|path| page(id, path));
        let plain = rules.is_empty() && errors.is_empty() && fallback.is_none() && !config.listing;
        Site {
            id,
            content,
            index: config.index.clone(),
            rules,
            redirects: config.redirects.clone(),
            errors,
            fallback,
            listing: config.listing,
            plain,
            spare: Spare::default(),
        }
    }

    /// The same with the pages for errors that reach no site; `notes` says which cannot be had.
    pub(super) fn with_spare(mut self, notes: &mut Notes) -> Site {
        self.spare = Spare::of(&self, notes);
        self
    }

    /// What is answered where the site cannot be asked.
    pub(super) fn spare(&self) -> &Spare {
        &self.spare
    }

    /// Its number.
    pub fn id(&self) -> SiteId {
        self.id
    }

    /// Where its names are looked up.
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// Whether every reply is sent as it is.
    pub fn is_plain(&self) -> bool {
        self.plain
    }

    /// Whether replies that were not made of files are changed here too: by fields, or by pages in
    /// the place of errors.
    pub(super) fn dresses(&self) -> bool {
        let dresses = |rule: &Rule| !rule.headers.is_empty() || rule.cache_control.is_some();
        !self.errors.is_empty() || self.rules.iter().any(dresses)
    }

    /// The page that stands in the place of replies with this status.
    pub fn error(&self, status: u16) -> Option<&Name> {
        self.errors.iter().find(|(known, _)| *known == status).map(|(_, name)| name)
    }

    /// The page that is served in the place of what is missing, to who can show it.
    pub fn fallback(&self, head: &Head) -> Option<&Name> {
        self.fallback.as_ref().filter(|_| accepts(head, b"text/html"))
    }

    /// The first redirect for a request.
    pub fn redirect(&self, head: &Head) -> Option<Reply> {
        let found = self.redirects.iter().find_map(|redirect| {
            redirect.place(head.path(), head.query()).map(|place| (redirect.status, place))
        });
        found.map(|(status, place)| Reply::plain(status).header("Location", place))
    }

    /// Whether the directory at a path may be shown.
    pub fn lists(&self, path: &[u8]) -> bool {
        self.last(path, |rule| rule.listing).unwrap_or(self.listing)
    }

    /// What is allowed across origins at a path.
    pub fn cors(&self, path: &[u8]) -> Option<&Cors> {
        self.last(path, |rule| rule.cors.as_ref())
    }

    /// Who may pass to a path; nothing where everybody may.
    pub fn door(&self, path: &[u8]) -> Option<&Arc<Door>> {
        self.last(path, |rule| rule.door.as_ref())
    }

    /// The fields that replies for a path have.
    pub fn effect(&self, path: &[u8]) -> Effect<'_> {
        Effect::of(self.matching(path))
    }

    /// The fields that replies have whatever their path.
    pub(super) fn everywhere(&self) -> Effect<'_> {
        Effect::of(self.rules.iter().filter(|rule| rule.pattern.is_everywhere()))
    }

    /// Adds to a reply what its path asks for; a prebuilt one has all but what depends on who
    /// asks. Of caching a handler knows more than a path does: what it says stays.
    pub fn dress(&self, head: &Head, mut reply: Reply) -> Reply {
        if self.rules.is_empty() {
            return reply;
        }
        if !reply.is_prebuilt() {
            let settled = reply.has("cache-control");
            for (name, value) in self.effect(head.path()).fields(reply.status()) {
                if !(settled && name == "Cache-Control") {
                    reply = reply.header(name, value);
                }
            }
        }
        match self.cors(head.path()) {
            Some(cors) => cors.dress(head, reply),
            None => reply,
        }
    }

    pub(super) fn has_gate(&self) -> bool {
        let gated = |rule: &Rule| rule.cors.is_some() || rule.door.is_some();
        !self.redirects.is_empty() || self.rules.iter().any(gated)
    }

    pub(super) fn has_doors(&self) -> bool {
        self.rules.iter().any(|rule| rule.door.is_some())
    }

    pub(super) fn has_listings(&self) -> bool {
        self.listing || self.rules.iter().any(|rule| rule.listing == Some(true))
    }

    fn last<'a, T>(&'a self, path: &[u8], what: impl Fn(&'a Rule) -> Option<T>) -> Option<T> {
        self.rules.iter().rev().find_map(|rule| what(rule).filter(|_| self.applies(rule, path)))
    }

    fn matching(&self, path: &[u8]) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(move |rule| self.applies(rule, path))
    }

    /// An ending also holds for a directory whose index may end so.
    fn applies(&self, rule: &Rule, path: &[u8]) -> bool {
        let index = |name: &String| rule.pattern.matches(&[path, name.as_bytes()].concat());
        rule.pattern.matches(path)
            || (rule.pattern.has_ending() && path.ends_with(b"/") && self.index.iter().any(index))
    }
}

impl<'a> Effect<'a> {
    fn of(rules: impl Iterator<Item = &'a Rule>) -> Effect<'a> {
        let mut effect = Effect::default();
        for rule in rules {
            for (name, value) in &rule.headers {
                effect.set(name, value);
            }
            effect.cache_control = rule.cache_control.as_deref().or(effect.cache_control);
        }
        effect
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.headers.is_empty() && self.cache_control.is_none()
    }

    /// The fields of a reply with this status: errors and redirects are not cached like content.
    pub fn fields(&self, status: u16) -> impl Iterator<Item = (&'a str, &'a str)> {
        let content = matches!(status, 200 | 206 | 304);
        let cache = self.cache_control.filter(|_| content).map(|value| ("Cache-Control", value));
        self.headers.clone().into_iter().chain(cache)
    }

    /// `Vary` adds up; of any other field the later rule wins.
    fn set(&mut self, name: &'a str, value: &'a str) {
        let adds_up = name.eq_ignore_ascii_case("vary");
        match self.headers.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            Some(field) if !adds_up => field.1 = value,
            Some(field) if field.1 == value => {}
            _ => self.headers.push((name, value)),
        }
    }
}

/// Whether a request asks for this media type by its own name, as browsers do for pages and
/// scripts mostly do not.
pub fn accepts(head: &Head, media: &[u8]) -> bool {
    let ranges = head.all("accept").flat_map(|value| value.split(|byte| *byte == b','));
    ranges.into_iter().any(|range| {
        let mut parts = range.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(media));
        let refused = |part: &[u8]| {
            let weight = part.strip_prefix(b"q=").or(part.strip_prefix(b"Q="));
            weight.is_some_and(|q| q.iter().all(|byte| matches!(byte, b'0' | b'.')))
        };
        named && !parts.any(refused)
    })
}

#[cfg(test)]
#[path = "site_tests.rs"]
mod tests;
