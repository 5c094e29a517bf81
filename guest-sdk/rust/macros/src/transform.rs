//! `#[transform]`: a function as the module's operator.
//!
//! The function becomes a unit struct of the same name, which implements `Transform`, dereferences to the function (so that
//! it can still be called), and is exported from the module.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{
    Error, FnArg, GenericParam, ItemFn, Lifetime, PatType, Result, ReturnType, Signature, Type,
    parse::{Parse, ParseStream, Parser},
    parse_quote,
    spanned::Spanned,
    visit_mut::VisitMut,
};

use crate::{
    names,
    passing::{ARGUMENTS, Passing},
};

/// What stands in the attribute's brackets.
#[derive(Default)]
pub struct Attributes {
    columns: bool,
    passing: Passing,
}

impl Parse for Attributes {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut attributes = Self::default();
        syn::meta::parser(|meta| {
            if meta.path.is_ident("columns") {
                attributes.columns = true;
                Ok(())
            } else if attributes.passing.parse(&meta)? {
                Ok(())
            } else {
                Err(meta.error(format!("a transform takes `columns`, {ARGUMENTS}")))
            }
        })
        .parse2(input.parse()?)?;
        Ok(attributes)
    }
}

/// The arguments of the function, by what they are.
struct Arguments<'a> {
    row: &'a Type,
    /// After the row, in order.
    rest: Vec<Extra<'a>>,
}

enum Extra<'a> {
    Options(&'a Type),
    Context,
}

const SHAPE: &str = "a transform is `fn name(row: Row, options: &Options, ctx: &Context) -> Out`, where `options` and `ctx` may be left out";

pub fn expand(attributes: Attributes, mut function: ItemFn) -> Result<TokenStream> {
    check(&function)?;
    borrow_from_row(&mut function);
    let arguments = arguments(&function)?;
    let (vis, name) = (&function.vis, &function.sig.ident);
    let docs = function.attrs.iter().filter(|attribute| attribute.path().is_ident("doc"));
    let options = arguments.rest.iter().find_map(|extra| match extra {
        Extra::Options(ty) => Some(quote!(#ty)),
        Extra::Context => None,
    });
    let options = options.unwrap_or_else(|| quote!(::pelton_guest::macros::NoOptions));
    let passing = attributes.passing.tokens();
    let event_time = attributes.passing.event_time_tokens();
    let run = run(&attributes, &function, &arguments);
    let call = call(&function);
    Ok(quote! {
        #(#docs)*
        #[allow(non_camel_case_types)]
        #[derive(Clone, Copy, Debug)]
        #vis struct #name;

        const _: () = {
            #[allow(clippy::needless_lifetimes)]
            #function

            #[automatically_derived]
            impl ::pelton_guest::macros::Transform for #name {
                type Options = #options;
                const PASSING: ::pelton_guest::macros::Passing = #passing;
                const EVENT_TIME: ::core::option::Option<&'static str> = #event_time;

                #run
            }

            #call

            #[cfg(target_arch = "wasm32")]
            ::pelton_guest::__export!(#name);

            // Natively nothing is exported; this keeps the compiler from calling all of it unused.
            #[cfg(not(target_arch = "wasm32"))]
            const _: fn() -> ::pelton_guest::macros::Description =
                <#name as ::pelton_guest::macros::Transform>::describe;
        };
    })
}

/// Refuses functions that cannot be a transform.
fn check(function: &ItemFn) -> Result<()> {
    let signature = &function.sig;
    check_signature(signature, "a transform")?;
    if matches!(signature.output, ReturnType::Default) {
        return Err(Error::new(
            signature.paren_token.span.close(),
            "a transform returns what becomes of the row: a row (map), bool (filter), Option<row>, Vec<row> (flat-map), or a Result of one of these (reject)",
        ));
    }
    Ok(())
}

/// Refuses functions that no operator can be; `what` names the kind.
pub fn check_signature(signature: &Signature, what: &str) -> Result<()> {
    let refuse = |tokens: &dyn quote::ToTokens, help: &str| {
        Err(Error::new(tokens.to_token_stream().span(), format!("{what} {help}")))
    };
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

/// `fn(Line<'_>, &Options) -> Word<'_>`: what is returned can only borrow from the row, so both get one name.
fn borrow_from_row(function: &mut ItemFn) {
    let name = Lifetime::new("'row", Span::call_site());
    let Some(FnArg::Typed(row)) = function.sig.inputs.first_mut() else { return };
    let ReturnType::Type(_, output) = &mut function.sig.output else { return };
    let (mut named_row, mut named_output) = (row.ty.clone(), output.clone());
    if names::name_elided(&mut named_row, &name) && names::name_elided(&mut named_output, &name) {
        row.ty = named_row;
        *output = named_output;
        function.sig.generics.params.push(parse_quote!(#name));
    }
}

fn arguments(function: &ItemFn) -> Result<Arguments<'_>> {
    let mut typed = Vec::new();
    for input in &function.sig.inputs {
        match input {
            FnArg::Typed(argument) => typed.push(argument),
            FnArg::Receiver(receiver) => {
                return Err(Error::new_spanned(
                    receiver,
                    "a transform is a free function without `self`: a module keeps nothing between batches; options come as `options: &Options`",
                ));
            }
        }
    }
    let Some((row, rest)) = typed.split_first() else {
        return Err(Error::new(
            function.sig.paren_token.span.join(),
            format!("a transform needs a row, a struct with `#[derive(Row)]` that names the columns it reads: {SHAPE}"),
        ));
    };
    if let Type::Reference(reference) = &*row.ty {
        return Err(Error::new_spanned(reference, "the row is given by value: remove the `&`"));
    }
    let rest = rest.iter().map(|argument| extra(argument)).collect::<Result<Vec<_>>>()?;
    if let [Extra::Options(_), Extra::Options(second)] = rest.as_slice() {
        return Err(Error::new_spanned(second, format!("a transform has one row and one struct of options: {SHAPE}")));
    }
    if let Some(third) = typed.get(3) {
        return Err(Error::new_spanned(third, format!("this argument is one too many: {SHAPE}")));
    }
    if let [Extra::Context, Extra::Context] = rest.as_slice() {
        return Err(Error::new_spanned(&function.sig.inputs, format!("one context is enough: {SHAPE}")));
    }
    Ok(Arguments { row: &row.ty, rest })
}

fn extra(argument: &PatType) -> Result<Extra<'_>> {
    let Type::Reference(reference) = &*argument.ty else {
        return Err(Error::new_spanned(
            &argument.ty,
            format!("options and context are given by reference: write `&`; {SHAPE}"),
        ));
    };
    if let Some(token) = &reference.mutability {
        return Err(Error::new_spanned(token, "a module keeps nothing between rows: remove `mut`"));
    }
    match &*reference.elem {
        Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Context") => Ok(Extra::Context),
        ty => Ok(Extra::Options(ty)),
    }
}

/// `describe` and `run` of `Transform`.
fn run(attributes: &Attributes, function: &ItemFn, arguments: &Arguments<'_>) -> TokenStream {
    let name = &function.sig.ident;
    let row = names::inferred(arguments.row);
    let given = arguments.rest.iter().map(|extra| match extra {
        Extra::Options(_) => quote!(options),
        Extra::Context => quote!(context),
    });
    let called = wrap(&function.sig.output, quote!(#name(row #(, #given)*)));
    let unused = arguments.rest.iter().map(|_| quote!(::pelton_guest::macros::unused()));
    let uncalled = wrap(&function.sig.output, quote!(#name(row #(, #unused)*)));
    let returned = match &function.sig.output {
        ReturnType::Type(_, ty) => ty.span(),
        ReturnType::Default => function.sig.ident.span(),
    };
    let (described, run) = if attributes.columns {
        (
            quote_spanned!(row.span()=> ::pelton_guest::macros::describe_columns::<#row, _>),
            quote_spanned!(returned=> ::pelton_guest::macros::run_columns::<#row, _>(batch, |row| #called)),
        )
    } else {
        (
            quote_spanned!(row.span()=> ::pelton_guest::macros::describe_rows::<#row, _>),
            quote_spanned!(returned=> ::pelton_guest::macros::run_rows::<#row, _>(batch, context, |row| #called)),
        )
    };
    quote! {
        fn describe() -> ::pelton_guest::macros::Description {
            #described(|row| #uncalled)
        }

        #[allow(unused_variables)]
        fn run(
            batch: &::pelton_guest::macros::Batch,
            options: &Self::Options,
            context: &::pelton_guest::macros::Context,
        ) -> ::core::result::Result<::pelton_guest::macros::Answer, ::std::string::String> {
            #run
        }
    }
}

/// An `impl Iterator` cannot be told from a row by its traits, so it is wrapped where it is written.
pub fn wrap(output: &ReturnType, call: TokenStream) -> TokenStream {
    let ReturnType::Type(_, ty) = output else { return call };
    match &**ty {
        Type::ImplTrait(_) => quote!(::pelton_guest::macros::Each(#call)),
        ty if has_impl(ty) => quote!(#call.map(::pelton_guest::macros::Each)),
        _ => call,
    }
}

/// Whether a type contains `impl Trait`.
fn has_impl(ty: &Type) -> bool {
    struct Find(bool);
    impl VisitMut for Find {
        fn visit_type_impl_trait_mut(&mut self, _: &mut syn::TypeImplTrait) {
            self.0 = true;
        }
    }
    let mut find = Find(false);
    find.visit_type_mut(&mut ty.clone());
    find.0
}

/// `Deref` to the function. Not for those that return `impl Trait`, whose type has no name.
fn call(function: &ItemFn) -> TokenStream {
    let name = &function.sig.ident;
    let ReturnType::Type(_, output) = &function.sig.output else { return TokenStream::new() };
    if has_impl(output) {
        return TokenStream::new();
    }
    let lifetimes = function.sig.generics.params.iter().filter_map(|parameter| match parameter {
        GenericParam::Lifetime(parameter) => Some(&parameter.lifetime),
        _ => None,
    });
    let types = function.sig.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(argument) => Some(&argument.ty),
        FnArg::Receiver(_) => None,
    });
    quote! {
        #[automatically_derived]
        impl ::core::ops::Deref for #name {
            type Target = for<#(#lifetimes),*> fn(#(#types),*) -> #output;

            fn deref(&self) -> &Self::Target {
                const FUNCTION: &<#name as ::core::ops::Deref>::Target =
                    &(#name as <#name as ::core::ops::Deref>::Target);
                FUNCTION
            }
        }
    }
}
