//! `#[cogroup]`: a function of one key and its rows on both sides as the module's operator.
//!
//! The function becomes a unit struct of the same name, which implements `Cogroup` by calling it for every key, and is exported
//! from the module.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{ItemFn, Result};

use crate::{
    function::{self, Operator, Shape},
    names,
};

const COGROUP: Shape = Shape {
    what: "a cogroup",
    out: "Joined",
    has_timers: false,
    has_tables: false,
    keeps: "a cogroup keeps nothing; for that, write a `#[keyed]` operator",
    sentence: "a cogroup is `fn name(key: Key, left: Group<Left>, right: Group<Right>, out: &mut Joined<Out>)`, \
               and `options: &Options` and `ctx: &Context` may follow",
};

pub fn expand(attributes: TokenStream, mut function: ItemFn) -> Result<TokenStream> {
    let passing = COGROUP.passing(attributes)?;
    COGROUP.prepare(&mut function)?;
    let missing = ["the rows of the left", "the rows of the right"];
    let (key, [left, right], rest) = COGROUP.arguments(&function, missing)?;
    let (left, right) =
        (function::row_type(left, "the rows of the left")?, function::row_type(right, "the rows of the right")?);
    let extras = COGROUP.extras(&function, &rest)?;
    let (name, given) = (&function.sig.ident, extras.given());
    let [key, left, right, out] = [key, left, right, &extras.out].map(names::inferred);
    let types = quote! { #key, #left, #right, #out };
    let items = quote! {
        fn describe() -> ::pelton_guest::macros::CogroupDescription {
            ::pelton_guest::macros::describe_cogroup::<#types>()
        }

        #[allow(unused_variables, clippy::unit_arg)]
        fn run(
            shown: &::pelton_guest::macros::CogroupShown,
            options: &Self::Options,
            context: &::pelton_guest::macros::Context,
        ) -> ::core::result::Result<::pelton_guest::macros::Answer, ::std::string::String> {
            ::pelton_guest::macros::run_cogroup::<#types, _>(shown, context, |key, left, right, out| {
                #name(key, left, right #(, #given)*)
            })
        }
    };
    let operator = Operator {
        function: &function,
        passing: &passing,
        options: extras.options.as_ref(),
        kind: format_ident!("Cogroup"),
        description: format_ident!("CogroupDescription"),
        items,
        beside: TokenStream::new(),
        export: quote!(::pelton_guest::__export_cogroup!(#name);),
    };
    Ok(operator.tokens())
}
