//! `#[derive(Ports)]` for output structs and `#[derive(From)]` for input enums of stages.
#![forbid(unsafe_code)]

mod from;
mod ports;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Makes a struct whose fields are all `Out<T>` a set of ports, and a struct `<Name>Outlets` of
/// the same ports seen from outside.
///
/// ```
/// use sluicegate::{Out, Ports};
///
/// #[derive(sluicegate_macros::Ports)]
/// struct CacheOut {
///     hit: Out<String>,
///     miss: Out<u64>,
/// }
///
/// assert_eq!(CacheOut::NAMES, ["hit", "miss"]);
/// ```
///
/// Ports have names, so that a graph can show them:
///
/// ```compile_fail
/// #[derive(sluicegate_macros::Ports)]
/// struct CacheOut(sluicegate::Out<u64>);
/// ```
#[proc_macro_derive(Ports)]
pub fn derive_ports(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    ports::expand(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes an enum from each of its variants' bodies: the variants must have one field each, of
/// different types. `#[from(skip)]` leaves a variant out.
///
/// ```
/// #[derive(sluicegate_macros::From)]
/// enum CacheIn {
///     Asked(String),
///     Loaded(u64),
///     #[from(skip)]
///     Flush,
/// }
///
/// assert!(matches!(CacheIn::from(7), CacheIn::Loaded(7)));
/// ```
///
/// Two fields are no body:
///
/// ```compile_fail
/// #[derive(sluicegate_macros::From)]
/// enum CacheIn {
///     Asked(String, u64),
/// }
/// ```
#[proc_macro_derive(From, attributes(from))]
pub fn derive_from(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    from::expand(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}
