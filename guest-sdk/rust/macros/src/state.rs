//! `#[derive(State)]`: a struct as the columns of a key's state.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{DeriveInput, Error, Index, Result, Type, spanned::Spanned};

use crate::{accumulator, names};

pub fn derive(item: &DeriveInput) -> Result<TokenStream> {
    let fields = accumulator::fields("a state", "struct Visit { clicks: i64 }", item)?;
    if let Some(lifetime) = names::only_lifetime("a state", &item.generics)? {
        return Err(Error::new_spanned(lifetime, accumulator::outlives("a state")));
    }
    if fields.iter().all(|(_, ty)| is_option(ty)) {
        return Err(Error::new_spanned(
            &item.ident,
            "one field of a state at least is no Option: a key whose columns are all null has no state",
        ));
    }
    let this = &item.ident;
    let idents: Vec<_> = fields.iter().map(|(ident, _)| *ident).collect();
    let names: Vec<_> = idents.iter().map(|ident| names::plain(ident)).collect();
    let index: Vec<_> = (0..fields.len()).map(Index::from).collect();
    // The same type, at the field's place: errors about it point there.
    let kept: Vec<_> =
        fields.iter().map(|(_, ty)| quote_spanned!(ty.span()=> <#ty as ::pelton_guest::macros::KeptField>)).collect();
    let held: Vec<_> = kept.iter().map(|kept| quote!(::core::option::Option<#kept::Held>)).collect();
    let columns = fields
        .iter()
        .zip(&names)
        .map(|((_, ty), name)| quote_spanned!(ty.span()=> ::pelton_guest::macros::StateColumn::of::<#ty>(#name)));
    Ok(quote! {
        #[automatically_derived]
        impl ::pelton_guest::macros::State for #this {
            type Columns<'a> = (#(<#held as ::pelton_guest::macros::InputField<'a>>::Column,)*);
            type Made = (#(::pelton_guest::Values<#held>,)*);

            fn columns() -> ::std::vec::Vec<::pelton_guest::macros::StateColumn> {
                ::std::vec![#(#columns),*]
            }

            fn view(
                columns: &[::pelton_guest::macros::Loaded],
            ) -> ::core::result::Result<Self::Columns<'_>, ::std::string::String> {
                let mut columns = columns.iter();
                ::core::result::Result::Ok((#(::pelton_guest::macros::view::<#held>(#names, &mut columns)?,)*))
            }

            #[inline(always)]
            fn read(
                columns: Self::Columns<'_>,
                at: usize,
            ) -> ::core::result::Result<::core::option::Option<Self>, &'static str> {
                let held = (#(<#held as ::pelton_guest::macros::InputField<'_>>::value(columns.#index, at),)*);
                if #(held.#index.is_none())&&* {
                    return ::core::result::Result::Ok(::core::option::Option::None);
                }
                ::core::result::Result::Ok(::core::option::Option::Some(Self {
                    #(#idents: #kept::restore(held.#index).ok_or(#names)?),*
                }))
            }

            #[inline(always)]
            fn is_same(&self, other: &Self) -> bool {
                #(#kept::is_same(&self.#idents, &other.#idents))&&*
            }

            fn made() -> Self::Made {
                ::core::default::Default::default()
            }

            #[inline(always)]
            fn put(state: ::core::option::Option<Self>, made: &mut Self::Made) {
                match state {
                    ::core::option::Option::Some(state) => { #(made.#index.push(#kept::held(state.#idents));)* }
                    ::core::option::Option::None => { #(made.#index.push(::core::option::Option::None);)* }
                }
            }

            fn put_blank(made: &mut Self::Made) {
                #(made.#index.push(::core::option::Option::Some(
                    <#kept::Held as ::pelton_guest::macros::OutputField>::blank(),
                ));)*
            }

            fn finish(
                made: Self::Made,
            ) -> ::core::result::Result<::std::vec::Vec<::pelton_guest::macros::Node>, ::std::string::String> {
                ::core::result::Result::Ok(::std::vec![#(made.#index.finish(#names)?),*])
            }
        }
    })
}

fn is_option(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Option"))
}
