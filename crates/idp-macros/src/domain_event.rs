//! `#[derive(DomainEvent)]`

use crate::body::{Body, Style};
use crate::case::{is_plain_word, snake_case};
use crate::columns::no_parameters;
use crate::composite::{take, write};
use crate::domain_path::domain_path;
use crate::problems::Problems;
use crate::settings::{Setting, settings};
use crate::shadow::{self, Shadow};
use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Ident, LitInt, LitStr, Path, Variant};

struct EventSet {
    ident: Ident,
    domain: Path,
    events: Vec<Event>,
}

/// One variant.
struct Event {
    ident: Ident,
    body: Body,
    name: LitStr,
    schema_id: LitStr,
    version: u32,
    upcast: Option<Path>,
}

pub(crate) fn derive(input: &DeriveInput) -> syn::Result<TokenStream> {
    Ok(parse(input)?.emit())
}

fn parse(input: &DeriveInput) -> syn::Result<EventSet> {
    let ident = &input.ident;
    no_parameters(input, "a set of events")?;
    let Data::Enum(data) = &input.data else {
        let message = format!(
            "a set of events is an enum with one variant an event: write `enum {ident} {{ … }}`"
        );
        return Err(syn::Error::new_spanned(ident, message));
    };
    let mut problems = Problems::default();
    let mut domain = None;
    for setting in settings(&input.attrs, "event", &mut problems) {
        match setting.key().as_str() {
            "crate" => setting.set(&mut domain, setting.quoted_path(), &mut problems),
            _ => setting.refuse("a set of events", "`crate = \"…\"`", &mut problems),
        }
    }
    let parsed = data.variants.iter().map(|variant| parse_event(ident, variant, &mut problems));
    let events: Vec<Event> = parsed.collect::<Vec<_>>().into_iter().flatten().collect();
    refuse_same_names(&events, &mut problems);
    problems.resolve(Some(EventSet { ident: ident.clone(), domain: domain_path(domain), events }))
}

#[derive(Default)]
struct EventSettings {
    name: Option<LitStr>,
    schema_id: Option<LitStr>,
    version: Option<LitInt>,
    upcast: Option<Path>,
}

impl EventSettings {
    fn take(&mut self, setting: &Setting, problems: &mut Problems) {
        match setting.key().as_str() {
            "name" => setting.set(&mut self.name, setting.text(), problems),
            "schema" => setting.set(&mut self.schema_id, setting.text(), problems),
            "version" => setting.set(&mut self.version, setting.number(), problems),
            "upcast" => setting.set(&mut self.upcast, setting.path(), problems),
            _ => {
                let known = "`name = \"…\"`, `version = 2`, `upcast = function`, `schema = \"…\"`";
                setting.refuse("an event", known, problems);
            }
        }
    }
}

fn parse_event(set: &Ident, variant: &Variant, problems: &mut Problems) -> Option<Event> {
    let mut found = EventSettings::default();
    for setting in settings(&variant.attrs, "event", problems) {
        found.take(&setting, problems);
    }
    let body = Body::new(&variant.fields);
    if body.style() == Style::Tuple && body.parts().len() != 1 {
        let message = "an event with several values names them: write `{ name: Type, … }`";
        problems.at(&variant.fields, message);
    }
    let version = parse_version(found.version.as_ref(), problems);
    if let (Some(upcast), ..=1) = (&found.upcast, version) {
        let message =
            "version 1 has nothing older to lift: remove `upcast`, or write `version = 2`";
        problems.at(upcast, message);
    }
    let name = parse_name(set, variant, found.name, problems)?;
    let schema_id = found.schema_id.unwrap_or_else(|| name.clone());
    let ident = variant.ident.clone();
    Some(Event { ident, body, name, schema_id, version, upcast: found.upcast })
}

fn parse_version(given: Option<&LitInt>, problems: &mut Problems) -> u32 {
    let Some(given) = given else { return 1 };
    match problems.keep(given.base10_parse()) {
        Some(0) => problems.at(given, "versions count from 1: write `version = 1`"),
        Some(version) => return version,
        None => {}
    }
    1
}

fn parse_name(
    set: &Ident,
    variant: &Variant,
    given: Option<LitStr>,
    problems: &mut Problems,
) -> Option<LitStr> {
    let example = example_name(set, &variant.ident);
    let Some(name) = given else {
        let message = format!(
            "event `{}` has no stable name: add `#[event(name = \"{example}\")]`",
            variant.ident
        );
        problems.at(&variant.ident, message);
        return None;
    };
    let text = name.value();
    if !text.contains('.') || !text.split('.').all(is_plain_word) {
        let message = format!(
            "an event is named after its aggregate and what happened, in lower case with a dot \
             between: write `name = \"{example}\"`"
        );
        problems.at(&name, message);
    }
    Some(name)
}

/// `route_plan.created` for the variant `Created` of `RoutePlanEvent`.
fn example_name(set: &Ident, variant: &Ident) -> String {
    let set = set.unraw().to_string();
    let aggregate = set.strip_suffix("Events").or(set.strip_suffix("Event")).unwrap_or(&set);
    format!("{}.{}", snake_case(aggregate), snake_case(&variant.unraw().to_string()))
}

fn refuse_same_names(events: &[Event], problems: &mut Problems) {
    for (at, event) in events.iter().enumerate() {
        let same = |other: &&Event| other.name.value() == event.name.value();
        if let Some(first) = events[..at].iter().find(same) {
            let message = format!(
                "`{}` is already the name of `{}`: give each event a name of its own",
                event.name.value(),
                first.ident
            );
            problems.at(&event.name, message);
        }
    }
}

impl EventSet {
    fn emit(&self) -> TokenStream {
        let Self { ident, domain, events } = self;
        let shadows: Vec<Shadow> = events.iter().map(|event| event.shadow(domain)).collect();
        let declarations = shadows.iter().map(|shadow| &shadow.declaration);
        let schemas = events.iter().map(|event| event.schema(domain));
        let schema = self.schema();
        let payload = self.payload(&shadows);
        let from_payload = self.from_payload(&shadows);
        quote! {
            const _: () = {
                #(#declarations)*

                #[automatically_derived]
                impl #domain::DomainEvent for #ident {
                    const SCHEMAS: &'static [#domain::EventSchema] = &[#(#schemas),*];
                    #schema
                    #payload
                    #from_payload
                }
            };
        }
    }

    fn schema(&self) -> TokenStream {
        let Self { ident, domain, events } = self;
        let variants = events.iter().map(|event| &event.ident);
        let places = 0..events.len();
        let place = self.match_self(quote!(#(Self::#variants { .. } => #places,)*));
        quote! {
            fn schema(&self) -> &'static #domain::EventSchema {
                let place: usize = #place;
                &<#ident as #domain::DomainEvent>::SCHEMAS[place]
            }
        }
    }

    fn payload(&self, shadows: &[Shadow]) -> TokenStream {
        let Self { domain, events, .. } = self;
        let arms = events.iter().zip(shadows).map(|(Event { ident, body, .. }, shadow)| {
            let (pattern, fields, written) = (body.pattern(), write(body, domain), &shadow.written);
            quote! {
                Self::#ident #pattern => #domain::__private::to_payload(&#written #fields),
            }
        });
        let payload = self.match_self(quote!(#(#arms)*));
        quote! {
            fn payload(&self) -> #domain::__private::serde_json::Value {
                #payload
            }
        }
    }

    fn from_payload(&self, shadows: &[Shadow]) -> TokenStream {
        let Self { ident: set, domain, events } = self;
        let arms = events.iter().zip(shadows).enumerate().map(|(at, (event, shadow))| {
            let Event { ident, body, name, upcast, .. } = event;
            let (pattern, fields, read) = (body.pattern(), take(body), &shadow.read);
            let schema = quote!(&<#set as #domain::DomainEvent>::SCHEMAS[#at]);
            let lift = match upcast {
                Some(upcast) => quote!(lift(#schema, version, payload, #upcast)),
                None => quote!(current(#schema, version, payload)),
            };
            quote! {
                #name => {
                    let payload = #domain::__private::#lift?;
                    let #read #pattern = #domain::__private::from_payload(#name, payload)?;
                    ::core::result::Result::Ok(Self::#ident #fields)
                }
            }
        });
        quote! {
            #[allow(unused_variables)]
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

    /// A match on the event, also when there is none.
    fn match_self(&self, arms: TokenStream) -> TokenStream {
        if self.events.is_empty() { quote!(match *self {}) } else { quote!(match self { #arms }) }
    }
}

impl Event {
    fn shadow(&self, domain: &Path) -> Shadow {
        shadow::of_fields(&self.ident, &self.body, domain)
    }

    fn schema(&self, domain: &Path) -> TokenStream {
        let Self { name, schema_id, version, .. } = self;
        quote! {
            #domain::EventSchema { name: #name, schema_id: #schema_id, version: #version }
        }
    }
}
