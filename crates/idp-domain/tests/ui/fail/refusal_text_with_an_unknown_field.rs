use idp_domain::DomainError;

#[derive(DomainError, Debug)]
enum DoorError {
    #[error("{people} do not fit through {0}")]
    TooNarrow { count: u32, width: u32 },
    #[error("no key fits, tried {}")]
    Locked(u32),
}

fn main() {}
