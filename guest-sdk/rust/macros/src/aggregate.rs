//! `#[aggregate]`: a type with `add`, `merge` and `finish` as the module's operator.
//!
//! The functions stay as they are, and can be called; beside them the type implements `Aggregate`, whose loops call them, and is
//! exported from the module.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{
    Error, FnArg, GenericParam, Ident, ImplItem, ImplItemFn, ItemImpl, Receiver, Result, ReturnType, Type,
    parse::{Parse, ParseStream, Parser},
    spanned::Spanned,
};

use crate::{names, transform};

const SHAPE: &str = "an aggregate is `impl Type { fn add(&mut self, row: Row) { … } fn merge(&mut self, later: Self) { … } fn finish(self) -> Out { … } }`";

/// What stands in the attribute's brackets.
#[derive(Default)]
pub struct Attributes {
    ordered: bool,
}

impl Parse for Attributes {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut attributes = Self::default();
        syn::meta::parser(|meta| {
            if !meta.path.is_ident("ordered") {
                return Err(meta.error("an aggregate takes `ordered` and nothing else"));
            }
            attributes.ordered = true;
            Ok(())
        })
        .parse2(input.parse()?)?;
        Ok(attributes)
    }
}

/// What the attribute was put on is no `impl`.
pub fn not_an_impl(error: &Error) -> Error {
    Error::new(error.span(), format!("`#[aggregate]` goes on an `impl`: {SHAPE}"))
}

/// The functions that the engine calls.
struct Functions<'a> {
    add: Function<'a>,
    merge: Function<'a>,
    finish: Function<'a>,
    retract: Option<Function<'a>>,
}

/// One of them: what it takes after `self`.
struct Function<'a> {
    item: &'a ImplItemFn,
    /// The row, or the later accumulator.
    given: Option<&'a Type>,
    rest: Vec<Extra<'a>>,
}

#[derive(Clone, Copy)]
enum Extra<'a> {
    Options(&'a Type),
    Context,
    Window,
}

pub fn expand(attributes: Attributes, item: &ItemImpl) -> Result<TokenStream> {
    let this = check(item)?;
    let functions = Functions::find(item)?;
    let options = functions.options()?;
    let ordered = attributes.ordered;
    let describe = functions.describe(this);
    let fold = functions.add.fold(this, "fold");
    let combine = functions.merge.combine(this);
    let answer = functions.finish.answer(this);
    let retractable = functions.retract.as_ref().map(|retract| {
        let unfold = retract.fold(this, "unfold");
        quote! {
            #[automatically_derived]
            impl ::pelton_guest::macros::Retractable for #this { #unfold }
        }
    });
    let retracts = functions.retract.is_some();
    let export = if retracts { quote!(export_retractable_fold) } else { quote!(export_fold) };
    Ok(quote! {
        #item

        const _: () = {
            #[automatically_derived]
            impl ::pelton_guest::macros::Aggregate for #this {
                type Options = #options;
                const ORDERED: bool = #ordered;
                const RETRACTS: bool = #retracts;

                #describe
                #fold
                #combine
                #answer
            }

            #retractable

            ::pelton_guest::#export!(::pelton_guest::macros::Opened<#this>);
        };
    })
}

/// Refuses blocks that cannot be an aggregate; the name of the type.
fn check(item: &ItemImpl) -> Result<&Type> {
    if let Some((_, path, _)) = &item.trait_ {
        return Err(Error::new_spanned(path, format!("an aggregate needs no trait, only its functions: {SHAPE}")));
    }
    if let Some(parameter) = item.generics.params.first() {
        return Err(Error::new_spanned(
            parameter,
            "an aggregate cannot be generic: its columns must be known when the module is built",
        ));
    }
    Ok(&item.self_ty)
}

impl<'a> Functions<'a> {
    fn find(item: &'a ItemImpl) -> Result<Self> {
        let named = |name: &str| {
            item.items.iter().find_map(|item| match item {
                ImplItem::Fn(function) if function.sig.ident == name => Some(function),
                _ => None,
            })
        };
        let needed = |name: &str, help: &str| {
            named(name).ok_or_else(|| {
                Error::new_spanned(&item.self_ty, format!("the aggregate has no `{name}`: it needs `fn {help}"))
            })
        };
        let add = needed(
            "add",
            "add(&mut self, row: Row)`, which folds a row into it; a row is a struct with `#[derive(Row)]`",
        )?;
        let merge = needed(
            "merge",
            "merge(&mut self, later: Self)`, because parts of a group are folded apart, and windows are put together from panes",
        )?;
        let finish =
            needed("finish", "finish(self) -> Out`, which makes the result; `Out` is a struct with `#[derive(Row)]`")?;
        let (add, retract) = (Function::of_row(add)?, named("retract").map(Function::of_row).transpose()?);
        if let Some((folded, taken_back)) = add.given.zip(retract.as_ref().and_then(|retract| retract.given))
            && !names::is_same(folded, taken_back)
        {
            return Err(Error::new_spanned(
                taken_back,
                "`retract` takes back the rows that `add` folded: both take the same",
            ));
        }
        let (merge, finish) = (Function::of_later(merge, &item.self_ty)?, Function::of_result(finish)?);
        Ok(Self { add, merge, finish, retract })
    }

    fn all(&self) -> impl Iterator<Item = &Function<'a>> {
        [&self.add, &self.merge, &self.finish].into_iter().chain(&self.retract)
    }

    /// The type of the options; all functions agree on it.
    fn options(&self) -> Result<TokenStream> {
        let mut found: Option<&Type> = None;
        for extra in self.all().flat_map(|function| &function.rest) {
            match (extra, found) {
                (Extra::Options(ty), Some(first)) if !names::is_same(ty, first) => {
                    return Err(Error::new_spanned(
                        ty,
                        "a module has one struct of options, and another function takes another",
                    ));
                }
                (Extra::Options(ty), _) => found = Some(ty),
                _ => {}
            }
        }
        Ok(found.map_or_else(|| quote!(::pelton_guest::macros::NoOptions), |ty| quote!(#ty)))
    }

    fn describe(&self, this: &Type) -> TokenStream {
        let row = self.add.given.map(names::inferred);
        let reads = quote_spanned!(row.span()=> ::pelton_guest::macros::reads::<#row>());
        let unused = self.finish.rest.iter().map(|_| quote!(::pelton_guest::macros::unused()));
        let made = quote!(<#this>::finish(accumulator #(, #unused)*));
        let made = transform::wrap(&self.finish.item.sig.output, made);
        let makes = quote_spanned! {self.finish.returned()=>
            ::pelton_guest::macros::makes::<Self, _>(|accumulator| #made)
        };
        quote! {
            fn describe() -> ::pelton_guest::macros::Description {
                ::pelton_guest::macros::Description { reads: #reads, ports: #makes }
            }
        }
    }
}

impl<'a> Function<'a> {
    /// `add` and `retract`.
    fn of_row(item: &'a ImplItemFn) -> Result<Self> {
        let name = &item.sig.ident;
        let arguments = arguments(item, Reference::Mutable)?;
        let Some((given, rest)) = arguments.split_first() else {
            return Err(Error::new(
                item.sig.paren_token.span.join(),
                format!(
                    "`{name}` takes a row, a struct with `#[derive(Row)]` that names the columns it reads: `fn {name}(&mut self, row: Row)`"
                ),
            ));
        };
        if let Type::Reference(reference) = given {
            return Err(Error::new_spanned(reference, "the row is given by value: remove the `&`"));
        }
        let function = Self { item, given: Some(given), rest: extras(rest)? };
        function.refuse_window()?;
        Ok(function)
    }

    fn of_later(item: &'a ImplItemFn, this: &Type) -> Result<Self> {
        let arguments = arguments(item, Reference::Mutable)?;
        let is_self =
            |ty: &Type| names::is_same(ty, this) || matches!(ty, Type::Path(path) if path.path.is_ident("Self"));
        match arguments.split_first() {
            Some((given, rest)) if is_self(given) => {
                let function = Self { item, given: Some(given), rest: extras(rest)? };
                function.refuse_window()?;
                match function.rest.iter().any(|extra| matches!(extra, Extra::Context)) {
                    true => Err(Error::new_spanned(
                        &item.sig.inputs,
                        "`merge` has no batch and so no context: remove `ctx`",
                    )),
                    false => Ok(function),
                }
            }
            Some((given, _)) => Err(Error::new_spanned(
                given,
                "`merge` takes the later accumulator by value: `fn merge(&mut self, later: Self)`",
            )),
            None => Err(Error::new(
                item.sig.paren_token.span.join(),
                "`merge` takes the later accumulator: `fn merge(&mut self, later: Self)`",
            )),
        }
    }

    fn of_result(item: &'a ImplItemFn) -> Result<Self> {
        let arguments = arguments(item, Reference::None)?;
        if matches!(item.sig.output, ReturnType::Default) {
            return Err(Error::new(
                item.sig.paren_token.span.close(),
                "`finish` returns the result: a struct with `#[derive(Row)]`, an Option of it (no result), or a Vec of it (several)",
            ));
        }
        let rest = extras(&arguments)?;
        if rest.iter().any(|extra| matches!(extra, Extra::Context)) {
            return Err(Error::new_spanned(
                &item.sig.inputs,
                "`finish` sees no rows and so no context: take `window: &Window` to know the window",
            ));
        }
        Ok(Self { item, given: None, rest })
    }

    fn refuse_window(&self) -> Result<()> {
        if self.rest.iter().any(|extra| matches!(extra, Extra::Window)) {
            return Err(Error::new_spanned(
                &self.item.sig.inputs,
                "only `finish` knows the window: until then, parts of one accumulator may go to several",
            ));
        }
        Ok(())
    }

    /// What is written after the first argument of a call.
    fn passed(&self) -> TokenStream {
        let passed = self.rest.iter().map(|extra| match extra {
            Extra::Options(_) => quote!(options),
            Extra::Context => quote!(context),
            Extra::Window => quote!(window),
        });
        quote!(#(, #passed)*)
    }

    /// `fold` of `Aggregate`, or `unfold` of `Retractable`.
    fn fold(&self, this: &Type, name: &str) -> TokenStream {
        let name = Ident::new(name, self.item.sig.ident.span());
        let (function, passed) = (&self.item.sig.ident, self.passed());
        let row = self.given.map(names::inferred);
        let call = quote_spanned! {self.returned()=>
            ::pelton_guest::macros::fold::<#row, _, _>(arrived, slots, accumulators, context, |accumulator, row| {
                <#this>::#function(accumulator, row #passed)
            })
        };
        quote! {
            #[allow(unused_variables)]
            fn #name(
                arrived: &::pelton_guest::macros::Arrived,
                slots: &[u32],
                accumulators: &mut [Self],
                options: &<Self as ::pelton_guest::macros::Aggregate>::Options,
                context: &::pelton_guest::macros::Context,
            ) -> ::core::result::Result<(), ::std::string::String> {
                #call
            }
        }
    }

    fn combine(&self, this: &Type) -> TokenStream {
        let passed = self.passed();
        let done =
            quote_spanned!(self.returned()=> ::pelton_guest::macros::Done::done(<#this>::merge(self, later #passed)));
        quote! {
            #[allow(unused_variables, clippy::unit_arg)]
            fn combine(
                &mut self,
                later: Self,
                options: &Self::Options,
            ) -> ::core::result::Result<(), ::std::string::String> {
                #done
            }
        }
    }

    fn answer(&self, this: &Type) -> TokenStream {
        let passed = self.passed();
        let made = transform::wrap(&self.item.sig.output, quote!(<#this>::finish(accumulator #passed)));
        let finish = quote_spanned! {self.returned()=>
            ::pelton_guest::macros::finish_aggregate(accumulators, windows, |accumulator, window| #made)
        };
        quote! {
            #[allow(unused_variables)]
            fn answer(
                accumulators: ::std::vec::Vec<Self>,
                windows: &::pelton_guest::macros::Windows,
                options: &Self::Options,
            ) -> ::core::result::Result<::pelton_guest::macros::Answer, ::std::string::String> {
                #finish
            }
        }
    }

    /// Where the function says what it returns.
    fn returned(&self) -> proc_macro2::Span {
        match &self.item.sig.output {
            ReturnType::Type(_, ty) => ty.span(),
            ReturnType::Default => self.item.sig.ident.span(),
        }
    }
}

/// How a function takes its accumulator.
#[derive(PartialEq)]
enum Reference {
    Mutable,
    None,
}

/// The arguments after `self`, which must be there.
fn arguments(function: &ImplItemFn, reference: Reference) -> Result<Vec<&Type>> {
    let signature = &function.sig;
    let name = &signature.ident;
    let (written, fits): (&str, fn(&Receiver) -> bool) = match reference {
        Reference::Mutable => ("&mut self", |receiver| receiver.reference.is_some() && receiver.mutability.is_some()),
        Reference::None => ("self", |receiver| receiver.reference.is_none()),
    };
    if let Some(token) = &signature.asyncness {
        return Err(Error::new_spanned(
            token,
            format!("`{name}` cannot be async: it does no I/O and has nothing to wait for"),
        ));
    }
    if let Some(parameter) = signature.generics.params.iter().find(|p| !matches!(p, GenericParam::Lifetime(_))) {
        return Err(Error::new_spanned(
            parameter,
            format!("`{name}` cannot be generic: its columns must be known when the module is built"),
        ));
    }
    match signature.receiver() {
        Some(receiver) if fits(receiver) => {}
        Some(receiver) => return Err(Error::new_spanned(receiver, format!("`{name}` takes `{written}`"))),
        None => {
            return Err(Error::new(
                signature.paren_token.span.open(),
                format!("`{name}` takes `{written}`, the accumulator, first"),
            ));
        }
    }
    let typed = signature.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(argument) => Some(&*argument.ty),
        FnArg::Receiver(_) => None,
    });
    Ok(typed.collect())
}

fn extras<'a>(types: &[&'a Type]) -> Result<Vec<Extra<'a>>> {
    let mut extras: Vec<Extra<'a>> = Vec::new();
    for ty in types {
        let Type::Reference(reference) = ty else {
            return Err(Error::new_spanned(ty, "options, context and window are given by reference: write `&`"));
        };
        if let Some(token) = &reference.mutability {
            return Err(Error::new_spanned(token, "a module keeps nothing between rows: remove `mut`"));
        }
        let extra = match &*reference.elem {
            Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Context") => Extra::Context,
            Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Window") => Extra::Window,
            ty => Extra::Options(ty),
        };
        if extras.iter().any(|other| std::mem::discriminant(other) == std::mem::discriminant(&extra)) {
            return Err(Error::new_spanned(ty, "this argument is one too many: there is one of its kind already"));
        }
        extras.push(extra);
    }
    Ok(extras)
}
