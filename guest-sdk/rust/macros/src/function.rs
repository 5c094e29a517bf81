//! A function as an operator: what the macros of all kinds share.
//!
//! [`Operator`] is the unit struct that the function becomes. [`Shape`] reads the arguments of kinds that see one key at a time; a
//! transform, which sees one row, reads its own.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{
    Error, FnArg, GenericArgument, GenericParam, ItemFn, Lifetime, Path, PathArguments, Result, ReturnType, Signature,
    Type, parse::Parser, parse_quote, spanned::Spanned,
};

use crate::{
    names,
    passing::{ARGUMENTS, Passing},
};

/// What a function becomes: a unit struct of the same name, the trait of its kind, and what exports it.
pub struct Operator<'a> {
    pub function: &'a ItemFn,
    pub passing: &'a Passing,
    pub options: Option<&'a Type>,
    /// The trait of its kind in `pelton_guest::macros`, and what its `describe` answers.
    pub kind: Ident,
    pub description: Ident,
    /// The rest of the trait: types beside the options, `describe` and `run`.
    pub items: TokenStream,
    /// Items beside the trait.
    pub beside: TokenStream,
    /// The call of the macro that exports it.
    pub export: TokenStream,
}

impl Operator<'_> {
    pub fn tokens(&self) -> TokenStream {
        let Self { function, kind, description, items, beside, export, .. } = self;
        let (vis, name) = (&function.vis, &function.sig.ident);
        let docs = function.attrs.iter().filter(|attribute| attribute.path().is_ident("doc"));
        let options = self.options.map_or_else(|| quote!(::pelton_guest::macros::NoOptions), ToTokens::to_token_stream);
        let (passing, event_time) = (self.passing.tokens(), self.passing.event_time_tokens());
        quote! {
            #(#docs)*
            #[allow(non_camel_case_types)]
            #[derive(Clone, Copy, Debug)]
            #vis struct #name;

            const _: () = {
                #[allow(clippy::needless_lifetimes)]
                #function

                #[automatically_derived]
                impl ::pelton_guest::macros::#kind for #name {
                    type Options = #options;
                    const PASSING: ::pelton_guest::macros::Passing = #passing;
                    const EVENT_TIME: ::core::option::Option<&'static str> = #event_time;

                    #items
                }

                #beside

                #[cfg(target_arch = "wasm32")]
                #export

                // Natively nothing is exported; this keeps the compiler from calling all of it unused.
                #[cfg(not(target_arch = "wasm32"))]
                const _: fn() -> ::pelton_guest::macros::#description =
                    <#name as ::pelton_guest::macros::#kind>::describe;
            };
        }
    }
}

/// Refuses functions that no operator can be; `what` names the kind.
pub fn check_signature(signature: &Signature, what: &str) -> Result<()> {
    let refuse =
        |tokens: &dyn ToTokens, help: &str| Err(Error::new(tokens.to_token_stream().span(), format!("{what} {help}")));
    if let Some(token) = &signature.asyncness {
        return refuse(
            token,
            "cannot be async: it does no I/O and has nothing to wait for; to ask the outside world, write an `enrich` operator",
        );
    }
    if let Some(token) = &signature.unsafety {
        return refuse(token, "cannot be unsafe: the host calls it; put `unsafe` in its body");
    }
    if let Some(abi) = &signature.abi {
        return refuse(abi, "is a plain `fn`: the macro exports it");
    }
    if let Some(token) = &signature.constness {
        return refuse(token, "is a plain `fn`: remove `const`");
    }
    if let Some(parameter) = signature.generics.params.iter().find(|p| !matches!(p, GenericParam::Lifetime(_))) {
        return refuse(parameter, "cannot be generic: its columns must be known when the module is built");
    }
    Ok(())
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
pub fn inside<'a>(ty: &'a Type, name: &str) -> Option<&'a Type> {
    match types_of(named(ty, name)?)?.as_slice() {
        [only] => Some(*only),
        _ => None,
    }
}

/// The row type of `Group<Row>`; `rows` says whose rows they are.
pub fn row_type<'a>(ty: &'a Type, rows: &str) -> Result<&'a Type> {
    inside(ty, "Group").ok_or_else(|| {
        Error::new_spanned(
            ty,
            format!(
                "{rows} come as `Group<Row>`, by value; `Row` is a struct with `#[derive(Row)]` that names the columns it reads"
            ),
        )
    })
}

/// How a function that sees one key at a time is written.
pub struct Shape {
    /// The kind, with its article.
    pub what: &'static str,
    /// The type by which rows leave.
    pub out: &'static str,
    pub has_timers: bool,
    /// Where it keeps what it keeps.
    pub keeps: &'static str,
    /// All of it, as a sentence.
    pub sentence: &'static str,
}

/// The arguments that follow the rows.
pub struct Extras {
    /// What leaves.
    pub out: Type,
    pub options: Option<Type>,
    order: Vec<Extra>,
}

#[derive(Clone, Copy, PartialEq)]
enum Extra {
    Timers,
    Out,
    Options,
    Context,
}

impl Shape {
    /// What stands in the attribute's brackets.
    pub fn passing(&self, attributes: TokenStream) -> Result<Passing> {
        let mut passing = Passing::default();
        syn::meta::parser(|meta| match passing.parse(&meta)? {
            true => Ok(()),
            false => Err(meta.error(format!("{} takes {ARGUMENTS}; the key passes if nothing is said", self.what))),
        })
        .parse2(attributes)?;
        Ok(passing)
    }

    /// Refuses a function that cannot be of this kind, and gives what it borrows one lifetime.
    pub fn prepare(&self, function: &mut ItemFn) -> Result<()> {
        check_signature(&function.sig, self.what)?;
        self.check_output(&function.sig.output)?;
        share_lifetime(function);
        Ok(())
    }

    /// Nothing, or a `Result<(), E>`.
    fn check_output(&self, output: &ReturnType) -> Result<()> {
        let ReturnType::Type(_, ty) = output else { return Ok(()) };
        let is_unit = |ty: &Type| matches!(ty, Type::Tuple(tuple) if tuple.elems.is_empty());
        let is_result =
            named(ty, "Result").and_then(types_of).is_some_and(|types| types.first().copied().is_some_and(is_unit));
        if is_unit(ty) || is_result {
            return Ok(());
        }
        let what = self.what;
        Err(Error::new_spanned(
            ty,
            format!(
                "{what} returns nothing, or a Result<(), E> whose error stops the job: rows leave by `out.emit(row)`"
            ),
        ))
    }

    /// The types of all arguments: the key, the two that `missing` names, and the rest.
    pub fn arguments<'a>(
        &self,
        function: &'a ItemFn,
        missing: [&str; 2],
    ) -> Result<(&'a Type, [&'a Type; 2], Vec<&'a Type>)> {
        let Self { what, keeps, sentence, .. } = self;
        let mut typed = Vec::new();
        for input in &function.sig.inputs {
            match input {
                FnArg::Typed(argument) => typed.push(&*argument.ty),
                FnArg::Receiver(receiver) => {
                    let help = format!("{what} is a free function without `self`: {keeps}; {sentence}");
                    return Err(Error::new_spanned(receiver, help));
                }
            }
        }
        let [key, first, second, rest @ ..] = typed.as_slice() else {
            let [first, second] = missing;
            let missing = ["a key, a struct with `#[derive(Row)]`", first, second];
            let missing = missing.get(typed.len()).copied().unwrap_or_default();
            return Err(Error::new(
                function.sig.paren_token.span.join(),
                format!("{what} needs {missing}: {sentence}"),
            ));
        };
        if let Type::Reference(reference) = key {
            return Err(Error::new_spanned(reference, "the key is given by value: remove the `&`"));
        }
        Ok((*key, [*first, *second], rest.to_vec()))
    }

    /// Reads what follows the rows.
    pub fn extras(&self, function: &ItemFn, rest: &[&Type]) -> Result<Extras> {
        let mut extras = Extras { out: parse_quote!(()), options: None, order: Vec::new() };
        for ty in rest {
            let extra = self.extra(ty, &mut extras)?;
            if extras.order.contains(&extra) {
                return Err(Error::new_spanned(ty, "this argument is one too many: there is one of its kind already"));
            }
            extras.order.push(extra);
        }
        if extras.order.contains(&Extra::Out) {
            return Ok(extras);
        }
        let Self { what, out, sentence, .. } = self;
        Err(Error::new(
            function.sig.paren_token.span.join(),
            format!("{what} needs `out: &mut {out}<Row>`, by which rows leave: {sentence}"),
        ))
    }

    fn extra(&self, ty: &Type, extras: &mut Extras) -> Result<Extra> {
        let refuse = |tokens: &dyn ToTokens, help: &str| Err(Error::new(tokens.to_token_stream().span(), help));
        let Self { what, out, keeps, has_timers, .. } = self;
        let (timers, timers_type) = if *has_timers { ("timers, ", "`&mut Timers`, ") } else { ("", "") };
        let Type::Reference(reference) = ty else {
            let help = format!(
                "{timers}out, options and context are given by reference: write {timers_type}`&mut {out}<Row>`, `&Options`, `&Context`"
            );
            return refuse(ty, &help);
        };
        let (elem, is_mutable) = (&*reference.elem, reference.mutability.is_some());
        let extra = if named(elem, "Timers").is_some() {
            if !has_timers {
                return refuse(ty, &format!("{what} has no timers: {keeps}"));
            }
            Extra::Timers
        } else if named(elem, out).is_some() {
            let Some(leaves) = inside(elem, out) else {
                return refuse(elem, &format!("say what leaves: `{out}<Row>`, or `{out}<Ports>` for several outputs"));
            };
            extras.out = leaves.clone();
            Extra::Out
        } else if named(elem, "Out").or(named(elem, "Joined")).is_some() {
            return refuse(elem, &format!("rows of {what} leave by `&mut {out}<Row>`"));
        } else if named(elem, "Context").is_some() {
            Extra::Context
        } else {
            extras.options = Some(elem.clone());
            Extra::Options
        };
        match (extra, is_mutable) {
            (Extra::Timers | Extra::Out, false) => refuse(ty, "timers and out are changed: write `&mut`"),
            (Extra::Options | Extra::Context, true) => {
                refuse(&reference.mutability, &format!("options and context never change: remove `mut`; {keeps}"))
            }
            _ => Ok(extra),
        }
    }
}

impl Extras {
    /// What the function is given for each, by the names that they have in `run`.
    pub fn given(&self) -> impl Iterator<Item = TokenStream> {
        self.order.iter().map(|extra| match extra {
            Extra::Timers => quote!(timers),
            Extra::Out => quote!(out),
            Extra::Options => quote!(options),
            Extra::Context => quote!(context),
        })
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
