//! `#[derive(From)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, Result, Variant};

pub fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Enum(data) = &input.data else {
        return Err(Error::new_spanned(input, "`From` is derived for enums"));
    };
    let (name, generics) = (&input.ident, &input.generics);
    let (impls, types, wheres) = generics.split_for_impl();
    let mut all = TokenStream::new();
    for variant in &data.variants {
        if skipped(variant)? {
            continue;
        }
        let Fields::Unnamed(fields) = &variant.fields else { return Err(wrong(variant)) };
        let Some(field) = fields.unnamed.first().filter(|_| fields.unnamed.len() == 1) else {
            return Err(wrong(variant));
        };
        let (variant, body) = (&variant.ident, &field.ty);
        all.extend(quote! {
            impl #impls ::core::convert::From<#body> for #name #types #wheres {
                fn from(body: #body) -> Self {
                    Self::#variant(body)
                }
            }
        });
    }
    Ok(all)
}

fn wrong(variant: &Variant) -> Error {
    Error::new_spanned(variant, "a variant has one unnamed field, or `#[from(skip)]`")
}

fn skipped(variant: &Variant) -> Result<bool> {
    let mut skip = false;
    for attribute in variant.attrs.iter().filter(|a| a.path().is_ident("from")) {
        attribute.parse_nested_meta(|meta| {
            skip = meta.path.is_ident("skip");
            if skip { Ok(()) } else { Err(meta.error("only `skip` is known here")) }
        })?;
    }
    Ok(skip)
}
