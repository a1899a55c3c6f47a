use idp_domain::ValueObject;

#[derive(ValueObject, Clone, Debug, PartialEq)]
struct Range<T> {
    from: T,
    to: T,
}

fn main() {}
