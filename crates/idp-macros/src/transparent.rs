//! The stored form of a value object around one value: that of the value.

use crate::shadow::json_part;
use crate::value_object::Target;
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Type;
use syn::spanned::Spanned;

pub(crate) fn emit(target: &Target<'_>, inner: &Type) -> TokenStream {
    let (field_type, json) = (field_type(target, inner), json(target, inner));
    let comparable = comparable(target, inner);
    quote!(#field_type #comparable #json)
}

fn field_type(Target { ident, domain }: &Target<'_>, inner: &Type) -> TokenStream {
    let field_type = quote_spanned!(inner.span()=> <#inner as #domain::FieldType>);
    quote! {
        #[automatically_derived]
        impl #domain::FieldType for #ident {
            const KIND: #domain::Kind = #field_type::KIND;
            const NULLABLE: bool = #field_type::NULLABLE;

            fn to_value(&self) -> #domain::Value {
                #field_type::to_value(&self.0)
            }

            fn from_value(
                value: #domain::Value,
            ) -> ::core::result::Result<Self, #domain::MappingError> {
                #field_type::from_value(value).map(Self)
            }
        }
    }
}

/// It can be compared when the value can. The unused lifetime makes the bound one that rustc only
/// checks where the trait is used: without it a value that cannot be compared would be an error.
fn comparable(Target { ident, domain }: &Target<'_>, inner: &Type) -> TokenStream {
    quote! {
        #[automatically_derived]
        #[allow(trivial_bounds, reason = "generated code fits every input")]
        impl #domain::Comparable for #ident
        where
            for<'unchecked> #inner: #domain::Comparable<Operand = #inner>,
        {
            type Operand = Self;

            fn operand(value: Self) -> #domain::Value {
                <#inner as #domain::Comparable>::operand(value.0)
            }
        }
    }
}

fn json(Target { ident, domain }: &Target<'_>, inner: &Type) -> TokenStream {
    let serde = quote!(#domain::__private::serde);
    let json = json_part(inner, domain);
    quote! {
        #[automatically_derived]
        impl #serde::Serialize for #ident {
            fn serialize<S: #serde::Serializer>(
                &self,
                serializer: S,
            ) -> ::core::result::Result<S::Ok, S::Error> {
                #json::write(&self.0, serializer)
            }
        }

        #[automatically_derived]
        impl<'de> #serde::Deserialize<'de> for #ident {
            fn deserialize<D: #serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::core::result::Result<Self, D::Error> {
                #json::read(deserializer).map(Self)
            }
        }
    }
}
