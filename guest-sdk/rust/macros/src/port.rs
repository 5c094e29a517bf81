//! `#[derive(Ports)]`: an enum as the outputs of a transform.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{
    Data, DeriveInput, Error, Fields, Index, LitStr, Meta, Result, Token, Type, Variant,
    parse::{ParseStream, Parser},
    parse_quote,
    spanned::Spanned,
};

use crate::{
    names,
    passing::{ARGUMENTS, Passing},
};

/// One variant.
struct Port<'a> {
    variant: &'a Variant,
    name: String,
    passing: Passing,
    /// The row that it holds; `()` if none.
    row: Type,
    is_unit: bool,
}

pub fn derive(item: &DeriveInput) -> Result<TokenStream> {
    let Data::Enum(data) = &item.data else {
        return Err(Error::new_spanned(&item.ident, "ports are an enum, one variant for each output"));
    };
    let lifetime = names::only_lifetime("an enum of ports", &item.generics)?;
    let ports = data.variants.iter().map(port).collect::<Result<Vec<_>>>()?;
    if ports.is_empty() {
        return Err(Error::new_spanned(
            &item.ident,
            "an enum of ports needs a variant for each output, the main one first",
        ));
    }
    for (index, port) in ports.iter().enumerate() {
        if ports.iter().take(index).any(|other| other.name == port.name) {
            return Err(Error::new_spanned(port.variant, format!("another variant is the port `{}` too", port.name)));
        }
    }
    let this = &item.ident;
    let generics = lifetime.map(|lifetime| quote!(<#lifetime>));
    let index: Vec<_> = (0..ports.len()).map(Index::from).collect();
    let rows: Vec<_> = ports.iter().map(|port| &port.row).collect();
    let specs = ports.iter().map(Port::spec);
    let blocks = ports.iter().map(|port| {
        let row = &port.row;
        quote_spanned!(row.span()=> ::pelton_guest::macros::PortSink<<#row as ::pelton_guest::macros::OutputRow>::Blocks>)
    });
    let arms = ports.iter().zip(&index).map(|(port, index)| {
        let variant = &port.variant.ident;
        if port.is_unit {
            quote!(Self::#variant => sinks.#index.push((), row))
        } else {
            quote!(Self::#variant(made) => sinks.#index.push(made, row))
        }
    });
    Ok(quote! {
        #[automatically_derived]
        impl #generics ::pelton_guest::macros::Ports for #this #generics {
            type Sinks = (#(#blocks,)*);

            fn specs() -> ::std::vec::Vec<::pelton_guest::macros::PortSpec> {
                ::std::vec![#(#specs),*]
            }

            fn sinks(rows: usize) -> Self::Sinks {
                (#(::pelton_guest::macros::PortSink::new::<#rows>(rows),)*)
            }

            #[inline(always)]
            fn push(self, sinks: &mut Self::Sinks, row: u32) {
                match self {
                    #(#arms,)*
                }
            }

            fn finish(
                sinks: Self::Sinks,
            ) -> ::core::result::Result<::std::vec::Vec<::pelton_guest::macros::Finished>, ::std::string::String> {
                ::core::result::Result::Ok(::std::vec![#(sinks.#index.finish::<#rows>()?),*])
            }
        }

        #[automatically_derived]
        impl #generics ::pelton_guest::macros::Leave for #this #generics {}

        #[automatically_derived]
        impl #generics ::pelton_guest::macros::Outcome for #this #generics {
            type Row = ();
            type Ports = Self;
            const SINGLE: bool = false;

            fn single(
                self,
                _row: u32,
                _rejected: &mut ::pelton_guest::macros::Rejected,
            ) -> ::core::option::Option<()> {
                ::core::unreachable!("`single` is called only for outcomes that are single")
            }

            #[inline(always)]
            fn each(
                self,
                sinks: &mut <Self as ::pelton_guest::macros::Ports>::Sinks,
                row: u32,
                _rejected: &mut ::pelton_guest::macros::Rejected,
            ) {
                ::pelton_guest::macros::Ports::push(self, sinks, row);
            }
        }
    })
}

fn port(variant: &Variant) -> Result<Port<'_>> {
    let (row, is_unit) = match &variant.fields {
        Fields::Unit => (parse_quote!(()), true),
        Fields::Unnamed(fields) => match fields.unnamed.first() {
            Some(field) if fields.unnamed.len() == 1 => (field.ty.clone(), false),
            _ => {
                return Err(Error::new_spanned(
                    fields,
                    "a port's variant holds one row, a struct with `#[derive(Row)]`",
                ));
            }
        },
        Fields::Named(fields) => {
            return Err(Error::new_spanned(
                fields,
                format!(
                    "a port's variant holds one row: put these fields into a struct with `#[derive(Row)]` and write `{0}({0}Row)`",
                    variant.ident
                ),
            ));
        }
    };
    let mut port =
        Port { variant, name: names::kebab(&names::plain(&variant.ident)), passing: Passing::default(), row, is_unit };
    for attribute in variant.attrs.iter().filter(|attribute| attribute.path().is_ident("port")) {
        match &attribute.meta {
            Meta::List(list) => Parser::parse2(|input: ParseStream<'_>| port.arguments(input), list.tokens.clone())?,
            other => return Err(Error::new_spanned(other, "write the port's name: `#[port(\"errors\")]`")),
        }
    }
    if ["rejected", "late"].contains(&port.name.as_str()) {
        return Err(Error::new_spanned(
            &variant.ident,
            format!(
                "the port `{0}` is the host's own: name this one otherwise, `#[port(\"…\")]`, or return `Err` to reject a row",
                port.name
            ),
        ));
    }
    if port.name.contains('.') {
        return Err(Error::new_spanned(variant, "the name of a port has no dot: jobs write `operator.port`"));
    }
    Ok(port)
}

impl Port<'_> {
    /// `"errors"`, then arguments.
    fn arguments(&mut self, input: ParseStream<'_>) -> Result<()> {
        if input.peek(LitStr) {
            self.name = names::name(&input.parse::<LitStr>()?)?;
            if input.is_empty() {
                return Ok(());
            }
            input.parse::<Token![,]>()?;
        }
        let passing = &mut self.passing;
        syn::meta::parser(|meta| {
            if passing.parse(&meta)? {
                Ok(())
            } else {
                Err(meta.error(format!("a port takes its name in quotes, and then {ARGUMENTS}")))
            }
        })
        .parse2(input.parse()?)
    }

    fn spec(&self) -> TokenStream {
        let (name, row) = (&self.name, &self.row);
        let passing = self.passing.tokens();
        let passing = if self.passing.given {
            quote!(::core::option::Option::Some(#passing))
        } else {
            quote!(::core::option::Option::None)
        };
        let event_time = self.passing.event_time_tokens();
        quote_spanned! {row.span()=>
            ::pelton_guest::macros::PortSpec {
                name: #name,
                computed: <#row as ::pelton_guest::macros::OutputRow>::computed(),
                passing: #passing,
                event_time: #event_time,
            }
        }
    }
}
