//! `#[keyed]`: a function of one key, its state, its lists and maps, and its rows as the module's operator; and the functions that
//! migrate the state of older versions.
//!
//! The function becomes a unit struct of the same name, which implements `Keyed` by calling it for every key, and is exported
//! from the module.

use std::collections::HashSet;

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{
    Error, FnArg, ItemFn, LitInt, PatType, Path, Result, Token, Type, bracketed, meta::ParseNestedMeta, parse::Parser,
    punctuated::Punctuated, spanned::Spanned, token::Bracket,
};

use crate::{
    function::{self, Extras, Operator, Shape},
    names,
    passing::Passing,
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
    let (passing, migrations) = attributes_of(attributes)?;
    KEYED.prepare(&mut function)?;
    let Arguments { key, state, rows, rest } = arguments(&function)?;
    let row = function::row_type(rows, "the rows of the key")?;
    if let Some(first) = migrations.functions.first().filter(|_| state.is_none()) {
        return Err(Error::new_spanned(
            first,
            "only the state is migrated, and this function has none: lists and maps go on as they are",
        ));
    }
    let extras = KEYED.extras(&function, &rest)?;
    check_tables(&function, state, &extras)?;
    let (name, given) = (&function.sig.ident, extras.given());
    let [key, row, out] = [key, row, &extras.out].map(names::inferred);
    let given_state = state.map(|_| quote!(state,));
    let state = state.map_or_else(|| quote!(::pelton_guest::macros::NoState), ToTokens::to_token_stream);
    let (tables, table_names) = tables(&extras);
    let types = quote! { #key, #state, #row, #out };
    let (version, migrate) = (migrations.version, migrations.arms());
    let export = match migrations.functions.as_slice() {
        [] => quote!(::pelton_guest::__export_keyed!(#name);),
        _ => quote! {
            const _: () = {
                ::pelton_guest::__export_keyed!(#name);
                ::pelton_guest::__export_migrate!(#name);
            };
        },
    };
    let items = quote! {
        const STATE_VERSION: u32 = #version;
        type State = #state;
        type Tables = #tables;
        const TABLES: &'static [&'static str] = &[#(#table_names),*];

        fn describe() -> ::pelton_guest::macros::KeyedDescription {
            ::pelton_guest::macros::describe_keyed::<#types>()
        }

        fn migrate(
            older: ::pelton_guest::macros::OlderState,
        ) -> ::core::result::Result<::std::vec::Vec<::pelton_guest::macros::Node>, ::std::string::String> {
            match older.version() {
                #(#migrate)*
                _ => older.unknown(),
            }
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
        export,
    };
    Ok(operator.tokens())
}

/// The functions that migrate, in the order of the versions that they read; the last one reads the version before this.
struct Migrations {
    version: u32,
    functions: Vec<Path>,
}

impl Migrations {
    /// An arm for each version that some function reads.
    fn arms(&self) -> impl Iterator<Item = TokenStream> {
        let first = self.version - self.functions.len() as u32;
        (first..).zip(&self.functions).map(|(version, function)| {
            quote_spanned!(function.span()=> #version => older.migrate::<_, Self::State, _>(#function),)
        })
    }
}

/// What stands in the attribute's brackets.
fn attributes_of(attributes: TokenStream) -> Result<(Passing, Migrations)> {
    let mut passing = Passing::default();
    let (mut version, mut functions) = (None, Vec::new());
    let read = syn::meta::parser(|meta| {
        if meta.path.is_ident("version") {
            version = Some(meta.value()?.parse::<LitInt>()?);
        } else if meta.path.is_ident("migrate") {
            functions = functions_of(&meta)?;
        } else if !passing.parse(&meta)? {
            return Err(meta.error(KEYED.wrong_argument("`migrate = from_version_1`, `version = 2`, ")));
        }
        Ok(())
    });
    read.parse2(attributes)?;
    let count = functions.len() as u32;
    let version = match version {
        None => count + 1,
        Some(version) if functions.is_empty() => return Err(Error::new_spanned(version, VERSION_HELP)),
        Some(literal) => match literal.base10_parse::<u32>()? {
            version if version > count => version,
            _ => return Err(Error::new_spanned(literal, VERSION_HELP)),
        },
    };
    Ok((passing, Migrations { version, functions }))
}

const VERSION_HELP: &str = "the version of the state goes with functions that migrate older ones, of which there are versions enough: \
                            `#[keyed(version = 3, migrate = [from_version_1, from_version_2])]`; the first version is 1";

/// One function, or several in brackets.
fn functions_of(meta: &ParseNestedMeta<'_>) -> Result<Vec<Path>> {
    let value = meta.value()?;
    if !value.peek(Bracket) {
        return Ok(vec![value.parse()?]);
    }
    let inner;
    bracketed!(inner in value);
    Ok(Punctuated::<Path, Token![,]>::parse_terminated(&inner)?.into_iter().collect())
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
