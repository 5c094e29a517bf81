//! The arguments that `#[transform(…)]` and `#[port(…)]` share: `pass`, `drop`, `rename`, `event_time`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{
    Error, Ident, LitStr, Result, Token, bracketed, ext::IdentExt, meta::ParseNestedMeta, parenthesized,
    punctuated::Punctuated,
};

use crate::names;

/// What a port carries on, as written. `given` is whether anything was.
#[derive(Default)]
pub struct Passing {
    pass: Option<Pass>,
    drop: Vec<String>,
    rename: Vec<(String, String)>,
    pub given: bool,
    pub event_time: Option<String>,
}

/// `pass = …`.
enum Pass {
    All,
    Only(Vec<String>),
}

/// For the message about an argument that there is not.
pub const ARGUMENTS: &str =
    "`pass = all`, `pass = none`, `pass = [\"a\"]`, `drop = [\"a\"]`, `rename(a = \"b\")` and `event_time = \"ts\"`";

impl Passing {
    /// Reads one argument; false if it is none of these.
    pub fn parse(&mut self, meta: &ParseNestedMeta<'_>) -> Result<bool> {
        if meta.path.is_ident("pass") {
            self.pass = Some(pass(meta)?);
        } else if meta.path.is_ident("drop") {
            self.drop = list(meta.value()?)?;
        } else if meta.path.is_ident("rename") {
            self.rename = rename(meta)?;
        } else if meta.path.is_ident("event_time") {
            self.event_time = Some(names::name(&meta.value()?.parse::<LitStr>()?)?);
            return Ok(true);
        } else {
            return Ok(false);
        }
        if matches!(self.pass, Some(Pass::Only(_))) && !self.drop.is_empty() {
            return Err(meta.error("`pass` says which columns go on, `drop` which do not: one of them is enough"));
        }
        self.given = true;
        Ok(true)
    }

    pub fn tokens(&self) -> TokenStream {
        let pass = match &self.pass {
            None => quote!(Unsaid),
            Some(Pass::All) => quote!(All),
            Some(Pass::Only(names)) => quote!(Only(&[#(#names),*])),
        };
        let drop = &self.drop;
        let rename = self.rename.iter().map(|(from, to)| quote!((#from, #to)));
        quote! {
            ::pelton_guest::macros::Passing {
                pass: ::pelton_guest::macros::Pass::#pass,
                drop: &[#(#drop),*],
                rename: &[#(#rename),*],
            }
        }
    }

    pub fn event_time_tokens(&self) -> TokenStream {
        match &self.event_time {
            None => quote!(::core::option::Option::None),
            Some(column) => quote!(::core::option::Option::Some(#column)),
        }
    }
}

fn pass(meta: &ParseNestedMeta<'_>) -> Result<Pass> {
    let value = meta.value()?;
    if !value.peek(Ident) {
        return list(value).map(Pass::Only);
    }
    let word: Ident = value.parse()?;
    match word.to_string().as_str() {
        "all" => Ok(Pass::All),
        "none" => Ok(Pass::Only(Vec::new())),
        _ => Err(Error::new(word.span(), "write `pass = all`, `pass = none` or `pass = [\"a\", \"b\"]`")),
    }
}

fn list(input: syn::parse::ParseStream<'_>) -> Result<Vec<String>> {
    let inner;
    bracketed!(inner in input);
    Punctuated::<LitStr, Token![,]>::parse_terminated(&inner)?.iter().map(names::name).collect()
}

fn rename(meta: &ParseNestedMeta<'_>) -> Result<Vec<(String, String)>> {
    let inner;
    parenthesized!(inner in meta.input);
    let pair = |input: syn::parse::ParseStream<'_>| {
        let from = if input.peek(LitStr) {
            names::name(&input.parse()?)?
        } else {
            names::plain(&input.call(Ident::parse_any)?)
        };
        input.parse::<Token![=]>()?;
        Ok((from, names::name(&input.parse::<LitStr>()?)?))
    };
    Ok(inner.parse_terminated(pair, Token![,])?.into_iter().collect())
}
