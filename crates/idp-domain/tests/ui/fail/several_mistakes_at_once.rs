use idp_domain::Aggregate;

#[derive(Aggregate, Clone)]
#[aggregate(soft_delete = true, unique)]
struct RoutePlan {
    revision: i32,
}

fn main() {}
