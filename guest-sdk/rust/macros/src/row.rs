//! `#[derive(Row)]`: a struct as columns to read and to make.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{
    Data, DeriveInput, Error, Field, Fields, GenericArgument, Ident, Index, Lifetime, LitStr, PathArguments, Result,
    Type, spanned::Spanned,
};

use crate::names;

/// One field of the struct.
struct Column<'a> {
    ident: &'a Ident,
    vis: &'a syn::Visibility,
    ty: &'a Type,
    /// The column's name.
    name: String,
    unit: Option<Ident>,
}

pub fn derive(item: &DeriveInput) -> Result<TokenStream> {
    let columns = columns(item)?;
    let lifetime = names::only_lifetime("a row", &item.generics)?;
    let made = made(item, &columns, lifetime.as_ref());
    // Text that lives for ever cannot come from a batch: such a row can only be made.
    let only_made = columns.iter().any(|column| names::is_static(column.ty));
    let read = if only_made { TokenStream::new() } else { read(item, &columns, lifetime.as_ref()) };
    Ok(quote!(#made #read))
}

fn columns(item: &DeriveInput) -> Result<Vec<Column<'_>>> {
    let fields = match &item.data {
        Data::Struct(data) => &data.fields,
        Data::Enum(data) => {
            return Err(Error::new(
                data.enum_token.span,
                "a row is a struct, one field for each column; for several outputs, derive `Ports` on the enum instead",
            ));
        }
        Data::Union(data) => {
            return Err(Error::new(data.union_token.span, "a row is a struct, one field for each column"));
        }
    };
    match fields {
        Fields::Named(fields) => fields.named.iter().map(column).collect(),
        Fields::Unit => Ok(Vec::new()),
        Fields::Unnamed(fields) => Err(Error::new_spanned(
            fields,
            "the fields of a row name its columns: write `struct Bid { price: f64 }`, not `struct Bid(f64)`",
        )),
    }
}

fn column(field: &Field) -> Result<Column<'_>> {
    let Some(ident) = &field.ident else { return Err(Error::new_spanned(field, "a column needs a name")) };
    check_type(&field.ty)?;
    let mut column = Column { ident, vis: &field.vis, ty: &field.ty, name: names::plain(ident), unit: None };
    for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("row")) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("name") {
                column.name = names::name(&meta.value()?.parse::<LitStr>()?)?;
            } else if meta.path.is_ident("unit") {
                let unit: LitStr = meta.value()?.parse()?;
                column.unit = Some(match unit.value().as_str() {
                    "s" => format_ident!("Second"),
                    "ms" => format_ident!("Millisecond"),
                    "us" => format_ident!("Microsecond"),
                    _ => return Err(Error::new(unit.span(), "the unit is \"s\", \"ms\" or \"us\"")),
                });
            } else {
                return Err(meta.error("a field takes `#[row(name = \"…\")]` and `#[row(unit = \"…\")]`"));
            }
            Ok(())
        })?;
    }
    Ok(column)
}

/// Refuses what no column has, with the type to use instead. The traits would refuse it too, but in a dozen
/// messages; the price is that an alias of a column's type must be written out.
pub fn check_type(ty: &Type) -> Result<()> {
    let refuse = |help: &str| Err(Error::new_spanned(ty, help));
    match ty {
        Type::Reference(reference) => match &*reference.elem {
            _ if reference.mutability.is_some() => {
                refuse("a row borrows from the batch and cannot change it: remove `mut`")
            }
            Type::Path(path) if path.path.is_ident("str") => Ok(()),
            Type::Slice(slice) if is_u8(&slice.elem) => Ok(()),
            _ => refuse("of references, only `&str` and `&[u8]` can be columns"),
        },
        Type::Path(path) => {
            let Some(last) = path.path.segments.last() else { return Ok(()) };
            match last.ident.to_string().as_str() {
                "usize" => refuse("a column has the same type on every machine: use u64 or u32 instead of usize"),
                "isize" => refuse("a column has the same type on every machine: use i64 or i32 instead of isize"),
                "i128" | "u128" => refuse("the widest integer column is 64 bits: use i64 or u64, or Decimal<38, 0>"),
                "char" => refuse("there is no column of characters: use &str, String or u32"),
                "Vec" if !first_argument(&last.arguments).is_some_and(is_u8) => refuse(
                    "of vectors, only `Vec<u8>` (binary) can be a column; to make several rows of one, return `Vec<Row>` from the transform",
                ),
                "Option" => match first_argument(&last.arguments) {
                    Some(inner @ Type::Path(path))
                        if path.path.segments.last().is_some_and(|s| s.ident == "Option") =>
                    {
                        Err(Error::new_spanned(inner, "a column is nullable or not: one `Option` is enough"))
                    }
                    Some(inner) => check_type(inner),
                    None => Ok(()),
                },
                "bool" | "i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64" | "f32" | "f64" | "String"
                | "Vec" | "Date" | "Timestamp" | "Decimal" => Ok(()),
                _ => refuse(
                    "not a type of column: use bool, i8 to i64, u8 to u64, f32, f64, &str, String, &[u8], Vec<u8>, Date, Timestamp, \
                     Decimal<P, S>, or an Option of one (an alias of one must be written out)",
                ),
            }
        }
        Type::Tuple(_) | Type::Array(_) | Type::Slice(_) => {
            refuse("a column holds one value for each row: give each part a field of its own")
        }
        // What a `macro_rules!` macro passed on.
        Type::Group(group) => check_type(&group.elem),
        Type::Paren(paren) => check_type(&paren.elem),
        _ => refuse("not a type of column"),
    }
}

fn first_argument(arguments: &PathArguments) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

fn is_u8(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.is_ident("u8"))
}

/// The type with the struct's lifetime.
fn with_lifetime(ident: &Ident, lifetime: Option<&Lifetime>) -> TokenStream {
    match lifetime {
        Some(lifetime) => quote!(#ident<#lifetime>),
        None => quote!(#ident),
    }
}

/// Everything for reading: `…Columns`, `InputColumns`, `InputRow`.
fn read(item: &DeriveInput, columns: &[Column<'_>], lifetime: Option<&Lifetime>) -> TokenStream {
    let (row, vis) = (&item.ident, &item.vis);
    let batch = lifetime.cloned().unwrap_or_else(|| Lifetime::new("'batch", Span::call_site()));
    let view = Ident::new(&format!("{}Columns", names::plain(row)), Span::call_site());
    let this = with_lifetime(row, lifetime);
    let doc = format!("All columns that [`{row}`] reads, whole.");

    let idents: Vec<_> = columns.iter().map(|column| column.ident).collect();
    let declared = columns.iter().map(|column| {
        let Column { ident, vis, ty, .. } = column;
        quote_spanned!(ty.span()=> #vis #ident: <#ty as ::pelton_guest::macros::InputField<#batch>>::Column)
    });
    let reads = columns.iter().map(|column| {
        let (name, ty) = (&column.name, column.ty);
        let field = format!("{}.{}", names::plain(row), names::plain(column.ident));
        quote_spanned!(ty.span()=> ::pelton_guest::macros::Read::of::<#ty>(#name, #field))
    });
    let views = columns.iter().map(|column| {
        let Column { ident, ty, name, .. } = column;
        quote_spanned!(ty.span()=> #ident: ::pelton_guest::macros::view::<#ty>(#name, &mut columns)?)
    });
    let parts = columns.iter().map(|column| {
        let Column { ident, ty, .. } = column;
        quote_spanned!(ty.span()=> #ident: <#ty as ::pelton_guest::macros::InputField<#batch>>::part(self.#ident, start, rows))
    });
    let values = columns.iter().map(|column| {
        let Column { ident, ty, .. } = column;
        quote_spanned!(ty.span()=> #ident: <#ty as ::pelton_guest::macros::InputField<#batch>>::value(columns.#ident, at))
    });
    quote! {
        #[doc = #doc]
        #[derive(Clone, Copy)]
        #[allow(dead_code)]
        #vis struct #view<#batch> {
            #(#declared,)*
            __rows: usize,
            __batch: ::core::marker::PhantomData<&#batch ()>,
        }

        #[automatically_derived]
        #[allow(dead_code)]
        impl<#batch> #view<#batch> {
            /// Rows of the batch.
            #vis fn len(&self) -> usize {
                self.__rows
            }

            /// Whether the batch has no rows.
            #vis fn is_empty(&self) -> bool {
                self.__rows == 0
            }
        }

        #[automatically_derived]
        #[allow(unused_variables, unused_mut)]
        impl<#batch> ::pelton_guest::macros::InputColumns<#batch> for #view<#batch> {
            type Row = #this;

            fn reads() -> ::std::vec::Vec<::pelton_guest::macros::Read> {
                ::std::vec![#(#reads),*]
            }

            fn view(
                columns: &#batch [::pelton_guest::macros::Loaded],
                rows: usize,
            ) -> ::core::result::Result<Self, ::std::string::String> {
                let mut columns = columns.iter();
                ::core::result::Result::Ok(Self { #(#views,)* __rows: rows, __batch: ::core::marker::PhantomData })
            }

            #[inline(always)]
            fn part(self, start: usize, rows: usize) -> Self {
                Self { #(#parts,)* __rows: rows, __batch: ::core::marker::PhantomData }
            }
        }

        #[automatically_derived]
        #[allow(unused_variables)]
        impl<#batch> ::pelton_guest::macros::InputRow<#batch> for #this {
            type Columns = #view<#batch>;

            #[inline(always)]
            fn row(columns: Self::Columns, at: usize) -> Self {
                let #view { #(#idents: _,)* .. } = columns;
                Self { #(#values),* }
            }
        }
    }
}

/// Everything for making: `OutputRow`, `…Values`, `RowValues`.
fn made(item: &DeriveInput, columns: &[Column<'_>], lifetime: Option<&Lifetime>) -> TokenStream {
    let (row, vis) = (&item.ident, &item.vis);
    let this = with_lifetime(row, lifetime);
    let generics = lifetime.map(|lifetime| quote!(<#lifetime>));
    let values = Ident::new(&format!("{}Values", names::plain(row)), Span::call_site());
    let values_this = with_lifetime(&values, lifetime);
    let doc = format!("All columns that [`{row}`] makes, whole.");

    let idents: Vec<_> = columns.iter().map(|column| column.ident).collect();
    let names: Vec<_> = columns.iter().map(|column| &column.name).collect();
    let index: Vec<_> = (0..columns.len()).map(Index::from).collect();
    // The same type, at the field's place: errors about it point there.
    let fields: Vec<_> = columns
        .iter()
        .map(|column| {
            let ty = column.ty;
            quote_spanned!(ty.span()=> <#ty as ::pelton_guest::macros::OutputField>)
        })
        .collect();
    let computed = columns.iter().map(|column| {
        let Column { ty, name, unit, .. } = column;
        match unit {
            None => quote_spanned!(ty.span()=> ::pelton_guest::macros::Computed::of::<#ty>(#name)),
            Some(unit) => quote_spanned!(ty.span()=>
                ::pelton_guest::macros::Computed::timestamp::<#ty>(#name, ::pelton_guest::macros::TimeUnit::#unit)),
        }
    });
    let declared = columns.iter().map(|column| {
        let Column { ident, vis, ty, .. } = column;
        quote_spanned!(ty.span()=> #vis #ident: ::pelton_guest::Values<#ty>)
    });
    let types: Vec<_> = columns.iter().map(|column| column.ty).collect();
    quote! {
        #[automatically_derived]
        #[allow(unused_variables, clippy::unused_unit)]
        impl #generics ::pelton_guest::macros::OutputRow for #this {
            type Blocks = (#(#fields::Block,)*);

            fn computed() -> ::std::vec::Vec<::pelton_guest::macros::Computed> {
                ::std::vec![#(#computed),*]
            }

            fn blocks(rows: usize) -> Self::Blocks {
                (#(<#fields::Block as ::pelton_guest::macros::Block>::with_capacity(rows),)*)
            }

            #[inline(always)]
            fn blank() -> Self {
                Self { #(#idents: #fields::blank()),* }
            }

            #[inline(always)]
            fn put(self, blocks: &mut Self::Blocks, slot: usize) {
                #(#fields::put(self.#idents, &mut blocks.#index, slot);)*
            }

            fn keep(blocks: &mut Self::Blocks, positions: &[u16]) {
                #(::pelton_guest::macros::Block::keep(&mut blocks.#index, positions);)*
            }

            fn flush(blocks: &mut Self::Blocks, count: usize) {
                #(::pelton_guest::macros::Block::flush(&mut blocks.#index, count);)*
            }

            fn finish(
                blocks: Self::Blocks,
            ) -> ::core::result::Result<::std::vec::Vec<::pelton_guest::macros::Node>, ::std::string::String> {
                ::core::result::Result::Ok(
                    ::std::vec![#(::pelton_guest::macros::finish::<#types>(#names, blocks.#index)?),*]
                )
            }
        }

        #[doc = #doc]
        #[allow(dead_code)]
        #vis struct #values #generics {
            #(#declared,)*
        }

        #[automatically_derived]
        impl #generics ::pelton_guest::macros::RowValues for #values_this {
            type Row = #this;

            fn finish(
                self,
            ) -> ::core::result::Result<::std::vec::Vec<::pelton_guest::macros::Node>, ::std::string::String> {
                ::core::result::Result::Ok(::std::vec![#(self.#idents.finish(#names)?),*])
            }
        }
    }
}
