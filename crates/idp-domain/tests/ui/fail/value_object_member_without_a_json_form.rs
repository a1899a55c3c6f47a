use idp_domain::ValueObject;

#[derive(Clone, Debug, PartialEq)]
struct Place {
    latitude: f64,
}

#[derive(ValueObject, Clone, Debug, PartialEq)]
struct Stop {
    name: String,
    place: Place,
    earlier: Option<Vec<Place>>,
}

fn main() {}
