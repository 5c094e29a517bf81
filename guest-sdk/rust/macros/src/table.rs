//! The side tables of a transform: `table = "airlines"` in its attribute, and `airlines: &Airlines` among its arguments.
//!
//! Called by `#[transform]`. A table's argument has its name; what holds all of them is a struct beside the transform, which
//! implements `Tables`.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{Error, LitStr, Pat, Result, Type, spanned::Spanned};

use crate::names;

/// An argument that a side table is looked up in.
#[derive(Clone, Copy)]
pub struct Table<'a> {
    /// Where its name is in the attribute.
    pub name: &'a LitStr,
    pub ty: &'a Type,
}

/// The table of the attribute whose argument this is.
pub fn named<'a>(tables: &'a [LitStr], argument: &Pat) -> Option<&'a LitStr> {
    let Pat::Ident(ident) = argument else { return None };
    let argument = names::plain(&ident.ident);
    // A leading `_` may say that it is not used.
    let unused = argument.strip_prefix('_').unwrap_or(&argument);
    tables.iter().find(|table| [argument.as_str(), unused].contains(&argument_of(table).as_str()))
}

/// The argument that takes the side table `name`.
fn argument_of(name: &LitStr) -> String {
    name.value().replace(|letter: char| !letter.is_alphanumeric(), "_")
}

/// Every side table of the attribute has its argument.
pub fn check(named: &[LitStr], tables: &[Table<'_>]) -> Result<()> {
    for (index, name) in named.iter().enumerate() {
        if named.iter().take(index).any(|other| other.value() == name.value()) {
            return Err(Error::new(name.span(), "this side table is named already: once is enough"));
        }
        if !tables.iter().any(|table| table.name.value() == name.value()) {
            let argument = argument_of(name);
            return Err(Error::new(
                name.span(),
                format!(
                    "no argument takes this side table: it is called `{argument}`, as in `{argument}: &Names`, and its type implements `Lookup`"
                ),
            ));
        }
    }
    Ok(())
}

/// The struct that holds the side tables, if there are any, and the type of what holds them.
pub fn holder(tables: &[Table<'_>]) -> (TokenStream, TokenStream) {
    if tables.is_empty() {
        return (TokenStream::new(), quote!(::pelton_guest::macros::NoTables));
    }
    let names: Vec<_> = tables.iter().map(|table| table.name).collect();
    let fields: Vec<_> = (0..tables.len()).map(field).collect();
    // The same type, at the argument's place: errors about it point there.
    let types =
        tables.iter().map(|Table { ty, .. }| quote_spanned!(ty.span()=> ::pelton_guest::macros::SideTable<#ty>));
    let opens = tables.iter().map(
        |Table { name, ty }| quote_spanned!(ty.span()=> ::pelton_guest::macros::open_table::<#ty>(#name, offered)?),
    );
    let loads = tables.iter().zip(&fields).map(|(Table { ty, .. }, at)| {
        quote_spanned!(ty.span()=> ::pelton_guest::macros::load_table::<#ty>(&mut self.#at, rows))
    });
    let made = quote! {
        // As visible as the function, whose associated type it is.
        #[doc(hidden)]
        #[allow(missing_debug_implementations, unreachable_pub)]
        pub struct SideTables {
            #(#fields: #types,)*
        }

        #[automatically_derived]
        impl ::pelton_guest::macros::Tables for SideTables {
            const NAMES: &'static [&'static str] = &[#(#names),*];

            fn open(
                offered: &[::pelton_guest::macros::bindings::Input],
            ) -> ::core::result::Result<Self, ::std::string::String> {
                ::core::result::Result::Ok(Self { #(#fields: #opens,)* })
            }

            fn load(
                &mut self,
                name: &str,
                rows: ::pelton_guest::macros::Table,
            ) -> ::core::result::Result<(), ::std::string::String> {
                match name {
                    #(#names => #loads,)*
                    other => ::core::result::Result::Err(::pelton_guest::macros::no_table(other)),
                }
            }
        }
    };
    (made, quote!(SideTables))
}

/// The field that holds a side table, and the local that is the function's.
pub fn field(index: usize) -> Ident {
    format_ident!("table_{index}")
}
