//! Small pieces that all macros share: attribute strings, generics, the lifetime of a row.

use proc_macro2::Span;
use syn::{Error, GenericParam, Generics, Lifetime, LitStr, Result, Type, visit_mut::VisitMut};

/// A string that names something; not empty.
pub fn name(literal: &LitStr) -> Result<String> {
    match literal.value() {
        empty if empty.is_empty() => Err(Error::new(literal.span(), "a name cannot be empty")),
        name => Ok(name),
    }
}

/// The lifetime of a row or port enum, which may have one and no other parameter.
pub fn only_lifetime(what: &str, generics: &Generics) -> Result<Option<Lifetime>> {
    let mut lifetime = None;
    for parameter in &generics.params {
        match parameter {
            GenericParam::Lifetime(parameter) if lifetime.is_none() => lifetime = Some(parameter.lifetime.clone()),
            GenericParam::Lifetime(parameter) => {
                return Err(Error::new_spanned(
                    parameter,
                    format!("{what} borrows from one batch: one lifetime is enough"),
                ));
            }
            GenericParam::Type(_) | GenericParam::Const(_) => {
                return Err(Error::new_spanned(
                    parameter,
                    format!(
                        "{what} cannot be generic: its columns must be known when the module is built; write one struct for each type"
                    ),
                ));
            }
        }
    }
    match &generics.where_clause {
        Some(clause) => Err(Error::new_spanned(clause, format!("{what} needs no `where`: remove it"))),
        None => Ok(lifetime),
    }
}

/// An identifier that a message or a generated name refers to, without `r#`.
pub fn plain(identifier: &syn::Ident) -> String {
    let text = identifier.to_string();
    text.strip_prefix("r#").unwrap_or(&text).to_owned()
}

/// `BadLine` as `bad-line`.
pub fn kebab(identifier: &str) -> String {
    let mut kebab = String::new();
    for letter in identifier.chars() {
        if letter.is_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.extend(letter.to_lowercase());
    }
    kebab.replace('_', "-")
}

/// A type with every named lifetime made `'_`, for use inside of a function body.
pub fn inferred(ty: &Type) -> Type {
    struct Infer;
    impl VisitMut for Infer {
        fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
            if lifetime.ident != "static" {
                *lifetime = Lifetime::new("'_", Span::call_site());
            }
        }
    }
    let mut ty = ty.clone();
    Infer.visit_type_mut(&mut ty);
    ty
}

/// Gives a type's `'_` a name; false if there was none.
pub fn name_elided(ty: &mut Type, name: &Lifetime) -> bool {
    struct Name<'a>(&'a Lifetime, bool);
    impl VisitMut for Name<'_> {
        fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
            if lifetime.ident == "_" {
                *lifetime = self.0.clone();
                self.1 = true;
            }
        }
    }
    let mut visitor = Name(name, false);
    visitor.visit_type_mut(ty);
    visitor.1
}

/// Whether a type names `'static`.
pub fn is_static(ty: &Type) -> bool {
    struct Find(bool);
    impl<'ast> syn::visit::Visit<'ast> for Find {
        fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
            self.0 |= lifetime.ident == "static";
        }
    }
    let mut find = Find(false);
    syn::visit::Visit::visit_type(&mut find, ty);
    find.0
}

/// Whether a type names a lifetime or is a reference, or has a part that does.
pub fn borrows(ty: &Type) -> bool {
    struct Find(bool);
    impl<'ast> syn::visit::Visit<'ast> for Find {
        fn visit_lifetime(&mut self, _lifetime: &'ast Lifetime) {
            self.0 = true;
        }

        fn visit_type_reference(&mut self, _reference: &'ast syn::TypeReference) {
            self.0 = true;
        }
    }
    let mut find = Find(false);
    syn::visit::Visit::visit_type(&mut find, ty);
    find.0
}

/// Whether two types are written alike.
pub fn is_same(left: &Type, right: &Type) -> bool {
    quote::quote!(#left).to_string() == quote::quote!(#right).to_string()
}
