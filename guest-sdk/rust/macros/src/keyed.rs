//! `#[keyed]`: a function of one key, its state, its lists and maps, and its rows as the module's operator.
//!
//! The function becomes a unit struct of the same name, which implements `Keyed` by calling it for every key, and is exported
//! from the module.

use std::collections::HashSet;

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{Error, FnArg, ItemFn, PatType, Result, Type, spanned::Spanned};

use crate::{
    function::{self, Extras, Operator, Shape},
    names,
};

const KEYED: Shape = Shape {
    what: "a keyed operator",
    out: "Out",
    has_timers: true,
    has_tables: true,
    keeps: "what is kept is in `state`, in lists and in maps",
    sentence: "a keyed operator is `fn name(key: Key, state: &mut Option<State>, rows: Group<Row>, timers: &mut Timers, out: &mut Out<Out>)`, \
               where `timers` may be left out, and `name: &mut List<Item>`, `name: &mut Map<Subkey, Item>`, `options: &Options` and \
               `ctx: &Context` may follow",
};

pub fn expand(attributes: TokenStream, mut function: ItemFn) -> Result<TokenStream> {
    let passing = KEYED.passing(attributes)?;
    KEYED.prepare(&mut function)?;
    let Arguments { key, state, rows, rest } = arguments(&function)?;
    let row = function::row_type(rows, "the rows of the key")?;
    let extras = KEYED.extras(&function, &rest)?;
    check_tables(&function, state, &extras)?;
    let (name, given) = (&function.sig.ident, extras.given());
    let [key, row, out] = [key, row, &extras.out].map(names::inferred);
    let given_state = state.map(|_| quote!(state,));
    let state = state.map_or_else(|| quote!(::pelton_guest::macros::NoState), ToTokens::to_token_stream);
    let (tables, table_names) = tables(&extras);
    let types = quote! { #key, #state, #row, #out };
    let items = quote! {
        type State = #state;
        type Tables = #tables;
        const TABLES: &'static [&'static str] = &[#(#table_names),*];

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
            ::pelton_guest::macros::run_keyed::<#types, Self::Tables, _>(
                shown, timers, context,
                |key, state, rows, tables, timers, out| #name(key, #given_state rows #(, #given)*),
            )
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

/// The arguments up to the rows, and the rest. A function that keeps lists or maps need not have a state.
struct Arguments<'a> {
    key: &'a Type,
    state: Option<&'a Type>,
    rows: &'a Type,
    rest: Vec<&'a PatType>,
}

fn arguments(function: &ItemFn) -> Result<Arguments<'_>> {
    const ROWS: &str = "the rows of the key";
    let has_no_state = matches!(function.sig.inputs.get(1), Some(FnArg::Typed(second)) if function::inside(&second.ty, "Group").is_some());
    if has_no_state {
        let (key, [rows], rest) = KEYED.arguments(function, [ROWS])?;
        return Ok(Arguments { key, state: None, rows, rest });
    }
    let (key, [state, rows], rest) = KEYED.arguments(function, ["a state", ROWS])?;
    Ok(Arguments { key, state: Some(state_type(state)?), rows, rest })
}

/// The names of lists and maps differ, and there is one at least if there is no state.
fn check_tables(function: &ItemFn, state: Option<&Type>, extras: &Extras) -> Result<()> {
    if state.is_none() && extras.tables.is_empty() {
        return Err(Error::new_spanned(function.sig.inputs.get(1), STATE_HELP));
    }
    let mut names: HashSet<&str> = state.map(|_| "state").into_iter().collect();
    match extras.tables.iter().find(|(name, _)| !names.insert(name)) {
        Some((name, ty)) => {
            Err(Error::new_spanned(ty, format!("what is kept has another table `{name}`: give this one another name")))
        }
        None => Ok(()),
    }
}

/// The type that holds the lists and maps, the first and the others, and their names.
fn tables(extras: &Extras) -> (TokenStream, Vec<&str>) {
    let types =
        extras.tables.iter().rev().fold(quote!(()), |others, (_, ty)| quote_spanned!(ty.span()=> (#ty, #others)));
    (types, extras.tables.iter().map(|(name, _)| name.as_str()).collect())
}

const STATE_HELP: &str = "the state is `&mut Option<State>`, a struct with `#[derive(State)]`: `None` before the first row, and to delete it; \
                          a function that keeps a list or a map may leave it out";

fn state_type(ty: &Type) -> Result<&Type> {
    match ty {
        Type::Reference(reference) if reference.mutability.is_some() => {
            function::inside(&reference.elem, "Option").ok_or_else(|| Error::new_spanned(ty, STATE_HELP))
        }
        _ => Err(Error::new_spanned(ty, STATE_HELP)),
    }
}
