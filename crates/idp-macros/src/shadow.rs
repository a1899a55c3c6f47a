//! The JSON form of a type: two hidden types with the same fields, one to write and one to read, on
//! which serde's own derives do the work. So the user's type carries no serde attributes, and a
//! field that has no JSON form is reported in the words of `JsonShape`.

use crate::body::Body;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Ident, LitStr, Path};

/// One variant of an enum, and the name under which JSON knows it.
pub(crate) struct JsonVariant<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) name: String,
    pub(crate) body: &'a Body,
}

/// The hidden types of one struct, variant or enum.
pub(crate) struct Shadow {
    /// The type that is read.
    pub(crate) read: Ident,
    /// The type that is written; it borrows.
    pub(crate) written: Ident,
    /// Their declarations.
    pub(crate) declaration: TokenStream,
}

/// The shadow of a struct, or of the fields of one variant.
pub(crate) fn of_fields(name: &Ident, body: &Body, domain: &Path) -> Shadow {
    let keyword = quote!(struct);
    let is_tuple = body.style() == crate::body::Style::Tuple;
    let declare = |wrap: &dyn Fn(&syn::Type) -> TokenStream| {
        let fields = if body.parts().is_empty() { quote!({}) } else { body.declare(wrap) };
        if is_tuple { quote!(#fields;) } else { fields }
    };
    shadow(name, &keyword, body.parts().is_empty(), domain, &declare)
}

/// The shadow of an enum: externally tagged.
pub(crate) fn of_variants(name: &Ident, variants: &[JsonVariant<'_>], domain: &Path) -> Shadow {
    let keyword = quote!(enum);
    let is_empty = variants.iter().all(|variant| variant.body.parts().is_empty());
    let declare = |wrap: &dyn Fn(&syn::Type) -> TokenStream| {
        let variants = variants.iter().map(|JsonVariant { ident, name, body }| {
            let fields = body.declare(wrap);
            quote!(#[serde(rename = #name)] #ident #fields)
        });
        quote!({ #(#variants),* })
    };
    shadow(name, &keyword, is_empty, domain, &declare)
}

/// Writes the declaration of a type, given how to wrap the type of each field.
type Declare<'a> = &'a dyn Fn(&dyn Fn(&syn::Type) -> TokenStream) -> TokenStream;

fn shadow(
    name: &Ident,
    keyword: &TokenStream,
    is_empty: bool,
    domain: &Path,
    declare: Declare<'_>,
) -> Shadow {
    let (read, written) = (format_ident!("{name}Read"), format_ident!("{name}Written"));
    let lifetime = (!is_empty).then(|| quote!(<'a>));
    let read_fields = declare(&|ty| quote!(#domain::__private::Read<#ty>));
    let written_fields = declare(&|ty| quote!(#domain::__private::Written<'a, #ty>));
    let name = name.to_string();
    let serde = serde_path(domain);
    let declaration = quote! {
        #[derive(#domain::__private::serde::Deserialize)]
        #[serde(crate = #serde, rename = #name)]
        #keyword #read #read_fields

        #[derive(#domain::__private::serde::Serialize)]
        #[serde(crate = #serde, rename = #name)]
        #keyword #written #lifetime #written_fields
    };
    Shadow { read, written, declaration }
}

fn serde_path(domain: &Path) -> LitStr {
    let path = quote!(#domain::__private::serde).to_string();
    LitStr::new(&path, proc_macro2::Span::call_site())
}
