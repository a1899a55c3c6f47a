//! The JSON form of a type: two hidden types with the same fields, one to read and one to write, on
//! which serde's own derives do the work. So the user's type carries no serde attributes.
//!
//! The type of a field stands in one place only, the functions of its marker, and with the span of
//! the user's tokens: rustc reports a type without a JSON form once, and right there.

use crate::body::{Body, Style};
use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Ident, LitStr, Path, Type};

/// The hidden types of one struct, variant or enum.
pub(crate) struct Shadow {
    /// The type that is read.
    pub(crate) read: Ident,
    /// The type that is written; it borrows.
    pub(crate) written: Ident,
    /// The declarations of both, and of the markers of their fields.
    pub(crate) declarations: TokenStream,
}

/// One variant of an enum, and the name under which JSON knows it.
pub(crate) struct JsonVariant<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) name: &'a str,
    pub(crate) body: &'a Body,
}

/// The shadow of a struct, or of the fields of one variant.
pub(crate) fn of_fields(name: &Ident, body: &Body, domain: &Path) -> Shadow {
    let members = Members::new(name, body, domain);
    let declare = |fields: TokenStream| match body.style() {
        Style::Named => fields,
        Style::Tuple => quote!(#fields;),
        Style::Unit => quote!({}),
    };
    Item {
        name,
        keyword: quote!(struct),
        read: declare(members.read()),
        written: declare(members.written()),
        borrows: !body.parts().is_empty(),
        markers: members.markers(),
        domain,
    }
    .shadow()
}

/// The shadow of an enum of which at least one variant holds data: externally tagged.
pub(crate) fn of_variants(name: &Ident, variants: &[JsonVariant<'_>], domain: &Path) -> Shadow {
    let (mut read, mut written, mut markers) = (quote!(), quote!(), quote!());
    for JsonVariant { ident, name: json_name, body } in variants {
        let members = Members::new(&format_ident!("{name}{ident}"), body, domain);
        let (read_fields, written_fields) = (members.read(), members.written());
        read.extend(quote!(#[serde(rename = #json_name)] #ident #read_fields,));
        written.extend(quote!(#[serde(rename = #json_name)] #ident #written_fields,));
        markers.extend(members.markers());
    }
    Item {
        name,
        keyword: quote!(enum),
        read: quote!({ #read }),
        written: quote!({ #written }),
        borrows: true,
        markers,
        domain,
    }
    .shadow()
}

/// What both hidden types are declared from.
struct Item<'a> {
    name: &'a Ident,
    keyword: TokenStream,
    read: TokenStream,
    written: TokenStream,
    borrows: bool,
    markers: TokenStream,
    domain: &'a Path,
}

impl Item<'_> {
    fn shadow(self) -> Shadow {
        let Self { name, keyword, read, written, borrows, markers, domain } = self;
        let serde = quote!(#domain::__private::serde);
        let serde_path = LitStr::new(&serde.to_string(), Span::call_site());
        let lifetime = borrows.then(|| quote!(<'a>));
        let json_name = name.to_string();
        let (read_name, written_name) = (hidden("Read", name), hidden("Written", name));
        let declarations = quote! {
            #markers

            #[derive(#serde::Deserialize)]
            #[serde(crate = #serde_path, rename = #json_name)]
            #keyword #read_name #read

            #[derive(#serde::Serialize)]
            #[serde(crate = #serde_path, rename = #json_name)]
            #keyword #written_name #lifetime #written
        };
        Shadow { read: read_name, written: written_name, declarations }
    }
}

/// The fields of one struct or variant, each with a marker: a type that stands for the field.
struct Members<'a> {
    body: &'a Body,
    markers: Vec<Ident>,
    domain: &'a Path,
}

impl<'a> Members<'a> {
    fn new(name: &Ident, body: &'a Body, domain: &'a Path) -> Self {
        let places = 0..body.parts().len();
        let markers = places.map(|at| hidden("Member", &format_ident!("{name}{at}"))).collect();
        Self { body, markers, domain }
    }

    fn read(&self) -> TokenStream {
        let Self { markers, domain, .. } = self;
        self.body.declare(markers.iter().map(|marker| quote!(#domain::__private::Read<#marker>)))
    }

    fn written(&self) -> TokenStream {
        let Self { markers, domain, .. } = self;
        let written = |marker| quote!(#domain::__private::Written<'a, #marker>);
        self.body.declare(markers.iter().map(written))
    }

    fn markers(&self) -> TokenStream {
        let markers = self.markers.iter().zip(self.body.parts());
        markers.map(|(marker, part)| self.marker(marker, &part.ty)).collect()
    }

    fn marker(&self, marker: &Ident, ty: &Type) -> TokenStream {
        let domain = self.domain;
        let serde = quote!(#domain::__private::serde);
        let json = json_part(ty, domain);
        quote! {
            struct #marker;

            #[automatically_derived]
            impl #domain::__private::JsonMember for #marker {
                type Value = #ty;

                fn read<'de, D: #serde::Deserializer<'de>>(
                    deserializer: D,
                ) -> ::core::result::Result<Self::Value, D::Error> {
                    #json::read(deserializer)
                }

                fn write<S: #serde::Serializer>(
                    value: &Self::Value,
                    serializer: S,
                ) -> ::core::result::Result<S::Ok, S::Error> {
                    #json::write(value, serializer)
                }
            }
        }
    }
}

/// `<Stop as JsonPart>`, at the user's tokens.
pub(crate) fn json_part(ty: &Type, domain: &Path) -> TokenStream {
    quote_spanned!(ty.span()=> <#ty as #domain::__private::JsonPart>)
}

/// A name that no type of the user has.
fn hidden(role: &str, name: &Ident) -> Ident {
    format_ident!("__Idp{role}{name}", span = Span::call_site())
}
