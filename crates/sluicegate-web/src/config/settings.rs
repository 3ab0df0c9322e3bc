//! What the user typed, in a file or on the command line, checked key by key.
use super::complaint::{Complaint, Place};
use super::keys::{KEYS, Key, Preset};
use super::value::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Settings as they were typed; what is absent holds its default.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub(super) given: Table,
    pub(super) routes: Vec<(Table, Place)>,
    /// Relative paths of a file start here.
    pub(super) base: PathBuf,
}

/// Values by the names of their keys, each with the place where it was typed.
pub(super) type Table = BTreeMap<&'static str, (Value, Place)>;

impl Settings {
    /// Reads a file.
    ///
    /// # Errors
    /// The first thing in it that cannot be used.
    pub fn from_file(path: &Path) -> Result<Settings, Complaint> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            let what = format!("cannot be read: {error}; accepted: a readable TOML file");
            Complaint::new(Place::Whole(name.clone()), what)
        })?;
        let mut settings = Settings::from_toml(&name, &text)?;
        settings.base = path.parent().map(Path::to_path_buf).unwrap_or_default();
        Ok(settings)
    }

    /// Puts what a flag of the command line says in the place of what a file said.
    ///
    /// # Errors
    /// When the key does not accept it.
    ///
    /// # Panics
    /// When no setting has that name: flags are compiled in.
    pub fn set(
        &mut self,
        name: &str,
        flag: &'static str,
        typed: &[String],
    ) -> Result<(), Complaint> {
        let key = find(KEYS, name);
        let value = match typed {
            [one] => key.kind.read(one),
            many => key.kind.read_each(many),
        };
        let found = || format!("\"{}\"", typed.join("\", \""));
        let value = value.ok_or_else(|| Complaint::value(Place::Flag(flag), key, &found()))?;
        self.given.insert(key.name, (value, Place::Flag(flag)));
        Ok(())
    }

    /// Where it was typed, if it was.
    pub fn place(&self, name: &str) -> Option<&Place> {
        self.given.get(name).map(|(_, place)| place)
    }
}

/// The description of a setting.
pub(super) fn find(keys: &'static [Key], name: &str) -> &'static Key {
    keys.iter().find(|key| key.name == name).expect("every name asked for is described")
}

/// What was typed for a key, or its default; nothing where that is found at start.
pub(super) fn value(keys: &'static [Key], table: &Table, name: &str) -> Option<Value> {
    let key = find(keys, name);
    match (table.get(key.name), key.preset) {
        (Some((value, _)), _) => Some(value.clone()),
        (None, Preset::Text(text)) => key.kind.read(text),
        (None, _) => None,
    }
}
