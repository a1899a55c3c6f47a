//! `#[derive(DomainEvent)]`

use crate::body::match_self;
use crate::composite::{take, write};
use crate::domain_path::domain_path;
use crate::event::{Event, refuse_same_names};
use crate::problems::Problems;
use crate::settings::settings;
use crate::shadow::{self, Shadow};
use crate::shape::variants;
use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Ident, Path};

struct EventSet {
    ident: Ident,
    domain: Path,
    events: Vec<Event>,
}

pub(crate) fn derive(input: &DeriveInput) -> syn::Result<TokenStream> {
    Ok(parse(input)?.emit())
}

fn parse(input: &DeriveInput) -> syn::Result<EventSet> {
    let ident = &input.ident;
    let variants = variants(input, "a set of events", "an event")?;
    let mut problems = Problems::default();
    let mut domain = None;
    for setting in settings(&input.attrs, "event", &mut problems) {
        match setting.key().as_str() {
            "crate" => setting.set(&mut domain, setting.quoted_path(), &mut problems),
            _ => setting.refuse("a set of events", "`crate = \"…\"`", &mut problems),
        }
    }
    let mut events = Vec::new();
    for variant in variants {
        events.extend(Event::parse(ident, variant, &mut problems));
    }
    refuse_same_names(&events, &mut problems);
    problems.resolve(Some(EventSet { ident: ident.clone(), domain: domain_path(domain), events }))
}

impl EventSet {
    fn emit(&self) -> TokenStream {
        let Self { ident, domain, events } = self;
        let shadow = |event: &Event| shadow::of_fields(&event.ident, &event.body, domain);
        let shadows: Vec<Shadow> = events.iter().map(shadow).collect();
        let declarations = shadows.iter().map(|shadow| &shadow.declarations);
        let schemas = events.iter().map(|event| self.schema(event));
        let functions =
            [self.emit_schema(), self.emit_payload(&shadows), self.emit_from_payload(&shadows)];
        quote! {
            const _: () = {
                #(#declarations)*

                #[automatically_derived]
                impl #domain::DomainEvent for #ident {
                    const SCHEMAS: &'static [#domain::EventSchema] = &[#(#schemas),*];
                    #(#functions)*
                }
            };
        }
    }

    fn schema(&self, Event { name, schema_id, version, .. }: &Event) -> TokenStream {
        let domain = &self.domain;
        quote! {
            #domain::EventSchema { name: #name, schema_id: #schema_id, version: #version }
        }
    }

    /// The schema of the event at that place of the enum.
    fn schema_at(&self, at: usize) -> TokenStream {
        let Self { ident, domain, .. } = self;
        quote!(&<#ident as #domain::DomainEvent>::SCHEMAS[#at])
    }

    fn emit_schema(&self) -> TokenStream {
        let domain = &self.domain;
        let schema = match_self(self.events.iter().enumerate().map(|(at, Event { ident, .. })| {
            let schema = self.schema_at(at);
            quote!(Self::#ident { .. } => #schema,)
        }));
        quote! {
            fn schema(&self) -> &'static #domain::EventSchema {
                #schema
            }
        }
    }

    fn emit_payload(&self, shadows: &[Shadow]) -> TokenStream {
        let Self { domain, events, .. } = self;
        let arms = events.iter().zip(shadows).map(|(Event { ident, body, .. }, shadow)| {
            let (pattern, fields, written) = (body.pattern(), write(body, domain), &shadow.written);
            quote! {
                Self::#ident #pattern => #domain::__private::to_payload(&#written #fields),
            }
        });
        let payload = match_self(arms);
        quote! {
            fn payload(&self) -> #domain::__private::serde_json::Value {
                #payload
            }
        }
    }

    fn emit_from_payload(&self, shadows: &[Shadow]) -> TokenStream {
        let domain = &self.domain;
        let arms = self.events.iter().zip(shadows).enumerate();
        let arms = arms.map(|(at, (event, shadow))| self.arm_of_name(at, event, shadow));
        quote! {
            #[allow(unused_variables, reason = "generated code fits every input")]
            fn from_payload(
                name: &str,
                version: u32,
                payload: #domain::__private::serde_json::Value,
            ) -> ::core::result::Result<Self, #domain::PayloadError> {
                match name {
                    #(#arms)*
                    _ => ::core::result::Result::Err(#domain::PayloadError::unknown_name(name)),
                }
            }
        }
    }

    fn arm_of_name(&self, at: usize, event: &Event, Shadow { read, .. }: &Shadow) -> TokenStream {
        let domain = &self.domain;
        let Event { ident, body, name, upcast, .. } = event;
        let (pattern, fields, schema) = (body.pattern(), take(body), self.schema_at(at));
        let lifted = match upcast {
            Some(upcast) => quote!(lift(#schema, version, payload, #upcast)),
            None => quote!(current(#schema, version, payload)),
        };
        quote! {
            #name => {
                let payload = #domain::__private::#lifted?;
                let #read #pattern = #domain::__private::from_payload(#name, payload)?;
                ::core::result::Result::Ok(Self::#ident #fields)
            }
        }
    }
}
