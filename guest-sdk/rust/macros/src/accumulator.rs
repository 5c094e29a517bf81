//! `#[derive(Accumulator)]`: a struct as the columns of an accumulator.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::{Data, DeriveInput, Error, Fields, Ident, Result, Type, spanned::Spanned};

use crate::{names, row};

pub fn derive(item: &DeriveInput) -> Result<TokenStream> {
    let fields = fields("an accumulator", "struct Average { sum: f64, count: i64 }", item)?;
    if let Some(lifetime) = names::only_lifetime("an accumulator", &item.generics)? {
        return Err(Error::new_spanned(lifetime, outlives("an accumulator")));
    }
    let this = &item.ident;
    let idents: Vec<_> = fields.iter().map(|(ident, _)| *ident).collect();
    // A field may be called `rows` or `columns`, as arguments below are.
    let locals: Vec<_> = idents.iter().map(|ident| format_ident!("column_{}", names::plain(ident))).collect();
    let names: Vec<_> = idents.iter().map(|ident| names::plain(ident)).collect();
    let types: Vec<_> = fields.iter().map(|(_, ty)| *ty).collect();
    // The same type, at the field's place: errors about it point there.
    let wires: Vec<_> = types
        .iter()
        .map(|ty| quote_spanned!(ty.span()=> ::core::option::Option<<#ty as ::pelton_guest::macros::KeptField>::Held>))
        .collect();
    let columns = fields
        .iter()
        .zip(&names)
        .map(|((_, ty), name)| quote_spanned!(ty.span()=> ::pelton_guest::macros::StateColumn::of::<#ty>(#name)));
    Ok(quote! {
        #[automatically_derived]
        impl ::pelton_guest::macros::Accumulator for #this {
            fn columns() -> ::std::vec::Vec<::pelton_guest::macros::StateColumn> {
                ::std::vec![#(#columns),*]
            }

            fn read(
                columns: &[::pelton_guest::macros::Loaded],
                rows: usize,
            ) -> ::core::result::Result<::std::vec::Vec<Self>, ::std::string::String> {
                let mut columns = columns.iter();
                #(let #locals = ::pelton_guest::macros::view::<#wires>(#names, &mut columns)?;)*
                let row = |at: usize| {
                    let default = <Self as ::core::default::Default>::default();
                    Self {
                        #(#idents: ::pelton_guest::macros::restore_field::<#types>(
                            <#wires as ::pelton_guest::macros::InputField<'_>>::value(#locals, at),
                            default.#idents,
                        )),*
                    }
                };
                ::core::result::Result::Ok((0..rows).map(row).collect())
            }

            fn store(
                accumulators: ::std::vec::Vec<Self>,
            ) -> ::core::result::Result<::pelton_guest::macros::Table, ::std::string::String> {
                let rows = accumulators.len();
                #(let mut #locals = ::pelton_guest::Values::<#wires>::with_capacity(rows);)*
                for accumulator in accumulators {
                    #(#locals.push(<#types as ::pelton_guest::macros::KeptField>::held(accumulator.#idents));)*
                }
                let nodes = ::std::vec![#(#locals.finish(#names)?),*];
                // As many came, and their number was a u32.
                ::core::result::Result::Ok(::pelton_guest::macros::Table { rows: rows as u32, nodes })
            }

            fn check_default() -> ::core::result::Result<(), ::std::string::String> {
                let default = <Self as ::core::default::Default>::default();
                #(::pelton_guest::macros::check_field(#names, &default.#idents)?;)*
                ::core::result::Result::Ok(())
            }
        }
    })
}

/// Why what is kept cannot borrow; `what` names it, with its article.
pub fn outlives(what: &str) -> String {
    format!("{what} outlives the batch, so it cannot borrow from it: use String or Vec<u8>")
}

/// The fields of a struct that is kept; `what` names it in messages, and `example` is one.
pub fn fields<'a>(what: &str, example: &str, item: &'a DeriveInput) -> Result<Vec<(&'a Ident, &'a Type)>> {
    let refuse = |help: &str| Err(Error::new_spanned(&item.ident, help));
    let Data::Struct(data) = &item.data else {
        return refuse(&format!("{what} is a struct, one field for each column"));
    };
    let Fields::Named(fields) = &data.fields else {
        return refuse(&format!("the fields of {what} name its columns, and it has one at least: write `{example}`"));
    };
    if fields.named.is_empty() {
        return refuse(&format!("{what} has one field at least: without any, what would be kept?"));
    }
    let mut named = Vec::new();
    for field in &fields.named {
        if matches!(field.ty, Type::Reference(_)) {
            return Err(Error::new_spanned(&field.ty, outlives(what)));
        }
        row::check_type(&field.ty)?;
        named.extend(field.ident.as_ref().map(|ident| (ident, &field.ty)));
    }
    Ok(named)
}
