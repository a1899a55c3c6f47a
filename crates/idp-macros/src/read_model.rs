//! `#[derive(ReadModel)]`

use crate::columns::{columns, pending_event};
use crate::domain_path::domain_path;
use crate::problems::Problems;
use crate::record::Record;
use crate::settings::{refuse_on_fields, settings};
use crate::shape::named_fields;
use crate::table::{Table, TableSettings, find_column};
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Ident, Path};

struct ReadModel {
    ident: Ident,
    domain: Path,
    table: Table,
}

pub(crate) fn derive(input: &DeriveInput) -> syn::Result<TokenStream> {
    let ReadModel { ident, domain, table } = &parse(input)?;
    let record = Record {
        ident,
        domain,
        table,
        kind: quote!(ReadModel),
        soft_delete: false,
        audit: false,
        beside_columns: quote!(),
    };
    let record = record.emit();
    Ok(quote! {
        #record

        #[automatically_derived]
        impl #domain::ReadModel for #ident {}
    })
}

fn parse(input: &DeriveInput) -> syn::Result<ReadModel> {
    let ident = &input.ident;
    let fields = named_fields(input, "a read model")?;
    let mut problems = Problems::default();
    let (table, key) = table_settings(input, &mut problems);
    let name = table.name(ident, "read_model", &mut problems);
    if let Data::Struct(data) = &input.data {
        refuse_on_fields(&data.fields, "read_model", "a field of a read model", &mut problems);
    }
    for field in &fields {
        if pending_event(&field.ty).is_some() {
            problems.at(&field.ident, "a read model raises no events: remove this field");
        }
    }
    let columns = columns(fields.iter().copied(), &mut problems);
    let (unique, indexes) = table.column_lists(&columns, &mut problems);
    if key.is_none() {
        let message = format!(
            "`{ident}` has no key: say which field tells its rows apart, as \
             `#[read_model(key = plan_id)]`"
        );
        problems.at(ident, message);
    }
    let key = key.and_then(|key| find_column(&key, &columns, &mut problems));
    let domain = domain_path(table.domain);
    let model = name.zip(key).map(|(name, key)| ReadModel {
        ident: ident.clone(),
        domain,
        table: Table { name, columns, key, unique, indexes },
    });
    problems.resolve(model)
}

fn table_settings(input: &DeriveInput, problems: &mut Problems) -> (TableSettings, Option<Ident>) {
    let (mut table, mut key) = (TableSettings::default(), None);
    for setting in settings(&input.attrs, "read_model", problems) {
        match setting.key().as_str() {
            "key" => setting.set(&mut key, setting.field(), problems),
            _ if table.take(&setting, problems) => {}
            _ => {
                let known = format!("{}, `key = field`", TableSettings::KNOWN);
                setting.refuse("a read model", &known, problems);
            }
        }
    }
    (table, key)
}
