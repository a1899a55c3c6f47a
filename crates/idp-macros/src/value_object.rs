//! `#[derive(ValueObject)]`: which of the three stored forms a type has.
//!
//! Named fields, and enums that hold data, are composite and kept as JSON. A struct around one
//! value is kept as that value. An enum without data is kept as text.

use crate::body::Body;
use crate::case::snake_case;
use crate::domain_path::domain_path;
use crate::problems::Problems;
use crate::settings::{refuse_on_fields, settings};
use crate::shape::no_parameters;
use crate::{composite, enumeration, transparent};
use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Fields, Ident, Path, Variant};

/// The type for which the trait is derived.
pub(crate) struct Target<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) domain: Path,
}

/// A variant, and the name under which it is stored.
pub(crate) struct NamedVariant {
    pub(crate) ident: Ident,
    pub(crate) name: String,
    pub(crate) body: Body,
}

/// How a message calls a field that has settings.
const WHOSE_FIELD: &str = "a field of a value object";

pub(crate) fn derive(input: &DeriveInput) -> syn::Result<TokenStream> {
    let ident = &input.ident;
    no_parameters(input, "a value object")?;
    let target = Target { ident, domain: parse_domain(input)? };
    let stored_form = match &input.data {
        Data::Struct(data) => of_struct(&target, &data.fields)?,
        Data::Enum(data) => of_enum(&target, data.variants.iter())?,
        Data::Union(_) => return Err(no_form(ident)),
    };
    let domain = &target.domain;
    Ok(quote! {
        #stored_form

        #[automatically_derived]
        impl #domain::ValueObject for #ident {}

        #[automatically_derived]
        impl #domain::JsonShape for #ident {}
    })
}

fn of_struct(target: &Target<'_>, fields: &Fields) -> syn::Result<TokenStream> {
    match fields {
        Fields::Named(_) => Ok(composite::of_struct(target, &Body::new(fields))),
        Fields::Unnamed(one) if one.unnamed.len() == 1 => {
            Ok(transparent::emit(target, &one.unnamed[0].ty))
        }
        _ => Err(no_form(target.ident)),
    }
}

fn of_enum<'a>(
    target: &Target<'_>,
    variants: impl Iterator<Item = &'a Variant>,
) -> syn::Result<TokenStream> {
    let variants = parse_variants(target.ident, variants)?;
    if variants.iter().all(|variant| variant.body.parts().is_empty()) {
        Ok(enumeration::emit(target, &variants))
    } else {
        Ok(composite::of_enum(target, &variants))
    }
}

fn no_form(ident: &Ident) -> syn::Error {
    let message = format!(
        "a value object has named fields, wraps one value, or is an enum: write \
         `struct {ident} {{ … }}` and name the fields"
    );
    syn::Error::new_spanned(ident, message)
}

/// The settings of the type; there is one.
fn parse_domain(input: &DeriveInput) -> syn::Result<Path> {
    let mut problems = Problems::default();
    let mut domain = None;
    for setting in settings(&input.attrs, "value_object", &mut problems) {
        match setting.key().as_str() {
            "crate" => setting.set(&mut domain, setting.quoted_path(), &mut problems),
            _ => setting.refuse("a value object", "`crate = \"…\"`", &mut problems),
        }
    }
    if let Data::Struct(data) = &input.data {
        refuse_on_fields(&data.fields, "value_object", WHOSE_FIELD, &mut problems);
    }
    problems.resolve(Some(domain_path(domain)))
}

fn parse_variants<'a>(
    ident: &Ident,
    variants: impl Iterator<Item = &'a Variant>,
) -> syn::Result<Vec<NamedVariant>> {
    let mut problems = Problems::default();
    let mut named: Vec<NamedVariant> = Vec::new();
    for variant in variants {
        let name = stored_name(variant, &mut problems);
        refuse_on_fields(&variant.fields, "value_object", WHOSE_FIELD, &mut problems);
        if let Some(same) = named.iter().find(|other| other.name == name) {
            let message = format!(
                "`{name}` is already the stored name of `{}`: write \
                 `#[value_object(rename = \"…\")]` on one of them",
                same.ident
            );
            problems.at(&variant.ident, message);
        }
        let body = Body::new(&variant.fields);
        named.push(NamedVariant { ident: variant.ident.clone(), name, body });
    }
    if named.is_empty() {
        problems.at(ident, "an enum without variants has no values: give it one");
    }
    problems.resolve(Some(named))
}

fn stored_name(variant: &Variant, problems: &mut Problems) -> String {
    let mut rename = None;
    for setting in settings(&variant.attrs, "value_object", problems) {
        match setting.key().as_str() {
            "rename" => setting.set(&mut rename, setting.text(), problems),
            _ => setting.refuse("a variant", "`rename = \"…\"`", problems),
        }
    }
    rename.map_or_else(|| snake_case(&variant.ident.unraw().to_string()), |text| text.value())
}
