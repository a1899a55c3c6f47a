//! The fields of a struct or of one variant of an enum, however they are written, and the match over
//! all variants.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::{Fields, Ident, Member, Type};

/// The fields, each with a name under which the generated code binds it.
pub(crate) struct Body {
    parts: Vec<Part>,
    style: Style,
}

/// One field.
pub(crate) struct Part {
    /// Its name, or its place in a tuple.
    pub(crate) member: Member,
    /// The local variable that holds it in generated code.
    pub(crate) binding: Ident,
    /// Its type.
    pub(crate) ty: Type,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// `{ name: String }`
    Named,
    /// `(String)`
    Tuple,
    /// Nothing.
    Unit,
}

impl Body {
    pub(crate) fn new(fields: &Fields) -> Self {
        let style = match fields {
            Fields::Named(_) => Style::Named,
            Fields::Unnamed(_) => Style::Tuple,
            Fields::Unit => Style::Unit,
        };
        let parts = fields.members().zip(fields).enumerate().map(|(at, (member, field))| Part {
            member,
            binding: format_ident!("field_{at}", span = Span::mixed_site()),
            ty: field.ty.clone(),
        });
        Self { parts: parts.collect(), style }
    }

    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    pub(crate) fn style(&self) -> Style {
        self.style
    }

    /// `{ name: field_0 }`, which as a pattern takes the fields apart, whatever their style.
    pub(crate) fn pattern(&self) -> TokenStream {
        self.build(|binding| quote!(#binding))
    }

    /// `{ name: wrap(field_0) }`, which as an expression builds a value, whatever the style.
    pub(crate) fn build(&self, wrap: impl Fn(&Ident) -> TokenStream) -> TokenStream {
        let parts = self.parts.iter().map(|Part { member, binding, .. }| {
            let value = wrap(binding);
            quote!(#member: #value)
        });
        quote!({ #(#parts),* })
    }

    /// The declaration of the same fields with other types.
    pub(crate) fn declare(&self, types: impl Iterator<Item = TokenStream>) -> TokenStream {
        match self.style {
            Style::Named => {
                let members = self.parts.iter().map(|part| &part.member);
                quote!({ #(#members: #types),* })
            }
            Style::Tuple => quote!((#(#types),*)),
            Style::Unit => quote!(),
        }
    }
}

/// A match over `self`, also when there are no variants.
pub(crate) fn match_self(arms: impl Iterator<Item = TokenStream>) -> TokenStream {
    let mut arms = arms.peekable();
    match arms.peek() {
        Some(_) => quote!(match self { #(#arms)* }),
        None => quote!(match *self {}),
    }
}
