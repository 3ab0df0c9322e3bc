//! What `/api/net` answers: made of what observers see, and read back from a service that runs, or
//! from a recording. The names are those of the JSON.
//!
//! What an older version did not tell is zero, empty or `None`; what a newer one tells beyond this
//! is passed over.

mod flows;
mod gate;
mod net;
mod seen;
mod server;
mod stage;

pub use flows::{Flow, FlowStep, Flows};
pub use gate::{Admission, Bounds, Vote};
pub use net::{ClassEnds, Ledger, Net, Setting, Stall, Wire, Worker};
pub use server::{Connections, Http, Log, Machine, PageCache, Resource, Volumes};
pub use stage::{BatchSizes, ClassRefused, Stage, Times};

use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// Counts by the name of what was counted: ends by their reason, for one.
pub type Counts = BTreeMap<Cow<'static, str>, u64>;

/// Why a text is no net.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoNet {
    /// It is no JSON, or a field of it is wrong; which, and how.
    Wrong(String),
    /// It is JSON of something else.
    Other,
    /// The service has no net that runs yet, or any more.
    None,
}

impl fmt::Display for NoNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wrong(what) => f.write_str(what),
            Self::Other => f.write_str("it has no field `stages`, so it is no answer of /api/net"),
            Self::None => f.write_str("it is of a service whose net does not run"),
        }
    }
}

impl std::error::Error for NoNet {}

impl Net {
    /// Reads what `/api/net` answered.
    ///
    /// # Errors
    /// Which field is wrong and how, or that it is something else.
    ///
    /// ```
    /// use sluicegate_admin::model::Net;
    ///
    /// let net = Net::from_json(r#"{"name": "shop", "stages": [{"name": "cart", "queued": 3}]}"#);
    /// assert_eq!(net.unwrap().stages[0].queued, 3);
    /// let wrong = Net::from_json(r#"{"stages": [{"name": "cart", "queued": "many"}]}"#);
    /// assert!(wrong.unwrap_err().to_string().starts_with("stages[0].queued: "));
    /// ```
    pub fn from_json(text: &str) -> Result<Self, NoNet> {
        let json: Value = serde_json::from_str(text)
            .map_err(|error| NoNet::Wrong(format!("no JSON: {error}")))?;
        Self::from_value(json)
    }

    /// The same of what was parsed.
    ///
    /// # Errors
    /// As those of [`from_json`](Self::from_json).
    pub fn from_value(json: Value) -> Result<Self, NoNet> {
        match json.as_object() {
            Some(fields) if fields.is_empty() => return Err(NoNet::None),
            Some(fields) if fields.contains_key("stages") => {}
            _ => return Err(NoNet::Other),
        }
        serde_path_to_error::deserialize(json).map_err(|error| NoNet::Wrong(error.to_string()))
    }

    /// What `/api/net` answers.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("names, numbers and lists of them")
    }

    /// When it was seen, in milliseconds by its own clock, or the latest of those of its gates.
    pub fn clock_ms(&self) -> u64 {
        let gates = self.stages.iter().filter_map(|stage| stage.time_ms).max();
        self.time_ms.or(gates).unwrap_or_default()
    }

    /// The stage of this name.
    pub fn stage(&self, name: &str) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.name == name)
    }
}
