//! All sites and the hosts they answer to: the one value to exchange when settings change.
use super::hosts::Hosts;
use super::login::{self, Door};
use super::notes::Notes;
use super::site::{Rule, Site};
use crate::config::{Access, Config, Handler, RuleConfig, SiteConfig};
use crate::files::{Content, Name, SiteId};
use crate::volume::OpenVolume;
use sluicegate_files::Root;
use sluicegate_http::{Head, Pages, Reply};
use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// Which site a request is for, and what holds there.
#[derive(Debug)]
pub struct Plan {
    /// The first is the one of all hosts without a name of their own.
    sites: Box<[Site]>,
    hosts: Hosts<SiteId>,
    strict: bool,
    notes: Vec<String>,
}

/// Why a configuration cannot be served: a sentence a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable(String);

impl Plan {
    /// Opens all that the configuration names.
    ///
    /// # Errors
    /// Every directory and every file that cannot be had.
    pub fn new(config: &Config) -> Result<Plan, Unusable> {
        let mut hosts = Hosts::new();
        let (mut sites, mut faults, mut notes) = (Vec::new(), Vec::new(), Notes::default());
        for (number, site) in config.sites().enumerate() {
            // The configuration names at most SITES_MAX.
            let id = SiteId(number as u16);
            site.names.iter().for_each(|name| hosts.add(name, id));
            let unless =
                if config.mounts(Handler::App) { Content::none() } else { Content::demo() };
            sites.extend(
                open(id, site, unless, &mut faults).map(|site| site.with_spare(&mut notes)),
            );
        }
        let pages = config.routes.iter().filter_map(|route| Some((route, route.instead.as_ref()?)));
        for (route, page) in pages {
            for site in &sites {
                let note = missing(site, &route.path, page);
                note.into_iter().for_each(|note| notes.add(site.id(), note));
            }
        }
        let notes = notes.tell(config);
        match faults.is_empty() {
            true => Ok(Plan { sites: sites.into(), hosts, strict: config.strict_hosts, notes }),
            false => Err(Unusable(faults.join("\n"))),
        }
    }

    /// The site that a request is for.
    pub fn site(&self, head: &Head) -> &Site {
        match &*self.sites {
            [only] => only,
            all => &all[self.named(head).unwrap_or_default().number()],
        }
    }

    /// The site with this number.
    pub fn of(&self, id: SiteId) -> &Site {
        &self.sites[id.number()]
    }

    /// What is missing and can be done without: a sentence each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The plan as what `http` answers by itself, if that differs from what it would without.
    pub fn pages(self: &Arc<Plan>) -> Option<Arc<dyn Pages>> {
        let any = self.sites.iter().any(|site| !site.spare().is_empty());
        any.then(|| Arc::clone(self) as Arc<dyn Pages>)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.sites.len()
    }

    /// Whether there is one site alone, whose replies go as they are, and no gate before it.
    pub fn is_plain(&self) -> bool {
        matches!(&*self.sites, [only] if only.is_plain()) && !self.has_gate()
    }

    /// Whether no site answers to the host of a request.
    pub fn is_misdirected(&self, head: &Head) -> bool {
        self.strict && self.named(head).is_none()
    }

    /// Whether requests have to pass a gate before they reach a site.
    pub fn has_gate(&self) -> bool {
        self.strict || self.sites.iter().any(Site::has_gate)
    }

    /// Whether replies of handlers have to pass by their site.
    pub fn dresses(&self) -> bool {
        self.sites.iter().any(Site::dresses)
    }

    /// Whether some need a login.
    pub fn has_doors(&self) -> bool {
        self.sites.iter().any(Site::has_doors)
    }

    /// The volumes that are served.
    pub fn volumes(&self) -> impl Iterator<Item = &Arc<OpenVolume>> {
        self.sites.iter().filter_map(|site| site.content().source())
    }

    /// Whether there are directories that are served.
    pub fn has_directories(&self) -> bool {
        self.sites.iter().any(|site| site.content().root().is_some())
    }

    /// Whether some directories may be shown.
    pub fn has_listings(&self) -> bool {
        self.sites.iter().any(Site::has_listings)
    }

    fn named(&self, head: &Head) -> Option<SiteId> {
        self.hosts.find(head.host()?)
    }
}

impl Pages for Plan {
    fn whose(&self, head: &Head) -> u16 {
        self.site(head).id().0
    }

    fn reply(&self, whose: u16, status: u16) -> Option<Reply> {
        Some(self.of(SiteId(whose)).spare().reply(status))
    }
}

/// Without any settings: a site, and nothing that holds in it.
impl From<Content> for Arc<Plan> {
    fn from(content: Content) -> Arc<Plan> {
        let site = Site::new(SiteId::default(), content, &SiteConfig::default(), Vec::new());
        Arc::new(Plan {
            sites: Box::new([site]),
            hosts: Hosts::new(),
            strict: false,
            notes: Vec::new(),
        })
    }
}

/// What is to be known of a page that stands in the place of a route, if a site lacks it now.
fn missing(site: &Site, route: &str, path: &str) -> Option<String> {
    let why = match page(site.id(), path).map(|name| site.content().has(&name)) {
        Some(Ok(true)) => return None,
        Some(Err(error)) => format!("cannot be read: {error}"),
        Some(Ok(false)) | None => "is not there".to_owned(),
    };
    Some(format!("route {route}: {path} {why}: what has no place is refused without it"))
}

/// A site; `unless` it has a directory of its own this is in it.
fn open(
    id: SiteId,
    config: &SiteConfig,
    unless: Content,
    faults: &mut Vec<String>,
) -> Option<Site> {
    let content = match &config.root {
        None => Some(unless),
        Some(path) => match lies_at(path, config) {
            Ok(content) => Some(content),
            Err(error) => {
                let path = path.display();
                faults.push(format!("cannot serve `{path}`: {error}"));
                None
            }
        },
    };
    let mut rules = Vec::new();
    for rule in &config.rules {
        let door = rule.auth.as_ref().map(|access| door(access, faults)).map(Arc::new);
        rules.push(Rule::new(rule, door));
    }
    Some(Site::new(id, content?, config, rules))
}

/// What lies at the root of a site: a directory, or a volume in a file or on a block device.
fn lies_at(path: &Path, config: &SiteConfig) -> Result<Content, String> {
    const ACCEPTED: &str = "accepted: a directory or a volume that can be read";
    let shows = |rule: &RuleConfig| rule.listing == Some(true);
    let listings = config.listing || config.rules.iter().any(shows);
    if !fs::metadata(path).is_ok_and(|metadata| !metadata.is_dir()) {
        let root = Root::open(path).map_err(|error| format!("{error}; {ACCEPTED}"))?;
        return Ok(Content::directory(root, config.index.clone()).listed(listings));
    }
    if listings {
        return Err("it is a volume, whose directories cannot be shown; accepted: without \
                    `listing`, or the directory that it was packed from"
            .to_owned());
    }
    let source = OpenVolume::open(path).map_err(|error| format!("it {error}; {ACCEPTED}"))?;
    Ok(Content::volume(source))
}

fn door(access: &Access, faults: &mut Vec<String>) -> Door {
    let mut users = access.users.clone();
    if let Some(path) = &access.file {
        let shown = path.display();
        match fs::read_to_string(path).map(|text| login::users(&text)) {
            Ok(Ok(more)) => users.extend(more),
            Ok(Err(line)) => faults.push(format!(
                "{shown}:{line}:1: this is no user; accepted: `name:hash`, with bcrypt hashes as \
                 `sluicegate hash-password` makes them"
            )),
            Err(error) => faults.push(format!(
                "{shown}: cannot be read: {error}; accepted: a file of lines `name:hash`"
            )),
        }
    }
    Door::new(&access.realm, users)
}

/// A page of a site by the path of its settings, which has been checked.
pub(super) fn page(id: SiteId, path: &str) -> Option<Name> {
    Name::of_site(id, path.as_bytes())
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unusable {}
