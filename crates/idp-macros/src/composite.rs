//! The stored form of a value object with several values: one JSON column.

use crate::body::Body;
use crate::shadow::{self, JsonVariant, Shadow};
use crate::value_object::{NamedVariant, Target};
use proc_macro2::TokenStream;
use quote::quote;
use syn::Path;

pub(crate) fn of_struct(target: &Target<'_>, body: &Body) -> TokenStream {
    let Target { ident, domain } = target;
    let shadow = shadow::of_fields(ident, body, domain);
    let Shadow { read, written, .. } = &shadow;
    let pattern = body.pattern();
    let (write, take) = (write(body, domain), take(body));
    let arms = Arms {
        write: quote!(Self #pattern => #written #write),
        read: quote!(#read #pattern => Self #take),
    };
    emit(target, &shadow, &arms)
}

pub(crate) fn of_enum(target: &Target<'_>, variants: &[NamedVariant]) -> TokenStream {
    let Target { ident, domain } = target;
    let shapes: Vec<JsonVariant<'_>> = variants
        .iter()
        .map(|NamedVariant { ident, name, body }| JsonVariant { ident, name, body })
        .collect();
    let shadow = shadow::of_variants(ident, &shapes, domain);
    let Shadow { read, written, .. } = &shadow;
    let idents: Vec<_> = variants.iter().map(|variant| &variant.ident).collect();
    let patterns: Vec<_> = variants.iter().map(|variant| variant.body.pattern()).collect();
    let writes = variants.iter().map(|variant| write(&variant.body, domain));
    let takes = variants.iter().map(|variant| take(&variant.body));
    let arms = Arms {
        write: quote!(#(Self::#idents #patterns => #written::#idents #writes),*),
        read: quote!(#(#read::#idents #patterns => Self::#idents #takes),*),
    };
    emit(target, &shadow, &arms)
}

/// The fields, each borrowed as the written shadow has them.
pub(crate) fn write(body: &Body, domain: &Path) -> TokenStream {
    body.build(|binding| quote!(#domain::__private::Written(#binding)))
}

/// The fields, each taken out of the read shadow.
pub(crate) fn take(body: &Body) -> TokenStream {
    body.build(|binding| quote!(#binding.0))
}

/// How a value becomes its shadow, and a shadow the value.
struct Arms {
    write: TokenStream,
    read: TokenStream,
}

fn emit(target: &Target<'_>, shadow: &Shadow, arms: &Arms) -> TokenStream {
    let Target { ident, domain } = target;
    let Shadow { read, declarations, .. } = shadow;
    let Arms { write: write_arms, read: read_arms } = arms;
    let serde = quote!(#domain::__private::serde);
    quote! {
        const _: () = {
            #declarations

            #[automatically_derived]
            impl #serde::Serialize for #ident {
                fn serialize<S: #serde::Serializer>(
                    &self,
                    serializer: S,
                ) -> ::core::result::Result<S::Ok, S::Error> {
                    #serde::Serialize::serialize(&match self { #write_arms }, serializer)
                }
            }

            #[automatically_derived]
            impl<'de> #serde::Deserialize<'de> for #ident {
                fn deserialize<D: #serde::Deserializer<'de>>(
                    deserializer: D,
                ) -> ::core::result::Result<Self, D::Error> {
                    let read: #read = #serde::Deserialize::deserialize(deserializer)?;
                    ::core::result::Result::Ok(match read { #read_arms })
                }
            }
        };

        #[automatically_derived]
        impl #domain::FieldType for #ident {
            const KIND: #domain::Kind = #domain::Kind::Json;

            fn to_value(&self) -> #domain::Value {
                #domain::__private::to_json_value(self)
            }

            fn from_value(
                value: #domain::Value,
            ) -> ::core::result::Result<Self, #domain::MappingError> {
                #domain::__private::from_json_value(value)
            }
        }
    }
}
