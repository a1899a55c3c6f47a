//! What the derives generate, used as an application uses it.

mod aggregates;
mod events;
mod read_models;
mod refusals;
mod route_plan;
mod specifications;
mod value_objects;
