//! `#[derive(Subkey)]`: a struct as the columns by which the rows of a map are found and ordered.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{DeriveInput, Error, Index, Result, spanned::Spanned};

use crate::{accumulator, names};

const WHAT: &str = "a subkey";

pub fn derive(item: &DeriveInput) -> Result<TokenStream> {
    let fields = accumulator::fields(WHAT, "struct Slot { day: Date, product: String }", item)?;
    if let Some(lifetime) = names::only_lifetime(WHAT, &item.generics)? {
        return Err(Error::new_spanned(lifetime, accumulator::outlives(WHAT)));
    }
    let this = &item.ident;
    let idents: Vec<_> = fields.iter().map(|(ident, _)| *ident).collect();
    let types: Vec<_> = fields.iter().map(|(_, ty)| *ty).collect();
    let names: Vec<_> = idents.iter().map(|ident| names::plain(ident)).collect();
    let index: Vec<_> = (0..fields.len()).map(Index::from).collect();
    // The same type, at the field's place: errors about it point there.
    let traits: Vec<_> =
        types.iter().map(|ty| quote_spanned!(ty.span()=> <#ty as ::pelton_guest::macros::SubkeyField>)).collect();
    // The last field that has a greater value takes it; those before stay, and those behind begin again.
    let after = (0..fields.len()).rev().map(|at| {
        let (before, [ident, behind @ ..]) = idents.split_at(at) else { return TokenStream::new() };
        let (field, least) = (traits.get(at), traits.get(at + 1..).unwrap_or_default());
        quote! {
            if let ::core::option::Option::Some(#ident) = #field::after(&self.#ident) {
                return ::core::option::Option::Some(Self {
                    #(#before: ::core::clone::Clone::clone(&self.#before),)*
                    #ident,
                    #(#behind: #least::least(),)*
                });
            }
        }
    });
    Ok(quote! {
        #[automatically_derived]
        impl ::pelton_guest::macros::Subkey for #this {
            type Columns<'a> = (#(<#types as ::pelton_guest::macros::InputField<'a>>::Column,)*);
            type Made = (#(::pelton_guest::Values<#types>,)*);

            fn columns() -> ::std::vec::Vec<::pelton_guest::macros::StateColumn> {
                ::std::vec![#(::pelton_guest::macros::StateColumn::of_subkey::<#types>(#names)),*]
            }

            fn view(
                columns: &[::pelton_guest::macros::Loaded],
            ) -> ::core::result::Result<Self::Columns<'_>, ::std::string::String> {
                let mut columns = columns.iter();
                ::core::result::Result::Ok((#(::pelton_guest::macros::view::<#types>(#names, &mut columns)?,)*))
            }

            fn read(columns: Self::Columns<'_>, at: usize) -> Self {
                Self { #(#idents: <#types as ::pelton_guest::macros::InputField<'_>>::value(columns.#index, at)),* }
            }

            fn put(self, made: &mut Self::Made) {
                #(made.#index.push(self.#idents);)*
            }

            fn finish(
                made: Self::Made,
            ) -> ::core::result::Result<::std::vec::Vec<::pelton_guest::macros::Node>, ::std::string::String> {
                ::core::result::Result::Ok(::std::vec![#(made.#index.finish(#names)?),*])
            }

            fn bound(&self) -> ::std::vec::Vec<::pelton_guest::macros::Node> {
                ::std::vec![#(#traits::node(&self.#idents)),*]
            }

            fn compare(&self, other: &Self) -> ::core::cmp::Ordering {
                ::core::cmp::Ordering::Equal
                    #(.then_with(|| #traits::compare(&self.#idents, &other.#idents)))*
            }

            fn after(&self) -> ::core::option::Option<Self> {
                #(#after)*
                ::core::option::Option::None
            }

            fn least() -> Self {
                Self { #(#idents: #traits::least()),* }
            }
        }
    })
}
