//! From typed tables to sites: what holds only between settings is checked here.
use super::complaint::{Complaint, Complaints, Place};
use super::settings::{Node, Settings};
use crate::rules::{Cors, Pattern, Redirect};
use std::path::PathBuf;

/// Sites of one service: each has an index of its own in every worker.
pub const SITES_MAX: usize = 1024;

/// One site: the one outside of all `[[host]]`, or that of one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SiteConfig {
    /// The hosts it answers to; none is all that no other site names.
    pub names: Vec<String>,
    /// The directory or volume that is served; none is the bundled demo site.
    pub root: Option<PathBuf>,
    /// Files that stand for their directory, first found.
    pub index: Vec<String>,
    /// Served in the place of what is missing.
    pub fallback: Option<String>,
    /// Whether directories without an index are shown.
    pub listing: bool,
    /// Pages in the place of replies with these statuses.
    pub errors: Vec<(u16, String)>,
    /// What holds for some paths.
    pub rules: Vec<RuleConfig>,
    /// Where clients are sent elsewhere.
    pub redirects: Vec<Redirect>,
}

impl SiteConfig {
    /// A page that is served by other paths than its own must not need a login there. `key` names
    /// it, at `place`.
    pub(super) fn shows_all(&self, key: &str, page: &str, place: &Place) -> Result<(), Complaint> {
        let guards = |rule: &&RuleConfig| rule.auth.is_some() && rule.path.matches(page.as_bytes());
        let Some(rule) = self.rules.iter().find(guards) else { return Ok(()) };
        let what = format!(
            "`{key}` is \"{page}\", which needs a login by the rule for {}, but would be shown to \
             all; accepted: a page that needs none",
            rule.path
        );
        Err(Complaint::new(place.clone(), what))
    }
}

/// What holds for some paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleConfig {
    /// Which.
    pub path: Pattern,
    /// Fields of all replies.
    pub headers: Vec<(String, String)>,
    /// Cache-Control of replies with content.
    pub cache_control: Option<String>,
    /// Whether directories are shown; none leaves it as it is.
    pub listing: Option<bool>,
    /// What is allowed across origins.
    pub cors: Option<Cors>,
    /// Who may pass.
    pub auth: Option<Access>,
}

/// Who may pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// What a client is told it logs in to.
    pub realm: String,
    /// Names with hashes.
    pub users: Vec<(String, String)>,
    /// More of them.
    pub file: Option<PathBuf>,
}

/// The site outside of all `[[host]]`.
pub(super) fn top(settings: &Settings, faults: &mut Complaints) -> SiteConfig {
    site(settings, &settings.top, faults)
}

/// The sites of all `[[host]]`.
pub(super) fn hosts(settings: &Settings, faults: &mut Complaints) -> Vec<SiteConfig> {
    let mut known: Vec<String> = Vec::new();
    let mut sites = Vec::new();
    for node in settings.top.each("host") {
        faults.note(node.required("host", "name"));
        faults.note(node.required("host", "root"));
        let names: Vec<String> =
            node.texts("name").iter().map(|name| name.to_ascii_lowercase()).collect();
        for name in &names {
            if known.contains(name) {
                let what = format!("the host \"{name}\" has a site already; one each is accepted");
                faults.0.push(Complaint::new(node.place_near("name").clone(), what));
            }
        }
        known.extend(names.iter().cloned());
        sites.push(SiteConfig { names, ..site(settings, node, faults) });
    }
    if sites.len() >= SITES_MAX {
        let what = format!("there are {} hosts; accepted: {} at most", sites.len(), SITES_MAX - 1);
        faults.0.push(Complaint::new(settings.top.place.clone(), what));
    }
    if sites.is_empty()
        && let Some(place) = settings.place("strict_hosts")
        && settings.top.flag("strict_hosts") == Some(true)
    {
        let what = "`strict_hosts` refuses everything while no [[host]] is there; accepted: with \
                    one at least";
        faults.0.push(Complaint::new(place.clone(), what));
    }
    sites
}

fn site(settings: &Settings, node: &Node, faults: &mut Complaints) -> SiteConfig {
    let root = node.text("root").map(|root| settings.path(&root, node.place_of("root")));
    let statuses = node.keys.iter().filter_map(|key| key.name.strip_prefix("errors."));
    let errors = statuses.filter_map(|status| {
        let page = node.text(&format!("errors.{status}"))?;
        Some((status.parse().ok()?, page))
    });
    let site = SiteConfig {
        names: Vec::new(),
        root,
        index: node.texts("index"),
        fallback: node.text("fallback"),
        listing: node.flag("listing").unwrap_or(false),
        errors: errors.collect(),
        rules: node.each("rule").filter_map(|node| rule(settings, node, faults)).collect(),
        redirects: node.each("redirect").filter_map(|node| redirect(node, faults)).collect(),
    };
    unguarded(&site, node, faults);
    site
}

fn unguarded(site: &SiteConfig, node: &Node, faults: &mut Complaints) {
    let fallback = site.fallback.iter().map(|page| ("fallback".to_owned(), page));
    let errors = site.errors.iter().map(|(status, page)| (format!("errors.{status}"), page));
    for (key, page) in fallback.chain(errors) {
        faults.note(site.shows_all(&key, page, node.place_near(&key)));
    }
}

fn redirect(node: &Node, faults: &mut Complaints) -> Option<Redirect> {
    let (from, to) = (node.required("redirect", "from"), node.required("redirect", "to"));
    faults.note(from).and(faults.note(to))?;
    let status = node.number("status").unwrap_or(301) as u16;
    let made = Redirect::new(&node.text("from")?, &node.text("to")?, status);
    faults.note(made.map_err(|why| Complaint::new(node.place_near("to").clone(), why)))
}

fn rule(settings: &Settings, node: &Node, faults: &mut Complaints) -> Option<RuleConfig> {
    faults.note(node.required("rule", "path"));
    if node.given.len() < 2 {
        let what = "this rule says nothing; accepted: `path` and what is to hold there";
        faults.0.push(Complaint::new(node.place.clone(), what));
    }
    let rule = RuleConfig {
        path: Pattern::read(&node.text("path")?)?,
        headers: node.pairs("headers"),
        cache_control: node.text("cache_control"),
        listing: node.flag("listing"),
        cors: cors(node, faults),
        auth: access(settings, node, faults),
    };
    Some(rule)
}

fn cors(node: &Node, faults: &mut Complaints) -> Option<Cors> {
    let first = given(node, "cors.")?;
    if node.place_of("cors.origins").is_none() {
        let what = "`cors` has no `origins`; accepted: origins such as \"https://example.org\", \
                    or \"*\"";
        faults.0.push(Complaint::new(first, what));
        return None;
    }
    let origins = node.texts("cors.origins");
    let cors = Cors {
        origins: (origins != ["*"]).then_some(origins),
        methods: node.texts("cors.methods"),
        headers: node.texts("cors.headers"),
        expose: node.texts("cors.expose"),
        max_age: node.span("cors.max_age"),
        credentials: node.flag("cors.credentials").unwrap_or(false),
    };
    if cors.credentials && cors.origins.is_none() {
        let what = "`cors.credentials` is true for all origins, which browsers refuse; accepted: \
                    with a list of origins";
        faults.0.push(Complaint::new(node.place_near("cors.credentials").clone(), what));
    }
    Some(cors)
}

fn access(settings: &Settings, node: &Node, faults: &mut Complaints) -> Option<Access> {
    let first = given(node, "auth.")?;
    let file = node.text("auth.file").map(|file| settings.path(&file, node.place_of("auth.file")));
    let users = node.pairs("auth.users");
    if users.is_empty() && file.is_none() {
        let what = "`auth` has neither `users` nor a `file`; accepted: one of them, or both";
        faults.0.push(Complaint::new(first, what));
    }
    Some(Access { realm: node.text("auth.realm")?, users, file })
}

/// Where the first of the keys with this prefix was typed.
fn given(node: &Node, prefix: &str) -> Option<Place> {
    let found = node.given.iter().find(|(name, _)| name.starts_with(prefix));
    found.map(|(_, (_, place))| place.clone())
}

#[cfg(test)]
#[path = "sites_tests.rs"]
mod tests;
