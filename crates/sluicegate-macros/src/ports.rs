//! `#[derive(Ports)]`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Data, DeriveInput, Error, Fields, GenericArgument, PathArguments, Result, Type};

pub fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new_spanned(input, "`Ports` is derived for structs of `Out<T>` fields"));
    };
    let Fields::Named(fields) = &data.fields else {
        return Err(Error::new_spanned(&data.fields, "ports have names: use named fields"));
    };
    if !input.generics.params.is_empty() {
        return Err(Error::new_spanned(&input.generics, "a struct of ports has no parameters"));
    }
    let (vis, name) = (&input.vis, &input.ident);
    let outlets = format_ident!("{name}Outlets");
    let doc = format!("The ports of [`{name}`] seen from outside.");
    let mut names = Vec::new();
    let mut visibilities = Vec::new();
    let mut bodies = Vec::new();
    for field in &fields.named {
        bodies.push(body_of(&field.ty)?);
        visibilities.push(&field.vis);
        names.extend(&field.ident);
    }
    let strings: Vec<_> = names.iter().map(|name| name.to_string()).collect();
    let docs: Vec<_> = strings.iter().map(|name| format!("The port `{name}`.")).collect();
    let numbers = 0..names.len();
    let numbers_again = 0..names.len();
    Ok(quote! {
        #[doc = #doc]
        #[derive(Clone, Copy, Debug)]
        #vis struct #outlets {
            #(#[doc = #docs] #visibilities #names: ::sluicegate::Outlet<#bodies>,)*
        }

        impl ::sluicegate::Ports for #name {
            type Outlets = #outlets;
            const NAMES: &'static [&'static str] = &[#(#strings),*];
            fn outlets(of: ::sluicegate::StageId) -> #outlets {
                #outlets { #(#names: ::sluicegate::Outlet::new(of, #numbers),)* }
            }
            fn bind(binder: &mut ::sluicegate::Binder<'_>) -> Self {
                Self { #(#names: binder.out(#numbers_again),)* }
            }
            fn each(&mut self, f: &mut dyn FnMut(&mut dyn ::sluicegate::AnyOut)) {
                #(f(&mut self.#names);)*
            }
        }
    })
}

/// The `T` of `Out<T>`.
fn body_of(ty: &Type) -> Result<&Type> {
    let wrong = || Error::new_spanned(ty, "every field of a struct of ports is an `Out<T>`");
    let Type::Path(path) = ty else { return Err(wrong()) };
    let last = path.path.segments.last().filter(|last| last.ident == "Out").ok_or_else(wrong)?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return Err(wrong()) };
    match arguments.args.first() {
        Some(GenericArgument::Type(body)) if arguments.args.len() == 1 => Ok(body),
        _ => Err(wrong()),
    }
}
