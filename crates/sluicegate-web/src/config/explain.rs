//! What would be served where, in words: sites, rules in order, handlers, limits, and where each
//! setting came from.
use super::key::{Kind, Preset};
use super::keys::KEYS;
use super::settings::Settings;
use super::sites::{RuleConfig, SiteConfig};
use super::value::{Value, show_bytes};
use super::{Config, Handler};
use crate::rules::{Clients, SPARE_MAX, SPARE_STATUSES};
use sluicegate_io::resources::Budget;
use std::fmt::Write;

/// Tells what a service with these settings does. `config` was made from `settings`.
pub fn explain(settings: &Settings, config: &Config) -> String {
    let mut text = String::new();
    let listen: Vec<_> = config.listen.iter().map(ToString::to_string).collect();
    // Writing to a string cannot fail, here and below.
    let _ = write!(text, "listens on {}", listen.join(", "));
    let _ = match &config.admin {
        Some(admin) => writeln!(text, "; its net on {admin}"),
        None => writeln!(text),
    };
    for route in &config.routes {
        let handler = handler(route.handler);
        let target = route.target.map(|target| format!(", target {target:?}")).unwrap_or_default();
        let refuse = if route.refuse { ", out of service: 503" } else { "" };
        let class =
            if route.class > 0 { format!(", class {}", route.class) } else { String::new() };
        let weight =
            if route.weight > 1 { format!(", weight {}", route.weight) } else { String::new() };
        let clients = match route.clients {
            Clients::Address => String::new(),
            ref by => format!(", clients by {by}"),
        };
        let instead = route.instead.as_ref().map(|page| format!(", or {page}")).unwrap_or_default();
        let deadline = route.deadline.map(|span| format!(", deadline {span:?}"));
        let deadline = deadline.unwrap_or_default();
        let what =
            [handler, &target, &deadline, &class, &weight, &clients, &instead, refuse].concat();
        let _ = writeln!(text, "all hosts, {} and below: {what}", route.path);
    }
    for (nth, class) in config.classes.iter().enumerate() {
        let _ = writeln!(text, "routes with a target, {}: {class}", nth + 1);
    }
    for host in &config.hosts {
        site(&host.names.join(", "), host, config, &mut text);
    }
    let others = if config.hosts.is_empty() { "all hosts" } else { "all other hosts" };
    match config.strict_hosts {
        true => text.push_str("all other hosts: 421\n"),
        false => site(others, &config.site, config, &mut text),
    }
    text.push_str("settings:\n");
    for key in KEYS {
        let shown = |value: &Value| match (key.kind, value) {
            (Kind::Bytes(..), Value::Number(bytes)) => show_bytes(*bytes),
            _ => shown(value),
        };
        let (value, source) = match (settings.top.value(key.name), settings.place(key.name)) {
            (Some(value), Some(place)) => (shown(&value), place.to_string()),
            (Some(value), None) => (shown(&value), "default".to_owned()),
            (None, _) => match (key.preset, found(key.name, config)) {
                (Preset::Found(how), Some(value)) => (value, format!("default: {how}")),
                (Preset::Found(how), None) => (how.to_owned(), "default".to_owned()),
                _ => continue,
            },
        };
        let _ = writeln!(text, "  {:<20} {value}  ({source})", key.name);
    }
    text
}

fn site(hosts: &str, site: &SiteConfig, config: &Config, text: &mut String) {
    let root = match &site.root {
        Some(root) => root.display().to_string(),
        None if config.mounts(Handler::App) => "nothing beside the application".to_owned(),
        None => "the bundled demo site".to_owned(),
    };
    let _ = writeln!(text, "{hosts}: {root}, index {}", site.index.join(", "));
    for redirect in &site.redirects {
        let _ = writeln!(text, "  redirect {} {}", redirect.status, redirect.shown());
    }
    for (nth, one) in site.rules.iter().enumerate() {
        let _ = writeln!(text, "  rule {} for {}: {}", nth + 1, one.path, rule(one));
    }
    if let Some(page) = &site.fallback {
        let _ = writeln!(text, "  what is missing: {page}, to who accepts text/html");
    }
    for (status, page) in &site.errors {
        let spare = match SPARE_STATUSES.contains(status) {
            true => format!("; up to {} also where a request is lost", show_bytes(SPARE_MAX)),
            false => String::new(),
        };
        let _ = writeln!(text, "  error {status}: {page}{spare}");
    }
    if site.listing {
        text.push_str("  directories without an index are shown\n");
    }
}

/// What a rule says, in the order in which it is applied.
fn rule(rule: &RuleConfig) -> String {
    let mut parts = Vec::new();
    if let Some(auth) = &rule.auth {
        let file = auth.file.as_ref().map(|file| format!(" and those in {}", file.display()));
        let (realm, users) = (&auth.realm, auth.users.len());
        parts.push(format!("login to \"{realm}\" for {users} users{}", file.unwrap_or_default()));
    }
    if let Some(cors) = &rule.cors {
        let origins = cors.origins.as_ref().map_or("all".to_owned(), |all| all.join(", "));
        parts.push(format!("readable by origins: {origins}"));
    }
    parts.extend(rule.headers.iter().map(|(name, value)| format!("{name}: {value}")));
    parts.extend(rule.cache_control.iter().map(|value| format!("Cache-Control: {value}")));
    parts.extend(
        rule.listing
            .map(|shown| format!("directories {}", if shown { "shown" } else { "not shown" })),
    );
    parts.join("; ")
}

fn handler(handler: Handler) -> &'static str {
    match handler {
        Handler::Echo => "echo",
        Handler::BurnInline => "burn, on the workers",
        Handler::BurnPool => "burn, in a pool",
        Handler::Sleep => "sleep",
        Handler::Net => "the net as JSON",
        Handler::Panic => "panic",
        Handler::App => "the application",
    }
}

/// What was found at start.
fn found(name: &str, config: &Config) -> Option<String> {
    match name {
        "workers" | "pool.handlers" => Some(config.workers.to_string()),
        "cache.budget" => Some(show_bytes(config.cache_budget)),
        "log.rotate_size" => config.log.as_ref()?.limits.size.map(show_bytes),
        "resources.memory" => config.watched().find_map(|budget| match budget {
            Budget::Memory(bytes) => Some(show_bytes(*bytes)),
            _ => None,
        }),
        _ => None,
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Number(number) => number.to_string(),
        Value::Span(span) => format!("{span:?}"),
        Value::Text(text) => text.clone(),
        Value::Texts(texts) => texts.join(", "),
        Value::Flag(flag) => flag.to_string(),
        Value::Pairs(pairs) => {
            let each = pairs.iter().map(|(name, value)| format!("{name}: {value}"));
            each.collect::<Vec<_>>().join(", ")
        }
    }
}
