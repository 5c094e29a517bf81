//! `#[enrich]`: a type with `ask` and `answer` as the module's operator.
//!
//! The functions stay as they are, and can be called; beside them the type implements `Enrich`, whose loops call them, and is
//! exported from the module.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{
    Error, FnArg, GenericParam, ImplItem, ImplItemFn, ItemImpl, Result, ReturnType, Type,
    parse::{Parse, ParseStream, Parser},
    spanned::Spanned,
};

use crate::{
    names,
    passing::{ARGUMENTS, Passing},
    transform,
};

const SHAPE: &str = "an enrich operator is `impl Type { fn ask(row: Row) -> Request { … } fn answer(row: Row, reply: &Reply) -> Out { … } }`, \
     and `options: &Options` and `ctx: &Context` may follow";

/// What stands in the attribute's brackets.
pub struct Attributes(Passing);

impl Parse for Attributes {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut passing = Passing::default();
        syn::meta::parser(|meta| match passing.parse(&meta)? {
            true => Ok(()),
            false => Err(meta.error(format!("an enrich operator takes {ARGUMENTS}"))),
        })
        .parse2(input.parse()?)?;
        Ok(Self(passing))
    }
}

/// What the attribute was put on is no `impl`.
pub fn not_an_impl(error: &Error) -> Error {
    Error::new(error.span(), format!("`#[enrich]` goes on an `impl`: {SHAPE}"))
}

/// One of the functions that the engine calls: what it takes after its row, and its reply.
struct Function<'a> {
    item: &'a ImplItemFn,
    row: &'a Type,
    rest: Vec<Extra<'a>>,
}

#[derive(Clone, Copy)]
enum Extra<'a> {
    Options(&'a Type),
    Context,
}

pub fn expand(attributes: &Attributes, item: &ItemImpl) -> Result<TokenStream> {
    let this = check(item)?;
    let ask = Function::find(item, "ask", 1, "ask(row: Row) -> Request`, which says what a row needs")?;
    let answer =
        Function::find(item, "answer", 2, "answer(row: Row, reply: &Reply) -> Out`, which makes rows of the reply")?;
    if !names::is_same(&names::inferred(ask.row), &names::inferred(answer.row)) {
        return Err(Error::new_spanned(
            answer.row,
            "`answer` is called with the rows that `ask` was: both take the same",
        ));
    }
    let options = options(&ask, &answer)?;
    let (passing, event_time) = (attributes.0.tokens(), attributes.0.event_time_tokens());
    let (row, question) = (names::inferred(ask.row), ask.returned_type()?);
    let (asked, answered) = (ask.passed(), answer.passed());
    let unused = (0..=answer.rest.len()).map(|_| quote!(::pelton_guest::macros::unused()));
    let described = transform::wrap(&answer.item.sig.output, quote!(<#this>::answer(row #(, #unused)*)));
    let made = transform::wrap(&answer.item.sig.output, quote!(<#this>::answer(row, reply #answered)));
    let described = quote_spanned!(row.span()=> ::pelton_guest::macros::describe_rows::<#row, _>(|row| #described));
    let asks = quote_spanned! {question.span()=>
        ::pelton_guest::macros::ask_rows::<#row, #question>(batch, context, |row| <#this>::ask(row #asked))
    };
    let answers = quote_spanned! {answer.returned()=>
        ::pelton_guest::macros::run_enrich::<#row, #question, _>(batch, context, replies, |row, reply| #made)
    };
    Ok(quote! {
        #item

        const _: () = {
            #[automatically_derived]
            impl ::pelton_guest::macros::Enrich for #this {
                type Options = #options;
                const PASSING: ::pelton_guest::macros::Passing = #passing;
                const EVENT_TIME: ::core::option::Option<&'static str> = #event_time;

                fn describe() -> ::pelton_guest::macros::Description {
                    #described
                }

                #[allow(unused_variables)]
                fn asks(
                    batch: &::pelton_guest::macros::Batch,
                    options: &Self::Options,
                    context: &::pelton_guest::macros::Context,
                ) -> ::core::result::Result<
                    ::std::vec::Vec<::core::option::Option<::pelton_guest::macros::Request>>,
                    ::std::string::String,
                > {
                    #asks
                }

                #[allow(unused_variables)]
                fn answers(
                    batch: &::pelton_guest::macros::Batch,
                    replies: &::pelton_guest::macros::Replies,
                    options: &Self::Options,
                    context: &::pelton_guest::macros::Context,
                ) -> ::core::result::Result<::pelton_guest::macros::Answer, ::std::string::String> {
                    #answers
                }
            }

            #[cfg(target_arch = "wasm32")]
            ::pelton_guest::__export_enrich!(#this);

            // Natively nothing is exported; this keeps the compiler from calling all of it unused.
            #[cfg(not(target_arch = "wasm32"))]
            const _: fn() -> ::pelton_guest::macros::Description = <#this as ::pelton_guest::macros::Enrich>::describe;
        };
    })
}

/// Refuses blocks that cannot be an enrich operator; the name of the type.
fn check(item: &ItemImpl) -> Result<&Type> {
    if let Some((_, path, _)) = &item.trait_ {
        return Err(Error::new_spanned(
            path,
            format!("an enrich operator needs no trait, only its functions: {SHAPE}"),
        ));
    }
    if let Some(parameter) = item.generics.params.first() {
        return Err(Error::new_spanned(
            parameter,
            "an enrich operator cannot be generic: its columns must be known when the module is built",
        ));
    }
    Ok(&item.self_ty)
}

/// The type of the options; both functions agree on it.
fn options(ask: &Function<'_>, answer: &Function<'_>) -> Result<TokenStream> {
    let mut found: Option<&Type> = None;
    for extra in ask.rest.iter().chain(&answer.rest) {
        match (extra, found) {
            (Extra::Options(ty), Some(first)) if !names::is_same(ty, first) => {
                return Err(Error::new_spanned(
                    ty,
                    "a module has one struct of options, and the other function takes another",
                ));
            }
            (Extra::Options(ty), _) => found = Some(ty),
            (Extra::Context, _) => {}
        }
    }
    Ok(found.map_or_else(|| quote!(::pelton_guest::macros::NoOptions), |ty| quote!(#ty)))
}

impl<'a> Function<'a> {
    /// The function `name`, which takes `own` arguments of its own.
    fn find(item: &'a ItemImpl, name: &str, own: usize, help: &str) -> Result<Self> {
        let found = item.items.iter().find_map(|item| match item {
            ImplItem::Fn(function) if function.sig.ident == name => Some(function),
            _ => None,
        });
        let found = found.ok_or_else(|| {
            Error::new_spanned(&item.self_ty, format!("the enrich operator has no `{name}`: it needs `fn {help}"))
        })?;
        let types = arguments(found)?;
        let Some((given, rest)) = types.split_at_checked(own) else {
            let missing = if types.is_empty() { "a row, a struct with `#[derive(Row)]`" } else { "the reply" };
            let message = format!("`{name}` needs {missing}: {SHAPE}");
            return Err(Error::new(found.sig.paren_token.span.join(), message));
        };
        let Some(row) = given.first() else { unreachable!("each takes a row") };
        if let Type::Reference(reference) = row {
            return Err(Error::new_spanned(reference, "the row is given by value: remove the `&`"));
        }
        if matches!(found.sig.output, ReturnType::Default) {
            return Err(Error::new(found.sig.paren_token.span.close(), format!("`{name}` returns something: {SHAPE}")));
        }
        Ok(Self { item: found, row, rest: extras(rest)? })
    }

    fn returned_type(&self) -> Result<Type> {
        match &self.item.sig.output {
            ReturnType::Type(_, ty) if !matches!(**ty, Type::ImplTrait(_)) => Ok(names::inferred(ty)),
            output => Err(Error::new_spanned(output, "`ask` returns a `Request`, or an `Option<Request>`")),
        }
    }

    /// What is written after its own arguments in a call.
    fn passed(&self) -> TokenStream {
        let passed = self.rest.iter().map(|extra| match extra {
            Extra::Options(_) => quote!(options),
            Extra::Context => quote!(context),
        });
        quote!(#(, #passed)*)
    }

    fn returned(&self) -> proc_macro2::Span {
        match &self.item.sig.output {
            ReturnType::Type(_, ty) => ty.span(),
            ReturnType::Default => self.item.sig.ident.span(),
        }
    }
}

/// The types of all arguments. There is no `self`.
fn arguments(function: &ImplItemFn) -> Result<Vec<&Type>> {
    let signature = &function.sig;
    let name = &signature.ident;
    if let Some(token) = &signature.asyncness {
        let help = format!(
            "`{name}` cannot be async: the engine sends what `ask` returns, and calls `answer` with the replies"
        );
        return Err(Error::new_spanned(token, help));
    }
    if let Some(parameter) = signature.generics.params.iter().find(|p| !matches!(p, GenericParam::Lifetime(_))) {
        let help = format!("`{name}` cannot be generic: its columns must be known when the module is built");
        return Err(Error::new_spanned(parameter, help));
    }
    let typed = signature.inputs.iter().map(|input| match input {
        FnArg::Typed(argument) => Ok(&*argument.ty),
        FnArg::Receiver(receiver) => Err(Error::new_spanned(
            receiver,
            format!(
                "`{name}` takes no `self`: a module keeps nothing between batches; options come as `options: &Options`"
            ),
        )),
    });
    typed.collect()
}

fn extras<'a>(types: &[&'a Type]) -> Result<Vec<Extra<'a>>> {
    let mut extras: Vec<Extra<'a>> = Vec::new();
    for ty in types {
        let Type::Reference(reference) = ty else {
            return Err(Error::new_spanned(ty, "options and context are given by reference: write `&`"));
        };
        if let Some(token) = &reference.mutability {
            return Err(Error::new_spanned(token, "a module keeps nothing between rows: remove `mut`"));
        }
        let extra = match &*reference.elem {
            Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Context") => Extra::Context,
            ty => Extra::Options(ty),
        };
        if extras.iter().any(|other| std::mem::discriminant(other) == std::mem::discriminant(&extra)) {
            return Err(Error::new_spanned(ty, "this argument is one too many: there is one of its kind already"));
        }
        extras.push(extra);
    }
    Ok(extras)
}
