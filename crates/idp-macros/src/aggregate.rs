//! `#[derive(Aggregate)]`

use crate::columns::{columns, pending_event};
use crate::domain_path::domain_path;
use crate::problems::Problems;
use crate::record::Record;
use crate::settings::settings;
use crate::shape::named_fields;
use crate::table::{Table, TableSettings, find_column};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{DeriveInput, Field, Ident, Path, Type};

struct Aggregate {
    ident: Ident,
    domain: Path,
    table: Table,
    soft_delete: bool,
    audit: bool,
    events: EventsField,
}

/// The field that collects events.
struct EventsField {
    ident: Ident,
    event: Type,
}

pub(crate) fn derive(input: &DeriveInput) -> syn::Result<TokenStream> {
    let aggregate = parse(input)?;
    Ok(aggregate.emit())
}

fn parse(input: &DeriveInput) -> syn::Result<Aggregate> {
    let ident = &input.ident;
    let fields = named_fields(input, "an aggregate")?;
    let mut problems = Problems::default();
    let AggregateSettings { table, soft_delete, audit } = table_settings(input, &mut problems);
    let name = table.name(ident, "aggregate", &mut problems);
    let id = id_field(ident, &fields, &mut problems);
    let events = events_field(ident, &fields, &mut problems);
    let state = fields.iter().copied().filter(|field| pending_event(&field.ty).is_none());
    let columns = columns(state, &mut problems);
    let (unique, indexes) = table.column_lists(&columns, &mut problems);
    let key = id.and_then(|id| find_column(&id, &columns, &mut problems));
    let domain = domain_path(table.domain);
    let aggregate = name.zip(key).zip(events).map(|((name, key), events)| Aggregate {
        ident: ident.clone(),
        domain,
        table: Table { name, columns, key, unique, indexes },
        soft_delete,
        audit,
        events,
    });
    problems.resolve(aggregate)
}

#[derive(Default)]
struct AggregateSettings {
    table: TableSettings,
    soft_delete: bool,
    audit: bool,
}

fn table_settings(input: &DeriveInput, problems: &mut Problems) -> AggregateSettings {
    let mut found = AggregateSettings::default();
    for setting in settings(&input.attrs, "aggregate", problems) {
        match setting.key().as_str() {
            "soft_delete" => found.soft_delete = problems.keep(setting.flag()).is_some(),
            "audit" => found.audit = problems.keep(setting.flag()).is_some(),
            _ if found.table.take(&setting, problems) => {}
            _ => {
                let known = format!("{}, `soft_delete`, `audit`", TableSettings::KNOWN);
                setting.refuse("an aggregate", &known, problems);
            }
        }
    }
    found
}

/// The field named `id`, or the one marked as such. Exactly one.
fn id_field(aggregate: &Ident, fields: &[&Field], problems: &mut Problems) -> Option<Ident> {
    let mut ids = Vec::new();
    for field in fields {
        let ident = field.ident.as_ref()?;
        if is_marked_as_id(field, problems) || ident == "id" {
            ids.push(ident);
        }
    }
    if ids.is_empty() {
        let id = format_ident!("{aggregate}Id");
        let message = format!(
            "`{aggregate}` has no identity: add the field `id: {id}`, or mark the field that holds \
             it with `#[aggregate(id)]`"
        );
        problems.at(aggregate, message);
    }
    for second in ids.iter().skip(1) {
        let message = format!(
            "`{aggregate}` has two identities, `{}` and `{second}`: keep one, and remove \
             `#[aggregate(id)]` from the other or rename it",
            ids[0]
        );
        problems.at(second, message);
    }
    ids.first().copied().cloned()
}

fn is_marked_as_id(field: &Field, problems: &mut Problems) -> bool {
    let mut marked = false;
    for setting in settings(&field.attrs, "aggregate", problems) {
        match setting.key().as_str() {
            "id" => marked = problems.keep(setting.flag()).is_some(),
            _ => setting.refuse("a field", "`id`", problems),
        }
    }
    marked
}

/// The field of type `Pending<…>`. Exactly one.
fn events_field(
    aggregate: &Ident,
    fields: &[&Field],
    problems: &mut Problems,
) -> Option<EventsField> {
    let mut found = fields.iter().filter_map(|field| {
        let event = pending_event(&field.ty)?.clone();
        Some(EventsField { ident: field.ident.clone()?, event })
    });
    let first = found.next();
    if first.is_none() {
        let message = format!(
            "`{aggregate}` has no field for its events: add `events: Pending<{aggregate}Event>`"
        );
        problems.at(aggregate, message);
    }
    for second in found {
        let message = "an aggregate raises its events in one field: keep one `Pending<…>`";
        problems.at(second.ident, message);
    }
    first
}

impl Aggregate {
    fn emit(&self) -> TokenStream {
        let Self { ident, domain, table, soft_delete, audit, events } = self;
        let EventsField { ident: events, event } = events;
        let record = Record {
            ident,
            domain,
            table,
            kind: quote!(Aggregate),
            soft_delete: *soft_delete,
            audit: *audit,
            beside_columns: quote!(#events: #domain::Pending::none(),),
        };
        let record = record.emit();
        let entity = self.entity();
        let changed_since = self.changed_since();
        quote! {
            #record
            #entity

            #[automatically_derived]
            impl #domain::Aggregate for #ident {
                type Event = #event;

                fn pending(&self) -> &#domain::Pending<Self::Event> {
                    &self.#events
                }

                fn pending_mut(&mut self) -> &mut #domain::Pending<Self::Event> {
                    &mut self.#events
                }

                #changed_since
            }
        }
    }

    fn entity(&self) -> TokenStream {
        let Self { ident, domain, table, .. } = self;
        let id = &table.columns[table.key];
        let (field, ty) = (&id.field, &id.ty);
        quote! {
            #[automatically_derived]
            impl #domain::Entity for #ident {
                type Id = #ty;

                fn id(&self) -> Self::Id {
                    self.#field
                }
            }
        }
    }

    fn changed_since(&self) -> TokenStream {
        let Self { domain, table, .. } = self;
        let changes = table.columns.iter().enumerate().filter(|(at, _)| *at != table.key).map(
            |(at, column)| {
                let field = &column.field;
                quote!(changed.insert_if(#at, self.#field != before.#field);)
            },
        );
        quote! {
            #[allow(unused_mut, unused_variables, clippy::float_cmp, reason = "generated code fits every input")]
            fn changed_since(&self, before: &Self) -> #domain::ColumnSet {
                let mut changed = #domain::ColumnSet::EMPTY;
                #(#changes)*
                changed
            }
        }
    }
}
