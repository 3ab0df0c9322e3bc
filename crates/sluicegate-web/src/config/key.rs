//! What is described of a setting: what it accepts, what holds without it, and what it is for.
use std::time::Duration;

/// What a setting accepts.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// One address: `IP:port`, `[IPv6]:port` or `unix:PATH`.
    Address,
    /// Where spans are sent: `http://host:port`.
    Endpoint,
    /// A list of addresses, or one alone.
    Addresses,
    /// A path of the file system; a relative one in a file starts at that file's directory.
    Directory,
    /// A list of plain file names, or one alone.
    Names,
    /// `stdout`, `stderr`, or the path of a file; relative as a directory is.
    Output,
    /// `true` or `false`.
    Switch,
    /// `true`, `false`, or the name of a header field.
    SwitchOrField,
    /// A path of the served tree that starts with `/`.
    Mount,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of these words, or one alone.
    Choices(&'static [&'static str]),
    /// A list of media types, or one alone: `text/html`, `text/*`, `*+xml`.
    Types,
    /// A whole number within bounds.
    Count(u64, u64),
    /// A whole number within bounds, or a range of them: `4`, `1..16`.
    Counts(u64, u64),
    /// A number of bytes within bounds.
    Bytes(u64, u64),
    /// A span of time within bounds.
    Span(Duration, Duration),
    /// One of these numbers.
    Number(&'static [u64]),
    /// The path of a file of the site.
    Page,
    /// The path of a file on this machine; a relative one starts at the settings' directory.
    File,
    /// Which paths a rule is for.
    Pattern,
    /// Which paths are redirected.
    From,
    /// Where they are redirected to.
    To,
    /// The value of a field: one line.
    Line,
    /// Fields of a reply: names with their values.
    Fields,
    /// A token, such as the name of a field.
    Token,
    /// A list of networks of clients, or one alone.
    Networks,
    /// A list of tokens, such as methods and names of fields, or one alone.
    Tokens,
    /// A list of origins, one alone, or `*` for all.
    Origins,
    /// A list of host names, or one alone; `*.` in front stands for all names below.
    Hosts,
    /// What names a client: `address`, `none`, `header:NAME` or `cookie:NAME`.
    Clients,
    /// Names of users with hashes of their passwords.
    Users,
    /// Processors by their numbers: `0-3,8`.
    Cpus,
}

/// What holds where a setting is not given.
#[derive(Clone, Copy, Debug)]
pub enum Preset {
    /// This text, read as if it had been typed.
    Text(&'static str),
    /// Found at start, as these words say.
    Found(&'static str),
    /// It does not hold.
    Nothing,
    /// Nothing: the setting has to be given.
    Required,
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Dotted name: `cache.budget` is `budget` in the table `[cache]`.
    pub name: &'static str,
    /// What it accepts.
    pub kind: Kind,
    /// What holds where it is not given.
    pub preset: Preset,
    /// What it is for, in one line.
    pub doc: &'static str,
}

pub(super) const fn key(name: &'static str, kind: Kind, preset: Preset, doc: &'static str) -> Key {
    Key { name, kind, preset, doc }
}

/// Tables of settings that may stand several times.
#[derive(Debug)]
pub struct Group {
    /// `rule` of `[[rule]]`; empty for the file itself.
    pub name: &'static str,
    /// The settings of one table.
    pub keys: &'static [Key],
    /// The tables below it.
    pub groups: &'static [&'static Group],
    /// What it is for, in one line.
    pub doc: &'static str,
}

/// Calls `visit` with each key and its full name, such as `host.rule.path`.
pub fn each(group: &'static Group, prefix: &str, visit: &mut impl FnMut(&str, &'static Key)) {
    group.keys.iter().for_each(|key| visit(&format!("{prefix}{}", key.name), key));
    for inner in group.groups {
        each(inner, &format!("{prefix}{}.", inner.name), visit);
    }
}
