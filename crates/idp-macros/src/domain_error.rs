//! `#[derive(DomainError)]`

use crate::body::{Body, match_self};
use crate::case::snake_case;
use crate::domain_path::domain_path;
use crate::message::Message;
use crate::problems::Problems;
use crate::settings::settings;
use crate::shape::variants;
use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::{Attribute, DeriveInput, Ident, LitStr, Path, Variant};

struct Refusals {
    ident: Ident,
    domain: Path,
    refusals: Vec<Refusal>,
}

/// One variant.
struct Refusal {
    ident: Ident,
    body: Body,
    text: LitStr,
    message: Message,
}

pub(crate) fn derive(input: &DeriveInput) -> syn::Result<TokenStream> {
    Ok(parse(input)?.emit())
}

fn parse(input: &DeriveInput) -> syn::Result<Refusals> {
    let variants = variants(input, "a set of refusals", "a rule")?;
    let mut problems = Problems::default();
    let mut domain = None;
    for setting in settings(&input.attrs, "error", &mut problems) {
        match setting.key().as_str() {
            "crate" => setting.set(&mut domain, setting.quoted_path(), &mut problems),
            _ => setting.refuse("a set of refusals", "`crate = \"…\"`", &mut problems),
        }
    }
    let mut refusals = Vec::new();
    for variant in variants {
        refusals.extend(problems.keep(parse_refusal(variant)));
    }
    let (ident, domain) = (input.ident.clone(), domain_path(domain));
    problems.resolve(Some(Refusals { ident, domain, refusals }))
}

fn parse_refusal(variant: &Variant) -> syn::Result<Refusal> {
    let is_text = |attribute: &&Attribute| attribute.path().is_ident("error");
    let mut texts = variant.attrs.iter().filter(is_text);
    let Some(attribute) = texts.next() else {
        let message = format!(
            "refusal `{0}` has no text: add `#[error(\"…\")]` to `{0}`, with the reason in the words \
             of the business",
            variant.ident
        );
        return Err(syn::Error::new_spanned(&variant.ident, message));
    };
    if let Some(second) = texts.next() {
        return Err(syn::Error::new_spanned(second, "a refusal has one text: keep one"));
    }
    let text: LitStr = attribute
        .parse_args()
        .map_err(|_| syn::Error::new_spanned(attribute, "write the text as `#[error(\"…\")]`"))?;
    let body = Body::new(&variant.fields);
    let message = Message::parse(&text, &body)?;
    Ok(Refusal { ident: variant.ident.clone(), body, text, message })
}

impl Refusals {
    fn emit(&self) -> TokenStream {
        let Self { ident, domain, refusals } = self;
        let texts = match_self(refusals.iter().map(Refusal::write));
        let codes = match_self(refusals.iter().map(Refusal::code));
        quote! {
            #[automatically_derived]
            impl ::core::fmt::Display for #ident {
                #[allow(unused_variables, reason = "generated code fits every input")]
                fn fmt(&self, formatter: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    #texts
                }
            }

            #[automatically_derived]
            impl ::std::error::Error for #ident {}

            #[automatically_derived]
            impl #domain::DomainError for #ident {
                fn code(&self) -> &'static str {
                    #codes
                }
            }
        }
    }
}

impl Refusal {
    fn write(&self) -> TokenStream {
        let Self { ident, body, text, message } = self;
        let parts = || message.fields.iter().map(|place| &body.parts()[*place]);
        let members = parts().map(|part| &part.member);
        let bindings: Vec<&Ident> = parts().map(|part| &part.binding).collect();
        let format = LitStr::new(&message.format, text.span());
        quote! {
            Self::#ident { #(#members: #bindings,)* .. } => {
                ::core::write!(formatter, #format #(, #bindings = #bindings)*)
            }
        }
    }

    fn code(&self) -> TokenStream {
        let ident = &self.ident;
        let code = snake_case(&ident.unraw().to_string());
        quote!(Self::#ident { .. } => #code,)
    }
}
