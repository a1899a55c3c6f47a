use idp_domain::ValueObject;

#[derive(ValueObject, Clone, Debug, PartialEq)]
struct Place(f64, f64);

fn main() {}
