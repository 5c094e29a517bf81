//! A function as an operator: what the macros of all kinds share.
//!
//! [`Operator`] is the unit struct that the function becomes. [`Shape`] reads the arguments of kinds that see one key at a time; a
//! transform, which sees one row, reads its own.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{
    Error, FnArg, GenericArgument, GenericParam, ItemFn, Lifetime, Pat, PatType, Path, PathArguments, Result,
    ReturnType, Signature, Type, parse::Parser, parse_quote, spanned::Spanned,
};

use crate::{
    accumulator, names,
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
    /// Whether it may keep lists and maps.
    pub has_tables: bool,
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
    /// Lists and maps, by name.
    pub tables: Vec<(String, Type)>,
    order: Vec<Extra>,
}

#[derive(Clone, Copy, PartialEq)]
enum Extra {
    Timers,
    Out,
    Options,
    Context,
    /// The list or map of this number.
    Table(usize),
}

impl Shape {
    /// What stands in the attribute's brackets.
    pub fn passing(&self, attributes: TokenStream) -> Result<Passing> {
        let mut passing = Passing::default();
        syn::meta::parser(|meta| match passing.parse(&meta)? {
            true => Ok(()),
            false => Err(meta.error(self.wrong_argument(""))),
        })
        .parse2(attributes)?;
        Ok(passing)
    }

    /// Why an argument of the attribute is refused; `more` are those that this kind has besides, and a comma.
    pub fn wrong_argument(&self, more: &str) -> String {
        format!("{} takes {more}{ARGUMENTS}; the key passes if nothing is said", self.what)
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

    /// All arguments: the type of the key, the types of those that `missing` names, and the rest.
    pub fn arguments<'a, const N: usize>(
        &self,
        function: &'a ItemFn,
        missing: [&str; N],
    ) -> Result<(&'a Type, [&'a Type; N], Vec<&'a PatType>)> {
        let Self { what, keeps, sentence, .. } = self;
        let mut typed = Vec::new();
        for input in &function.sig.inputs {
            match input {
                FnArg::Typed(argument) => typed.push(argument),
                FnArg::Receiver(receiver) => {
                    let help = format!("{what} is a free function without `self`: {keeps}; {sentence}");
                    return Err(Error::new_spanned(receiver, help));
                }
            }
        }
        let split = typed.split_first().and_then(|(key, others)| Some((key, others.split_first_chunk::<N>()?)));
        let Some((key, (wanted, rest))) = split else {
            let mut all = std::iter::once("a key, a struct with `#[derive(Row)]`").chain(missing);
            let missing = all.nth(typed.len()).unwrap_or_default();
            return Err(Error::new(
                function.sig.paren_token.span.join(),
                format!("{what} needs {missing}: {sentence}"),
            ));
        };
        if let Type::Reference(reference) = &*key.ty {
            return Err(Error::new_spanned(reference, "the key is given by value: remove the `&`"));
        }
        Ok((&key.ty, wanted.map(|argument| &*argument.ty), rest.to_vec()))
    }

    /// Reads what follows the rows.
    pub fn extras(&self, function: &ItemFn, rest: &[&PatType]) -> Result<Extras> {
        let mut extras = Extras { out: parse_quote!(()), options: None, tables: Vec::new(), order: Vec::new() };
        for argument in rest {
            let extra = self.extra(argument, &mut extras)?;
            if extras.order.contains(&extra) {
                return Err(Error::new_spanned(
                    &argument.ty,
                    "this argument is one too many: there is one of its kind already",
                ));
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

    fn extra(&self, argument: &PatType, extras: &mut Extras) -> Result<Extra> {
        let ty = &*argument.ty;
        let refuse = |tokens: &dyn ToTokens, help: &str| Err(Error::new(tokens.to_token_stream().span(), help));
        let Self { what, out, keeps, has_timers, has_tables, .. } = self;
        let (timers, timers_type) = if *has_timers { ("timers, ", "`&mut Timers`, ") } else { ("", "") };
        let Type::Reference(reference) = ty else {
            if *has_tables && table_kind(ty).is_some() {
                return refuse(ty, "lists and maps are given by reference: write `&mut`");
            }
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
        } else if let Some(kind) = table_kind(elem) {
            if !has_tables {
                return refuse(ty, &format!("{what} has no lists and maps: {keeps}"));
            }
            if names::borrows(elem) {
                return refuse(elem, &accumulator::outlives("what is kept"));
            }
            if is_mutable {
                extras.tables.push((table_name(&argument.pat, kind)?, elem.clone()));
            }
            Extra::Table(extras.tables.len())
        } else if named(elem, "Context").is_some() {
            Extra::Context
        } else {
            extras.options = Some(elem.clone());
            Extra::Options
        };
        match (extra, is_mutable) {
            (Extra::Timers | Extra::Out, false) => refuse(ty, "timers and out are changed: write `&mut`"),
            (Extra::Table(_), false) => refuse(ty, "lists and maps are given to be changed: write `&mut`"),
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
            Extra::Table(number) => {
                // The first and the others, of which it is the first or another.
                let others = (1..*number).map(|_| quote!(.1));
                quote!(&mut tables #(#others)* .0)
            }
        })
    }
}

/// `List<Item>` and `Map<String, Item>`, as messages write them.
fn table_kind(ty: &Type) -> Option<&'static str> {
    let kinds = [("List", "List<Item>"), ("Map", "Map<String, Item>")];
    kinds.into_iter().find_map(|(name, kind)| named(ty, name).map(|_| kind))
}

/// The name of the table that an argument is; a leading `_` says only that it is not used.
fn table_name(argument: &Pat, kind: &str) -> Result<String> {
    let Pat::Ident(argument) = argument else {
        let help = format!("the argument's name is the table's: write `name: &mut {kind}`");
        return Err(Error::new_spanned(argument, help));
    };
    let name = names::plain(&argument.ident);
    Ok(name.strip_prefix('_').unwrap_or(&name).to_owned())
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
