//! What the user typed, in a file or on the command line, checked key by key.
use super::complaint::{Complaint, Complaints, Place};
use super::key::{Key, Preset};
use super::keys::{FILE, KEYS};
use super::value::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Settings as they were typed; what is absent holds its default.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(super) top: Node,
    /// Relative paths of a file start here.
    pub(super) base: PathBuf,
}

/// Values by the names of their keys, each with the place where it was typed.
pub(super) type Table = BTreeMap<&'static str, (Value, Place)>;

/// One table of the file, with those below it in their order.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub keys: &'static [Key],
    pub given: Table,
    pub below: Vec<(&'static str, Node)>,
    pub place: Place,
}

impl Node {
    pub fn new(keys: &'static [Key], place: Place) -> Node {
        Node { keys, given: Table::new(), below: Vec::new(), place }
    }

    /// The tables of a group, in their order.
    pub fn each(&self, group: &str) -> impl Iterator<Item = &Node> {
        self.below.iter().filter(move |(name, _)| *name == group).map(|(_, node)| node)
    }

    /// Where it was typed, if it was.
    pub fn place_of(&self, name: &str) -> Option<&Place> {
        self.given.get(name).map(|(_, place)| place)
    }

    /// Where to look for what is wrong with it: where it was typed, else at its table.
    pub fn place_near(&self, name: &str) -> &Place {
        self.place_of(name).unwrap_or(&self.place)
    }

    /// What was typed for a key, or its default; nothing where that is found at start.
    pub fn value(&self, name: &str) -> Option<Value> {
        let key = find(self.keys, name);
        match (self.given.get(key.name), key.preset) {
            (Some((value, _)), _) => Some(value.clone()),
            (None, Preset::Text(text)) => key.kind.read(text),
            (None, _) => None,
        }
    }

    pub fn number(&self, name: &str) -> Option<u64> {
        match self.value(name) {
            Some(Value::Number(number)) => Some(number),
            _ => None,
        }
    }

    pub fn span(&self, name: &str) -> Option<Duration> {
        match self.value(name) {
            Some(Value::Span(span)) => Some(span),
            _ => None,
        }
    }

    pub fn flag(&self, name: &str) -> Option<bool> {
        match self.value(name) {
            Some(Value::Flag(flag)) => Some(flag),
            _ => None,
        }
    }

    pub fn text(&self, name: &str) -> Option<String> {
        match self.value(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub fn texts(&self, name: &str) -> Vec<String> {
        match self.value(name) {
            Some(Value::Texts(texts)) => texts,
            _ => Vec::new(),
        }
    }

    pub fn pairs(&self, name: &str) -> Vec<(String, String)> {
        match self.value(name) {
            Some(Value::Pairs(pairs)) => pairs,
            _ => Vec::new(),
        }
    }

    /// A key that has to be given; `what` names the table.
    pub fn required(&self, what: &str, name: &str) -> Result<(), Complaint> {
        if self.given.contains_key(name) {
            return Ok(());
        }
        let accepts = find(self.keys, name).kind.accepts();
        let what = format!("this {what} has no `{name}`; accepted: {accepts}");
        Err(Complaint::new(self.place.clone(), what))
    }
}

impl Default for Settings {
    fn default() -> Settings {
        let place = Place::Whole("defaults".to_owned());
        Settings { top: Node::new(FILE.keys, place), base: PathBuf::new() }
    }
}

impl Settings {
    /// Reads a file.
    ///
    /// # Errors
    /// All in it that cannot be used.
    pub fn from_file(path: &Path) -> Result<Settings, Complaints> {
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
        self.top.given.insert(key.name, (value, Place::Flag(flag)));
        Ok(())
    }

    /// Where it was typed, if it was.
    pub fn place(&self, name: &str) -> Option<&Place> {
        self.top.place_of(name)
    }

    /// A path of the settings: a relative one of a file starts at that file's directory.
    pub(super) fn path(&self, typed: &str, place: Option<&Place>) -> PathBuf {
        match place {
            Some(Place::File(..)) => self.base.join(typed),
            _ => PathBuf::from(typed),
        }
    }
}

/// The description of a setting.
fn find(keys: &'static [Key], name: &str) -> &'static Key {
    keys.iter().find(|key| key.name == name).expect("every name asked for is described")
}
