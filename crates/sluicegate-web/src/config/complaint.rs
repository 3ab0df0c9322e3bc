//! One clear sentence about settings that cannot be used: where, what was found, what is accepted.
use super::key::Key;
use std::fmt;

/// Where a setting was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// On the command line, by this flag.
    Flag(&'static str),
    /// In this file, at this line and column, both counted from 1.
    File(String, usize, usize),
    /// In this file as a whole.
    Whole(String),
}

impl Place {
    /// The place of a byte in a text.
    pub fn at(name: &str, text: &str, offset: usize) -> Place {
        let before = &text.as_bytes()[..offset.min(text.len())];
        let line = before.iter().filter(|&&b| b == b'\n').count() + 1;
        let start = before.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
        let column = String::from_utf8_lossy(&before[start..]).chars().count() + 1;
        Place::File(name.to_owned(), line, column)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Flag(flag) => f.write_str(flag),
            Place::File(name, line, column) => write!(f, "{name}:{line}:{column}"),
            Place::Whole(name) => f.write_str(name),
        }
    }
}

/// All that was found, one line each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Complaints(pub Vec<Complaint>);

impl Complaints {
    /// Takes the fault out of a result.
    pub fn note<T>(&mut self, result: Result<T, Complaint>) -> Option<T> {
        result.map_err(|complaint| self.0.push(complaint)).ok()
    }

    /// The value, unless there is something to complain about.
    ///
    /// # Errors
    /// All that was noted.
    pub fn unless_any<T>(self, value: T) -> Result<T, Complaints> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl From<Complaint> for Complaints {
    fn from(complaint: Complaint) -> Complaints {
        Complaints(vec![complaint])
    }
}

impl fmt::Display for Complaints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, complaint) in self.0.iter().enumerate() {
            let end = if nth == 0 { "" } else { "\n" };
            write!(f, "{end}{complaint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Complaints {}

/// Why settings cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// Where it was typed.
    pub place: Place,
    /// What was found and what would be accepted.
    pub what: String,
}

impl Complaint {
    /// Any other reason, said in full by the caller.
    pub fn new(place: Place, what: impl Into<String>) -> Complaint {
        Complaint { place, what: what.into() }
    }

    /// A value that its key does not accept.
    pub fn value(place: Place, key: &Key, found: &str) -> Complaint {
        let what = format!("`{}` is {found}; accepted: {}", key.name, key.kind.accepts());
        Complaint { place, what }
    }

    /// A key that is not known here, with the nearest that is.
    pub fn unknown(place: Place, found: &str, known: &[&str]) -> Complaint {
        let nearest = known
            .iter()
            .map(|name| (strsim::osa_distance(found, name), *name))
            .min()
            .filter(|(distance, name)| *distance <= found.len().max(name.len()) / 2);
        let hint = match nearest {
            Some((_, name)) => format!("; did you mean `{name}`?"),
            None => ";".to_owned(),
        };
        let what = format!("unknown key `{found}`{hint} accepted here: {}", known.join(", "));
        Complaint { place, what }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

impl std::error::Error for Complaint {}
