//! `#[transform]`: a function as the module's operator.
//!
//! The function becomes a unit struct of the same name, which implements `Transform`, dereferences to the function (so that
//! it can still be called), and is exported from the module.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{
    Error, FnArg, GenericParam, ItemFn, Lifetime, LitStr, PatType, Result, ReturnType, Type,
    parse::{Parse, ParseStream, Parser},
    parse_quote,
    spanned::Spanned,
    visit_mut::VisitMut,
};

use crate::{
    function::{self, Operator},
    names,
    passing::{ARGUMENTS, Passing},
    table::{self, Table},
};

/// What stands in the attribute's brackets.
#[derive(Default)]
pub struct Attributes {
    columns: bool,
    passing: Passing,
    /// The names of side tables.
    tables: Vec<LitStr>,
}

impl Parse for Attributes {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut attributes = Self::default();
        syn::meta::parser(|meta| {
            if meta.path.is_ident("columns") {
                attributes.columns = true;
                Ok(())
            } else if meta.path.is_ident("table") {
                let table: LitStr = meta.value()?.parse()?;
                names::name(&table)?;
                attributes.tables.push(table);
                Ok(())
            } else if attributes.passing.parse(&meta)? {
                Ok(())
            } else {
                Err(meta.error(format!("a transform takes `columns`, `table = \"airlines\"`, {ARGUMENTS}")))
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
    Table(Table<'a>),
}

const SHAPE: &str = "a transform is `fn name(row: Row, options: &Options, ctx: &Context) -> Out`, where `options` and `ctx` may be left out";

pub fn expand(attributes: Attributes, mut function: ItemFn) -> Result<TokenStream> {
    check(&function)?;
    borrow_from_row(&mut function);
    let arguments = arguments(&attributes, &function)?;
    let options = arguments.rest.iter().find_map(|extra| match extra {
        Extra::Options(ty) => Some(*ty),
        _ => None,
    });
    let tables = arguments.tables();
    let name = &function.sig.ident;
    let (side_tables, table_type) = table::holder(&tables);
    let run = run(&attributes, &function, &arguments);
    let call = call(&function);
    let export = if tables.is_empty() { quote!() } else { quote!(tables) };
    let operator = Operator {
        function: &function,
        passing: &attributes.passing,
        options,
        kind: format_ident!("Transform"),
        description: format_ident!("Description"),
        items: quote! {
            type Tables = #table_type;

            #run
        },
        beside: quote!(#side_tables #call),
        export: quote!(::pelton_guest::__export!(#name #export);),
    };
    Ok(operator.tokens())
}

impl<'a> Arguments<'a> {
    fn tables(&self) -> Vec<Table<'a>> {
        let tables = self.rest.iter().filter_map(|extra| match extra {
            Extra::Table(table) => Some(*table),
            _ => None,
        });
        tables.collect()
    }
}

/// Refuses functions that cannot be a transform.
fn check(function: &ItemFn) -> Result<()> {
    let signature = &function.sig;
    function::check_signature(signature, "a transform")?;
    if matches!(signature.output, ReturnType::Default) {
        return Err(Error::new(
            signature.paren_token.span.close(),
            "a transform returns what becomes of the row: a row (map), bool (filter), Option<row>, Vec<row> (flat-map), or a Result of one of these (reject)",
        ));
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

fn arguments<'a>(attributes: &'a Attributes, function: &'a ItemFn) -> Result<Arguments<'a>> {
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
    let rest = rest.iter().map(|argument| extra(attributes, argument)).collect::<Result<Vec<_>>>()?;
    let options: Vec<_> = rest.iter().filter(|extra| matches!(extra, Extra::Options(_))).collect();
    if let [_, Extra::Options(second)] = options.as_slice() {
        return Err(Error::new_spanned(second, format!("a transform has one row and one struct of options: {SHAPE}")));
    }
    if let Some(third) = typed.get(3 + attributes.tables.len()) {
        return Err(Error::new_spanned(third, format!("this argument is one too many: {SHAPE}")));
    }
    if rest.iter().filter(|extra| matches!(extra, Extra::Context)).count() > 1 {
        return Err(Error::new_spanned(&function.sig.inputs, format!("one context is enough: {SHAPE}")));
    }
    let arguments = Arguments { row: &row.ty, rest };
    table::check(&attributes.tables, &arguments.tables())?;
    Ok(arguments)
}

fn extra<'a>(attributes: &'a Attributes, argument: &'a PatType) -> Result<Extra<'a>> {
    let Type::Reference(reference) = &*argument.ty else {
        return Err(Error::new_spanned(
            &argument.ty,
            format!("options and context are given by reference: write `&`; {SHAPE}"),
        ));
    };
    if let Some(token) = &reference.mutability {
        return Err(Error::new_spanned(token, "a module keeps nothing between rows: remove `mut`"));
    }
    if let Some(name) = table::named(&attributes.tables, &argument.pat) {
        return Ok(Extra::Table(Table { name, ty: &reference.elem }));
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
    let mut fields = (0..).map(table::field);
    let given = arguments.rest.iter().map(|extra| match extra {
        Extra::Options(_) => Some(quote!(options)),
        Extra::Context => Some(quote!(context)),
        Extra::Table(_) => fields.next().map(|field| quote!(#field)),
    });
    let given: Vec<_> = given.flatten().collect();
    let fields: Vec<_> = (0..arguments.tables().len()).map(table::field).collect();
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
            tables: &Self::Tables,
            context: &::pelton_guest::macros::Context,
        ) -> ::core::result::Result<::pelton_guest::macros::Answer, ::std::string::String> {
            #(let #fields = tables.#fields.get()?;)*
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
