//! Writes `Record` for a table, and the constant of each field.

use crate::columns::Column;
use crate::table::{ColumnList, ListedColumn, Table};
use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Ident, Path};

/// A record: a type and its table.
pub(crate) struct Record<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) domain: &'a Path,
    pub(crate) table: &'a Table,
    pub(crate) kind: TokenStream,
    pub(crate) soft_delete: bool,
    pub(crate) audit: bool,
    /// What else a value is built with when it is loaded.
    pub(crate) beside_columns: TokenStream,
}

impl Record<'_> {
    /// `impl Record`, and the constants of the fields.
    pub(crate) fn emit(&self) -> TokenStream {
        let Self { ident, domain, .. } = self;
        let schema = self.schema();
        let (value, from_row) = (self.emit_value(), self.emit_from_row());
        let (constants, checks) = (self.constants(), self.checks());
        quote! {
            #constants
            #(#checks)*

            #[automatically_derived]
            impl #domain::Record for #ident {
                const SCHEMA: &'static #domain::TableSchema = #schema;
                #value
                #from_row
            }
        }
    }

    fn schema(&self) -> TokenStream {
        let Self { domain, table, kind, soft_delete, audit, .. } = self;
        let Table { name, key, .. } = table;
        let columns = table.columns.iter().map(|column| self.column(column));
        let (unique, indexes) = (column_lists(&table.unique), column_lists(&table.indexes));
        quote! {
            &#domain::TableSchema {
                name: #name,
                kind: #domain::TableKind::#kind,
                columns: &[#(#columns),*],
                key: #key,
                soft_delete: #soft_delete,
                audit: #audit,
                unique: #unique,
                indexes: #indexes,
            }
        }
    }

    fn column(&self, Column { name, ty, .. }: &Column) -> TokenStream {
        let domain = self.domain;
        let field_type = quote_spanned!(ty.span()=> <#ty as #domain::FieldType>);
        quote! {
            #domain::Column {
                name: #name,
                kind: #field_type::KIND,
                nullable: #field_type::NULLABLE,
            }
        }
    }

    fn emit_value(&self) -> TokenStream {
        let Self { domain, table, .. } = self;
        let values = table.columns.iter().enumerate().map(|(at, Column { field, ty, .. })| {
            let to_value = quote_spanned!(ty.span()=> <#ty as #domain::FieldType>::to_value);
            quote!(#at => #to_value(&self.#field),)
        });
        let panic = format!("`{}` has no column {{column}}", table.name.value());
        quote! {
            fn value(&self, column: usize) -> #domain::Value {
                match column {
                    #(#values)*
                    _ => ::core::panic!(#panic, column = column),
                }
            }
        }
    }

    fn emit_from_row(&self) -> TokenStream {
        let Self { domain, table, beside_columns, .. } = self;
        let fields = table.columns.iter().enumerate().map(|(at, Column { field, ty, .. })| {
            let from_value = quote_spanned!(ty.span()=> <#ty as #domain::FieldType>::from_value);
            quote!(#field: #domain::__private::take(&mut row, #at, #from_value)?,)
        });
        quote! {
            fn from_row(
                mut row: #domain::RowValues,
            ) -> ::core::result::Result<Self, #domain::MappingError> {
                ::core::result::Result::Ok(Self { #(#fields)* #beside_columns })
            }
        }
    }

    /// Refuses, once types are known, to search by a column that cannot be compared, and a key that
    /// can be missing.
    fn checks(&self) -> Vec<TokenStream> {
        let Self { domain, table, .. } = self;
        let Column { field: key, ty, .. } = &table.columns[table.key];
        let nullable = quote_spanned!(ty.span()=> <#ty as #domain::FieldType>::NULLABLE);
        let message = format!("`{key}` is the key, which is never missing: take its `Option` away");
        let lists = table.unique.iter().chain(&table.indexes).flatten();
        let comparable = lists.map(|ListedColumn { at, field }| self.check_comparable(*at, field));
        comparable
            .chain([self.check_comparable(table.key, key), check(key, &nullable, &message)])
            .collect()
    }

    fn check_comparable(&self, column: usize, field: &Ident) -> TokenStream {
        let domain = self.domain;
        let ty = &self.table.columns[column].ty;
        let kind = quote_spanned!(ty.span()=> <#ty as #domain::FieldType>::KIND);
        let is_json = quote!(::core::matches!(#kind, #domain::Kind::Json));
        let message = format!(
            "`{field}` is kept as JSON, which stores do not compare: name a field that holds a \
             number, text, a time, an id or an enum"
        );
        check(field, &is_json, &message)
    }

    fn constants(&self) -> TokenStream {
        let Self { ident, domain, table, .. } = self;
        let constants = table.columns.iter().enumerate().map(|(at, Column { field, name, ty })| {
            let constant = format_ident!("{}", name.to_uppercase(), span = field.span());
            let doc = format!("The field `{name}`, to search and to sort by.");
            quote! {
                #[doc = #doc]
                pub const #constant: #domain::Field<Self, #ty> = #domain::Field::new(#at);
            }
        });
        quote! {
            #[automatically_derived]
            #[allow(dead_code, unreachable_pub, private_interfaces, reason = "generated code fits every input")]
            impl #ident {
                #(#constants)*
            }
        }
    }
}

/// Refuses the field when the condition turns out to be true.
fn check(field: &Ident, refused: &TokenStream, message: &str) -> TokenStream {
    quote_spanned!(field.span()=> const _: () = ::core::assert!(!#refused, #message);)
}

fn column_lists(lists: &[ColumnList]) -> TokenStream {
    let lists = lists.iter().map(|list| list.iter().map(|listed| listed.at));
    let lists = lists.map(|list| quote!(&[#(#list),*]));
    quote!(&[#(#lists),*])
}
