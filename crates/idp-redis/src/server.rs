//! What the server is like: whether messages would be safe in it.

use crate::error::not_connected;
use idp_application::Error;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, RedisError};
use std::collections::HashMap;

/// What the bus found out about a server; what it may not ask for it takes for the usual.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Server {
    /// The most bytes of one argument.
    pub(crate) bulk_bytes_max: Option<usize>,
    is_cluster: bool,
    /// The policy by which it drops any key that it likes when its memory is full.
    evicts_by: Option<String>,
}

impl Server {
    pub(crate) async fn ask(connection: &mut MultiplexedConnection) -> Result<Self, Error> {
        let mut info = redis::cmd("INFO");
        let info: Option<String> = permitted(info.arg("all"), connection).await?;
        let mut bulk = redis::cmd("CONFIG");
        let bulk = permitted(bulk.arg("GET").arg("proto-max-bulk-len"), connection).await?;
        if info.is_none() {
            tracing::warn!("the bus to Redis may not use INFO: how memory is used is not checked");
        }
        Ok(Self::of(&info.unwrap_or_default(), &bulk.unwrap_or_default()))
    }

    fn of(info: &str, config: &HashMap<String, String>) -> Self {
        let fact = |name: &str| {
            let mut lines = info.lines().filter_map(|line| line.split_once(':'));
            lines.find_map(|(found, value)| (found == name).then_some(value.trim()))
        };
        let has_bound = fact("maxmemory").is_some_and(|bytes| bytes != "0");
        let policy = fact("maxmemory_policy").filter(|policy| policy.starts_with("allkeys"));
        Self {
            bulk_bytes_max: config.get("proto-max-bulk-len").and_then(|bytes| bytes.parse().ok()),
            is_cluster: fact("cluster_enabled") == Some("1"),
            evicts_by: policy.filter(|_| has_bound).map(str::to_owned),
        }
    }

    /// What is wrong with it.
    pub(crate) fn faults(&self) -> Vec<String> {
        let cluster =
            self.is_cluster.then_some("the server is a cluster, which the bus cannot use");
        let eviction = self.evicts_by.as_ref().map(|policy| {
            format!(
                "`maxmemory-policy` of the server must be `noeviction` or a `volatile-` one, not \
                 {policy:?}, which drops streams when memory is full"
            )
        });
        cluster.map(str::to_owned).into_iter().chain(eviction).collect()
    }
}

/// The answer, or nothing if it is not permitted to ask.
async fn permitted<T: redis::FromRedisValue>(
    command: &Cmd,
    connection: &mut MultiplexedConnection,
) -> Result<Option<T>, Error> {
    // A server that somebody else runs may not know the command.
    let is_denied = |error: &RedisError| matches!(error.code(), Some("NOPERM" | "ERR"));
    match command.query_async(connection).await {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if is_denied(&error) => Ok(None),
        Err(error) => Err(not_connected(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(info: &str) -> usize {
        Server::of(info, &HashMap::new()).faults().len()
    }

    #[test]
    fn a_server_that_would_drop_streams_is_no_place_for_messages() {
        let info = |bytes: u32, policy: &str| {
            format!("# Memory\r\nmaxmemory:{bytes}\r\nmaxmemory_policy:{policy}\r\n")
        };
        assert_eq!(faults(&info(100, "allkeys-lru")), 1);
        assert_eq!(faults(&info(0, "allkeys-lru")), 0, "memory has no bound");
        assert_eq!(faults(&info(100, "noeviction")), 0);
        assert_eq!(faults(&info(100, "volatile-lru")), 0, "streams never expire");
        assert_eq!(faults("cluster_enabled:1\r\n"), 1);
        assert_eq!(faults(""), 0);
    }
}
