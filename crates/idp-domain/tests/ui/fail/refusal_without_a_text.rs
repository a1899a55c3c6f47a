use idp_domain::DomainError;

#[derive(DomainError, Debug)]
enum DoorError {
    #[error("the door is locked")]
    Locked,
    Jammed,
}

fn main() {}
