//! What the macros say about what they cannot make ports or inputs of.

use crate::{from, ports};
use syn::{DeriveInput, parse_quote};

fn says(refused: syn::Result<proc_macro2::TokenStream>) -> String {
    refused.expect_err("it must be refused").to_string()
}

#[test]
fn ports_are_structs_of_named_outs() {
    let cases: [(DeriveInput, &str); 6] = [
        (
            parse_quote!(
                struct P(Out<u8>);
            ),
            "ports have names: use named fields",
        ),
        (
            parse_quote!(
                struct P;
            ),
            "ports have names: use named fields",
        ),
        (
            parse_quote!(
                enum P {
                    A,
                }
            ),
            "`Ports` is derived for structs of `Out<T>` fields",
        ),
        (
            parse_quote!(
                struct P<T> {
                    a: Out<T>,
                }
            ),
            "a struct of ports has no parameters",
        ),
        (
            parse_quote!(
                struct P {
                    a: u8,
                }
            ),
            "every field of a struct of ports is an `Out<T>`",
        ),
        (
            parse_quote!(
                struct P {
                    a: Out,
                }
            ),
            "every field of a struct of ports is an `Out<T>`",
        ),
    ];
    for (input, message) in cases {
        assert_eq!(says(ports::expand(&input)), message);
    }
}

#[test]
fn inputs_are_enums_of_one_body_each() {
    let one = "a variant has one unnamed field, or `#[from(skip)]`";
    let cases: [(DeriveInput, &str); 5] = [
        (
            parse_quote!(
                struct I(u8);
            ),
            "`From` is derived for enums",
        ),
        (
            parse_quote!(
                enum I {
                    A(u8, u8),
                }
            ),
            one,
        ),
        (
            parse_quote!(
                enum I {
                    A { a: u8 },
                }
            ),
            one,
        ),
        (
            parse_quote!(
                enum I {
                    A,
                }
            ),
            one,
        ),
        (
            parse_quote!(
                enum I {
                    #[from(never)]
                    A(u8),
                }
            ),
            "only `skip` is known here",
        ),
    ];
    for (input, message) in cases {
        assert_eq!(says(from::expand(&input)), message);
    }
}

#[test]
fn a_full_path_to_out_is_as_good() {
    let input: DeriveInput = parse_quote!(
        struct P {
            a: ::sluicegate::Out<Vec<u8>>,
        }
    );
    let made = ports::expand(&input).expect("a set of ports").to_string();
    assert!(made.contains("POutlets") && made.contains("Outlet < Vec < u8 > >"), "{made}");
}
