//! The derives of idp. Use them through `idp-domain`, which documents what they derive.
//!
//! Every derive works in three steps: the settings of its attributes are read, a plain model of the
//! type is checked, and code is written from the model. All mistakes of a type are reported at once.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod aggregate;
mod domain_error;
mod domain_event;
mod event;
mod read_model;
mod value_object;

mod composite;
mod enumeration;
mod transparent;

mod columns;
mod record;
mod table;

mod body;
mod message;
mod shadow;

mod case;
mod domain_path;
mod problems;
mod settings;
mod shape;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Derives `Aggregate`, `Entity` and `Record` for a struct, and a constant for each of its fields.
#[proc_macro_derive(Aggregate, attributes(aggregate))]
pub fn aggregate(input: TokenStream) -> TokenStream {
    expand(aggregate::derive, parse_macro_input!(input))
}

/// Derives `Record` for a struct that a projection keeps, and a constant for each of its fields.
#[proc_macro_derive(ReadModel, attributes(read_model))]
pub fn read_model(input: TokenStream) -> TokenStream {
    expand(read_model::derive, parse_macro_input!(input))
}

/// Derives `DomainEvent` for an enum with one variant an event.
#[proc_macro_derive(DomainEvent, attributes(event))]
pub fn domain_event(input: TokenStream) -> TokenStream {
    expand(domain_event::derive, parse_macro_input!(input))
}

/// Derives `ValueObject` and the stored form of it.
#[proc_macro_derive(ValueObject, attributes(value_object))]
pub fn value_object(input: TokenStream) -> TokenStream {
    expand(value_object::derive, parse_macro_input!(input))
}

/// Derives `DomainError` for an enum with one variant a rule.
#[proc_macro_derive(DomainError, attributes(error))]
pub fn domain_error(input: TokenStream) -> TokenStream {
    expand(domain_error::derive, parse_macro_input!(input))
}

type Derive = fn(&DeriveInput) -> syn::Result<proc_macro2::TokenStream>;

#[expect(clippy::needless_pass_by_value, reason = "`parse_macro_input!` makes a value")]
fn expand(derive: Derive, input: DeriveInput) -> TokenStream {
    derive(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}
