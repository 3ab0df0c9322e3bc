//! What can change while the service runs: sites, and what holds for their paths. All of it is one
//! value, never changed, that the stages share.
mod classes;
mod clients;
mod cookies;
mod cors;
pub mod fields;
pub mod hosts;
mod login;
mod network;
mod notes;
mod pattern;
mod plan;
pub mod redirect;
mod site;
mod spare;

pub use classes::{Classifier, Says, classify};
pub use clients::Clients;
pub use cors::{Cors, is_preflight};
pub use login::{Login, PASSWORD_MAX, hash as hash_password, is_user};
pub use network::Network;
pub use pattern::Pattern;
pub use plan::{Plan, Unusable};
pub use redirect::Redirect;
pub use site::{Effect, Site, accepts};
pub use spare::{SPARE_MAX, SPARE_STATUSES};
