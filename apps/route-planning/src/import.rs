//! Takes routing instances in: each route of a solved instance becomes one plan, all of them or none.

mod instance_files;
mod solved_instance;
mod store_plans;

pub use instance_files::InstanceFiles;
pub use solved_instance::SolvedInstance;
pub use store_plans::store_plans;
