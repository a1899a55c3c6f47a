//! The stored form of an enum without data: the name of the variant, as text.

use crate::value_object::{NamedVariant, Target};
use proc_macro2::TokenStream;
use quote::quote;

pub(crate) fn emit(target: &Target<'_>, variants: &[NamedVariant]) -> TokenStream {
    let (text, json) = (text(target, variants), json(target));
    let Target { ident, domain } = target;
    quote! {
        #text
        #json

        #[automatically_derived]
        impl #domain::FieldType for #ident {
            const KIND: #domain::Kind = #domain::Kind::Text;

            fn to_value(&self) -> #domain::Value {
                #domain::Value::Text(::core::convert::Into::into(self.as_str()))
            }

            fn from_value(
                value: #domain::Value,
            ) -> ::core::result::Result<Self, #domain::MappingError> {
                #domain::__private::from_text_value(value)
            }
        }

        #[automatically_derived]
        impl #domain::Comparable for #ident {
            type Operand = Self;

            fn operand(value: Self) -> #domain::Value {
                #domain::FieldType::to_value(&value)
            }
        }
    }
}

/// `as_str` and its inverse, `FromStr`.
fn text(Target { ident, domain }: &Target<'_>, variants: &[NamedVariant]) -> TokenStream {
    let idents: Vec<_> = variants.iter().map(|variant| &variant.ident).collect();
    let names: Vec<_> = variants.iter().map(|variant| &variant.name).collect();
    quote! {
        #[automatically_derived]
        #[allow(dead_code, unreachable_pub, reason = "generated code fits every input")]
        impl #ident {
            /// The name under which this value is stored.
            pub const fn as_str(&self) -> &'static str {
                match self {
                    #(Self::#idents { .. } => #names,)*
                }
            }
        }

        #[automatically_derived]
        impl ::core::str::FromStr for #ident {
            type Err = #domain::MappingError;

            fn from_str(text: &str) -> ::core::result::Result<Self, Self::Err> {
                match text {
                    #(#names => ::core::result::Result::Ok(Self::#idents {}),)*
                    _ => ::core::result::Result::Err(
                        #domain::__private::not_one_of(&[#(#names),*], text),
                    ),
                }
            }
        }
    }
}

fn json(Target { ident, domain }: &Target<'_>) -> TokenStream {
    let serde = quote!(#domain::__private::serde);
    quote! {
        #[automatically_derived]
        impl #serde::Serialize for #ident {
            fn serialize<S: #serde::Serializer>(
                &self,
                serializer: S,
            ) -> ::core::result::Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        #[automatically_derived]
        impl<'de> #serde::Deserialize<'de> for #ident {
            fn deserialize<D: #serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::core::result::Result<Self, D::Error> {
                #domain::__private::deserialize_text(deserializer)
            }
        }
    }
}
