//! `#[derive(Options)]`: a struct as the options of a module.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Data, DeriveInput, Error, Expr, Field, Fields, Lit, LitStr, Result, spanned::Spanned};

use crate::names;

pub fn derive(item: &DeriveInput) -> Result<TokenStream> {
    let Data::Struct(data) = &item.data else {
        return Err(Error::new_spanned(&item.ident, "options are a struct, one field for each option"));
    };
    let fields: Vec<&Field> = match &data.fields {
        Fields::Named(fields) => fields.named.iter().collect(),
        Fields::Unit => Vec::new(),
        Fields::Unnamed(fields) => {
            return Err(Error::new_spanned(
                fields,
                "the fields of options name them: write `struct Options { rate: f64 }`",
            ));
        }
    };
    if let Some(parameter) = item.generics.params.first() {
        return Err(Error::new_spanned(
            parameter,
            "options cannot be generic or borrow: they are read once from the job file; use String instead of &str",
        ));
    }
    let this = &item.ident;
    let names = fields.iter().map(|field| name(field)).collect::<Result<Vec<_>>>()?;
    let idents: Vec<_> = fields.iter().filter_map(|field| field.ident.as_ref()).collect();
    let reads = fields.iter().zip(&names).map(|(field, name)| read(field, name)).collect::<Result<Vec<_>>>()?;
    let writes = fields.iter().zip(&names).map(|(field, name)| {
        let (ident, ty) = (&field.ident, &field.ty);
        quote_spanned! {ty.span()=>
            options.insert(#name.to_owned(), <#ty as ::pelton_guest::macros::OptionValue>::write(&self.#ident));
        }
    });
    Ok(quote! {
        #[automatically_derived]
        impl ::pelton_guest::macros::Options for #this {
            fn read(
                options: &::pelton_guest::macros::Map<::std::string::String, ::pelton_guest::macros::Value>,
            ) -> ::core::result::Result<Self, ::std::string::String> {
                ::pelton_guest::macros::check_names(options, &[#(#names),*])?;
                ::core::result::Result::Ok(Self { #(#idents: #reads),* })
            }

            #[allow(unused_mut)]
            fn write(&self) -> ::pelton_guest::macros::Map<::std::string::String, ::pelton_guest::macros::Value> {
                let mut options = ::pelton_guest::macros::Map::new();
                #(#writes)*
                options
            }
        }
    })
}

fn name(field: &Field) -> Result<String> {
    let mut name = field.ident.as_ref().map(names::plain).unwrap_or_default();
    for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("option")) {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("name") {
                return Err(meta.error("an option takes `#[option(name = \"…\")]`, and `#[default(…)]` on its own"));
            }
            name = names::name(&meta.value()?.parse::<LitStr>()?)?;
            Ok(())
        })?;
    }
    Ok(name)
}

fn read(field: &Field, name: &str) -> Result<TokenStream> {
    let ty = &field.ty;
    if matches!(ty, syn::Type::Reference(_)) {
        return Err(Error::new_spanned(
            ty,
            "an option is read once from the job file and owned: use String instead of &str",
        ));
    }
    let mut default = quote!(::core::option::Option::None);
    for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("default")) {
        let expression: Expr = attribute.parse_args().map_err(|_| {
            Error::new_spanned(attribute, "write the default in brackets: `#[default(0.0)]`, `#[default(\"EUR\")]`")
        })?;
        let value = match &expression {
            Expr::Lit(literal) if matches!(literal.lit, Lit::Str(_)) => {
                quote!(::core::convert::From::from(#expression))
            }
            _ => quote!(#expression),
        };
        default = quote!(::core::option::Option::Some(#value));
    }
    Ok(quote_spanned!(ty.span()=> ::pelton_guest::macros::field::<#ty>(options, #name, || #default)?))
}
