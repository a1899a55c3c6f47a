//! The shapes of types that the derives accept: structs with named fields, and enums.

use syn::punctuated::Punctuated;
use syn::{Data, DataStruct, DeriveInput, Field, Fields, Token, Variant};

/// The named fields of a struct without parameters. `what` is how the user calls the struct.
pub(crate) fn named_fields<'a>(input: &'a DeriveInput, what: &str) -> syn::Result<Vec<&'a Field>> {
    let ident = &input.ident;
    no_parameters(input, what)?;
    match &input.data {
        Data::Struct(DataStruct { fields: Fields::Named(fields), .. }) => {
            Ok(fields.named.iter().collect())
        }
        _ => Err(syn::Error::new_spanned(
            ident,
            format!("{what} is a struct with named fields: write `struct {ident} {{ … }}`"),
        )),
    }
}

/// The variants of an enum without parameters. `what` is how the user calls the enum, and `each`
/// what one variant is.
pub(crate) fn variants<'a>(
    input: &'a DeriveInput,
    what: &str,
    each: &str,
) -> syn::Result<&'a Punctuated<Variant, Token![,]>> {
    let ident = &input.ident;
    no_parameters(input, what)?;
    match &input.data {
        Data::Enum(data) => Ok(&data.variants),
        _ => {
            let message =
                format!("{what} is an enum with one variant {each}: write `enum {ident} {{ … }}`");
            Err(syn::Error::new_spanned(ident, message))
        }
    }
}

/// Refuses type parameters: a stored type has one name and one form.
pub(crate) fn no_parameters(input: &DeriveInput, what: &str) -> syn::Result<()> {
    if input.generics.params.is_empty() {
        return Ok(());
    }
    let message = format!("{what} has no parameters: write the types of its fields out");
    Err(syn::Error::new_spanned(&input.generics, message))
}
