use idp_domain::Aggregate;

#[derive(Aggregate, Clone)]
#[aggregate(name = "door")]
enum Door {
    Open,
    Closed,
}

fn main() {}
