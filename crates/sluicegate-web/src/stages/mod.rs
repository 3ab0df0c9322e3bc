//! The stages of the service, one file each.
mod admin;
mod burn;
mod cache;
#[cfg(test)]
mod coding_tests;
mod echo;
mod gate;
mod instead;
mod list;
mod load;
mod log;
mod login;
mod make;
mod net;
mod panic;
mod pull;
mod query;
mod resources;
mod route;
mod sleep;
mod stream;
mod viewers;
#[cfg(test)]
mod viewers_tests;
mod waiting;

pub use admin::ShowAdmin;
pub use burn::{Burn, Spend, burn};
pub use cache::{Cache, CacheIn};
pub use echo::Echo;
pub use gate::Gate;
pub use instead::Instead;
pub use list::List;
pub use load::{Load, Measured};
pub use log::Log;
pub use login::CheckLogin;
pub use make::Make;
pub use net::ShowNet;
pub use panic::Panic;
pub use pull::Pull;
pub use resources::ReadResources;
pub use route::Router;
pub use sleep::Sleep;
pub use stream::Stream;
pub use viewers::Seats;
