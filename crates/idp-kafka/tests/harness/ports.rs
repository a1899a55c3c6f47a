//! Where proxies listen: the broker says some ports to its clients, and each test has one of them for
//! itself.

use super::environment;
use std::sync::{LazyLock, Mutex};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Those that no test has now.
static FREE: LazyLock<Free> = LazyLock::new(Free::from_environment);

struct Free {
    count: Semaphore,
    ports: Mutex<Vec<(u16, u16)>>,
}

impl Free {
    fn from_environment() -> Self {
        const WHAT: &str = "pairs of ports, `LISTEN:TARGET`, separated by commas";
        let told = environment("IDP_TEST_KAFKA_RELAYED", WHAT);
        let pair = |pair: &str| {
            let (listen, target) = pair.split_once(':')?;
            Some((listen.parse().ok()?, target.parse().ok()?))
        };
        let ports: Option<Vec<_>> = told.split(',').map(pair).collect();
        let ports = ports.unwrap_or_else(|| panic!("IDP_TEST_KAFKA_RELAYED must be {WHAT}"));
        Self { count: Semaphore::new(ports.len()), ports: Mutex::new(ports) }
    }
}

/// Two ports, until the value goes.
pub(crate) struct Ports {
    /// Where the broker says that it is, and nobody listens.
    pub(crate) listen: u16,
    /// Where the broker is.
    pub(crate) target: u16,
    _turn: SemaphorePermit<'static>,
}

impl Ports {
    /// Waits until some are free.
    pub(crate) async fn borrow() -> Self {
        let turn = FREE.count.acquire().await.expect("never closed");
        let free = FREE.ports.lock().expect("no panic").pop();
        let (listen, target) = free.expect("there is one for each turn");
        Self { listen, target, _turn: turn }
    }
}

impl Drop for Ports {
    fn drop(&mut self) {
        // The turn ends behind this.
        FREE.ports.lock().expect("no panic").push((self.listen, self.target));
    }
}
