//! Files: from the path of a request to an open file below the root.
mod content;
mod media;
mod name;
mod root;
mod stamp;

pub use content::{Content, Found, Opened};
pub use name::{Name, SiteId, Text};
pub use root::Root;
pub use stamp::{Stamp, content_tag};
