use idp_domain::ValueObject;

#[derive(ValueObject, Clone, Debug, PartialEq)]
enum Status {
    Draft,
    #[value_object(rename = "draft")]
    Sketch,
}

fn main() {}
