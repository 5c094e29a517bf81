//! `#[keyed]`: a function of one key, its state and its rows as the module's operator.
//!
//! The function becomes a unit struct of the same name, which implements `Keyed` by calling it for every key, and is exported
//! from the module.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Error, ItemFn, Result, Type};

use crate::{
    function::{self, Operator, Shape},
    names,
};

const KEYED: Shape = Shape {
    what: "a keyed operator",
    out: "Out",
    has_timers: true,
    keeps: "what is kept is in `state`",
    sentence: "a keyed operator is `fn name(key: Key, state: &mut Option<State>, rows: Group<Row>, timers: &mut Timers, out: &mut Out<Out>)`, \
               where `timers` may be left out, and `options: &Options` and `ctx: &Context` may follow",
};

pub fn expand(attributes: TokenStream, mut function: ItemFn) -> Result<TokenStream> {
    let passing = KEYED.passing(attributes)?;
    KEYED.prepare(&mut function)?;
    let (key, [state, rows], rest) = KEYED.arguments(&function, ["a state", "the rows of the key"])?;
    let state = state_type(state)?;
    let row = function::row_type(rows, "the rows of the key")?;
    let extras = KEYED.extras(&function, &rest)?;
    let (name, given) = (&function.sig.ident, extras.given());
    let [key, row, out] = [key, row, &extras.out].map(names::inferred);
    let types = quote! { #key, #state, #row, #out };
    let items = quote! {
        type State = #state;

        fn describe() -> ::pelton_guest::macros::KeyedDescription {
            ::pelton_guest::macros::describe_keyed::<#types>()
        }

        #[allow(unused_variables, clippy::unit_arg)]
        fn run(
            shown: &::pelton_guest::macros::Shown,
            timers: ::pelton_guest::macros::Timers,
            options: &Self::Options,
            context: &::pelton_guest::macros::Context,
        ) -> ::core::result::Result<::pelton_guest::macros::Made, ::std::string::String> {
            ::pelton_guest::macros::run_keyed::<#types, _>(shown, timers, context, |key, state, rows, timers, out| {
                #name(key, state, rows #(, #given)*)
            })
        }
    };
    let operator = Operator {
        function: &function,
        passing: &passing,
        options: extras.options.as_ref(),
        kind: format_ident!("Keyed"),
        description: format_ident!("KeyedDescription"),
        items,
        beside: TokenStream::new(),
        export: quote!(::pelton_guest::__export_keyed!(#name);),
    };
    Ok(operator.tokens())
}

fn state_type(ty: &Type) -> Result<&Type> {
    let help = "the state is `&mut Option<State>`, a struct with `#[derive(State)]`: `None` before the first row, and to delete it";
    match ty {
        Type::Reference(reference) if reference.mutability.is_some() => {
            function::inside(&reference.elem, "Option").ok_or_else(|| Error::new_spanned(ty, help))
        }
        _ => Err(Error::new_spanned(ty, help)),
    }
}
