//! Turns the name of a host into addresses.

use idp_application::BoxFuture;
use std::io;
use std::net::SocketAddr;

/// Looks names up. The bus checks the addresses and connects to one of those that it checked: it
/// never lets anything look the name up a second time.
pub trait Resolver: Send + Sync + 'static {
    /// The addresses of that host.
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>>;
}

/// Asks the system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
    }
}
