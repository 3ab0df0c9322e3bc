//! Why settings were not changed: all reasons at once.

use super::{Setting, Value};
use std::fmt;

/// How many paths are told to who names one that is not there.
const TOLD_MAX: usize = 16;

/// Why one setting cannot be changed as asked.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SettingFault {
    /// The path that was given.
    pub path: String,
    /// The value that was given for it.
    pub found: Value,
    /// What is wrong with it, and what is accepted.
    pub accepted: String,
}

impl SettingFault {
    pub(super) fn new(path: &str, found: Value, accepted: impl Into<String>) -> Self {
        Self { path: path.to_owned(), found, accepted: accepted.into() }
    }

    /// The value is none that this setting can have.
    pub(super) fn out_of_range(setting: &Setting, found: Value) -> Self {
        let Setting { path, least, most, unit, .. } = setting;
        let unit = match least {
            Value::Time(_) => String::new(),
            _ if unit.is_empty() => String::new(),
            _ => format!(" {unit}"),
        };
        Self::new(path, found, format!("accepted: {least} to {most}{unit}"))
    }

    /// There is no such path; those are told that have most in common with it.
    pub(super) fn unknown<'a>(
        path: &str,
        found: Value,
        there: impl Iterator<Item = &'a str> + Clone,
    ) -> Self {
        let common = |other: &str| {
            let parts = path.split('.').zip(other.split('.'));
            parts.take_while(|(one, other)| one == other).count()
        };
        let most = there.clone().map(common).max().unwrap_or(0);
        let mut near: Vec<_> = there.filter(|other| common(other) == most).collect();
        let more = near.len() > TOLD_MAX;
        near.truncate(TOLD_MAX);
        let near = near.join(", ");
        let more = if more { " and more" } else { "" };
        Self::new(path, found, format!("there is no such setting; there are: {near}{more}"))
    }
}

impl fmt::Display for SettingFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, found, accepted } = self;
        write!(f, "`{path}` = {found}: {accepted}")
    }
}

/// Why nothing was changed: what is wrong with each of the changes that were asked for together.
#[derive(Clone, Debug, PartialEq)]
pub struct SettingFaults(pub Vec<SettingFault>);

impl fmt::Display for SettingFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no setting was changed:")?;
        self.0.iter().try_for_each(|fault| write!(f, "\n{fault}"))
    }
}

impl std::error::Error for SettingFaults {}
