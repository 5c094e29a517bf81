//! `#[keyed]`: a function of one key, its state and its rows as the module's operator.
//!
//! The function becomes a unit struct of the same name, which implements `Keyed` by calling it for every key, and is exported
//! from the module.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{
    Error, FnArg, GenericArgument, ItemFn, Lifetime, Path, PathArguments, Result, ReturnType, Type,
    parse::{Parse, ParseStream, Parser},
    parse_quote,
    spanned::Spanned,
};

use crate::{
    names,
    passing::{ARGUMENTS, Passing},
    transform,
};

const SHAPE: &str = "a keyed operator is `fn name(key: Key, state: &mut Option<State>, rows: Group<Row>, timers: &mut Timers, out: &mut Out<Out>)`, \
                     where `timers` may be left out, and `options: &Options` and `ctx: &Context` may follow";

/// What stands in the attribute's brackets.
#[derive(Default)]
pub struct Attributes(Passing);

impl Parse for Attributes {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut passing = Passing::default();
        syn::meta::parser(|meta| match passing.parse(&meta)? {
            true => Ok(()),
            false => Err(meta.error(format!("a keyed operator takes {ARGUMENTS}; the key passes if nothing is said"))),
        })
        .parse2(input.parse()?)?;
        Ok(Self(passing))
    }
}

/// The types of the arguments.
struct Arguments {
    key: Type,
    state: Type,
    row: Type,
    out: Type,
    options: Option<Type>,
    /// After the rows, in order.
    rest: Vec<Extra>,
}

#[derive(Clone, Copy, PartialEq)]
enum Extra {
    Timers,
    Out,
    Options,
    Context,
}

pub fn expand(attributes: Attributes, mut function: ItemFn) -> Result<TokenStream> {
    transform::check_signature(&function.sig, "a keyed operator")?;
    check_output(&function.sig.output)?;
    share_lifetime(&mut function);
    let Arguments { key, state, row, out, options, rest } = arguments(&function)?;
    let (vis, name) = (&function.vis, &function.sig.ident);
    let docs = function.attrs.iter().filter(|attribute| attribute.path().is_ident("doc"));
    let options = options.map_or_else(|| quote!(::pelton_guest::macros::NoOptions), |ty| quote!(#ty));
    let passing = attributes.0.tokens();
    let event_time = attributes.0.event_time_tokens();
    let given = rest.iter().map(|extra| match extra {
        Extra::Timers => quote!(timers),
        Extra::Out => quote!(out),
        Extra::Options => quote!(options),
        Extra::Context => quote!(context),
    });
    let [key, row, out] = [key, row, out].map(|ty| names::inferred(&ty));
    let types = quote! { #key, #state, #row, #out };
    Ok(quote! {
        #(#docs)*
        #[allow(non_camel_case_types)]
        #[derive(Clone, Copy, Debug)]
        #vis struct #name;

        const _: () = {
            #[allow(clippy::needless_lifetimes)]
            #function

            #[automatically_derived]
            impl ::pelton_guest::macros::Keyed for #name {
                type Options = #options;
                type State = #state;
                const PASSING: ::pelton_guest::macros::Passing = #passing;
                const EVENT_TIME: ::core::option::Option<&'static str> = #event_time;

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
            }

            #[cfg(target_arch = "wasm32")]
            ::pelton_guest::__export_keyed!(#name);

            // Natively nothing is exported; this keeps the compiler from calling all of it unused.
            #[cfg(not(target_arch = "wasm32"))]
            const _: fn() -> ::pelton_guest::macros::KeyedDescription =
                <#name as ::pelton_guest::macros::Keyed>::describe;
        };
    })
}

/// Nothing, or a `Result<(), E>`.
fn check_output(output: &ReturnType) -> Result<()> {
    let ReturnType::Type(_, ty) = output else { return Ok(()) };
    let is_unit = |ty: &Type| matches!(ty, Type::Tuple(tuple) if tuple.elems.is_empty());
    let is_result =
        named(ty, "Result").and_then(types_of).is_some_and(|types| types.first().copied().is_some_and(is_unit));
    if is_unit(ty) || is_result {
        return Ok(());
    }
    Err(Error::new_spanned(
        ty,
        "a keyed operator returns nothing, or a Result<(), E> whose error stops the job: rows leave by `out.emit(row)`",
    ))
}

/// The path of a type whose last name is `name`.
fn named<'a>(ty: &'a Type, name: &str) -> Option<&'a Path> {
    match ty {
        Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == name) => Some(&path.path),
        Type::Group(group) => named(&group.elem, name),
        _ => None,
    }
}

/// The types in the angle brackets of a path.
fn types_of(path: &Path) -> Option<Vec<&Type>> {
    let PathArguments::AngleBracketed(arguments) = &path.segments.last()?.arguments else { return None };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    Some(types.collect())
}

/// The only type in the angle brackets of `name<Type>`.
fn inside<'a>(ty: &'a Type, name: &str) -> Option<&'a Type> {
    match types_of(named(ty, name)?)?.as_slice() {
        [only] => Some(*only),
        _ => None,
    }
}

/// `key: User<'_>, rows: Group<Click<'_>>, out: &mut Out<Page<'_>>`: all borrow from the same call, so they get one name.
fn share_lifetime(function: &mut ItemFn) {
    let name = Lifetime::new("'call", Span::call_site());
    let mut shared = false;
    for input in &mut function.sig.inputs {
        let FnArg::Typed(argument) = input else { continue };
        shared |= names::name_elided(&mut argument.ty, &name);
        let Type::Path(path) = &mut *argument.ty else { continue };
        let Some(last) = path.path.segments.last_mut().filter(|last| last.ident == "Group") else { continue };
        let PathArguments::AngleBracketed(arguments) = &mut last.arguments else { continue };
        if !arguments.args.iter().any(|argument| matches!(argument, GenericArgument::Lifetime(_))) {
            arguments.args.insert(0, GenericArgument::Lifetime(name.clone()));
            shared = true;
        }
    }
    if shared {
        function.sig.generics.params.insert(0, parse_quote!(#name));
    }
}

fn arguments(function: &ItemFn) -> Result<Arguments> {
    let signature = &function.sig;
    let mut typed = Vec::new();
    for input in &signature.inputs {
        match input {
            FnArg::Typed(argument) => typed.push(&*argument.ty),
            FnArg::Receiver(receiver) => {
                let help =
                    format!("a keyed operator is a free function without `self`: what it keeps is in `state`; {SHAPE}");
                return Err(Error::new_spanned(receiver, help));
            }
        }
    }
    let [key, state, rows, rest @ ..] = typed.as_slice() else {
        let missing = ["a key, a struct with `#[derive(Row)]`", "a state", "the rows of the key"];
        let missing = missing.get(typed.len()).copied().unwrap_or_default();
        return Err(Error::new(
            signature.paren_token.span.join(),
            format!("a keyed operator needs {missing}: {SHAPE}"),
        ));
    };
    if let Type::Reference(reference) = key {
        return Err(Error::new_spanned(reference, "the key is given by value: remove the `&`"));
    }
    let mut arguments = Arguments {
        key: (*key).clone(),
        state: state_type(state)?.clone(),
        row: row_type(rows)?.clone(),
        out: parse_quote!(()),
        options: None,
        rest: Vec::new(),
    };
    for ty in rest {
        arguments.extra(ty)?;
    }
    if arguments.rest.contains(&Extra::Out) {
        return Ok(arguments);
    }
    Err(Error::new(
        signature.paren_token.span.join(),
        format!("a keyed operator needs `out: &mut Out<Row>`, by which rows leave: {SHAPE}"),
    ))
}

fn state_type(ty: &Type) -> Result<&Type> {
    let help = "the state is `&mut Option<State>`, a struct with `#[derive(State)]`: `None` before the first row, and to delete it";
    match ty {
        Type::Reference(reference) if reference.mutability.is_some() => {
            inside(&reference.elem, "Option").ok_or_else(|| Error::new_spanned(ty, help))
        }
        _ => Err(Error::new_spanned(ty, help)),
    }
}

fn row_type(ty: &Type) -> Result<&Type> {
    inside(ty, "Group").ok_or_else(|| {
        Error::new_spanned(
            ty,
            "the rows of the key come as `Group<Row>`, by value; `Row` is a struct with `#[derive(Row)]` that names the columns it reads",
        )
    })
}

impl Arguments {
    fn extra(&mut self, ty: &Type) -> Result<()> {
        let refuse = |tokens: &dyn ToTokens, help: &str| Err(Error::new(tokens.to_token_stream().span(), help));
        let Type::Reference(reference) = ty else {
            return refuse(
                ty,
                "timers, out, options and context are given by reference: write `&mut Timers`, `&mut Out<Row>`, `&Options`, `&Context`",
            );
        };
        let (elem, is_mutable) = (&*reference.elem, reference.mutability.is_some());
        let extra = if named(elem, "Timers").is_some() {
            Extra::Timers
        } else if named(elem, "Out").is_some() {
            let Some(out) = inside(elem, "Out") else {
                return refuse(elem, "say what leaves: `Out<Row>`, or `Out<Ports>` for several outputs");
            };
            self.out = out.clone();
            Extra::Out
        } else if named(elem, "Context").is_some() {
            Extra::Context
        } else {
            self.options = Some(elem.clone());
            Extra::Options
        };
        match (extra, is_mutable) {
            (Extra::Timers | Extra::Out, false) => return refuse(ty, "timers and out are changed: write `&mut`"),
            (Extra::Options | Extra::Context, true) => {
                return refuse(
                    &reference.mutability,
                    "options and context never change: remove `mut`; what is kept is in `state`",
                );
            }
            _ => {}
        }
        if self.rest.contains(&extra) {
            return refuse(ty, "this argument is one too many: there is one of its kind already");
        }
        self.rest.push(extra);
        Ok(())
    }
}
