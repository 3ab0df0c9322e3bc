//! Files: from the path of a request to an open file below the root.
mod content;
mod name;

pub use content::{Content, Found, Opened};
pub use name::{Name, SiteId, Text};
