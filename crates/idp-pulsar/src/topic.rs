//! The full name of a topic.

use crate::error::Failure;
use std::fmt;

/// A persistent topic, by tenant, namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Topic(String);

impl Topic {
    /// `topic`, `tenant/namespace/topic` and `persistent://tenant/namespace/topic` are understood;
    /// the tenant is `public` and the namespace `default` if not said otherwise.
    pub(crate) fn parse(name: &str) -> Result<Self, Failure> {
        let refused = |why: &str| Failure::Refused(format!("the topic {name:?} {why}"));
        if name.starts_with("non-persistent://") {
            return Err(refused("keeps no messages"));
        }
        let rest = name.strip_prefix("persistent://");
        let parts: Vec<_> = rest.unwrap_or(name).split('/').collect();
        let is_sound = |part: &&str| !part.is_empty() && !part.contains(char::is_whitespace);
        let [tenant, namespace, local] = match parts[..] {
            [local] if rest.is_none() => ["public", "default", local],
            [tenant, namespace, local] => [tenant, namespace, local],
            _ => return Err(refused("is not of the form persistent://tenant/namespace/topic")),
        };
        if ![tenant, namespace, local].iter().all(is_sound) {
            return Err(refused("has an empty part or a space"));
        }
        Ok(Self(format!("persistent://{tenant}/{namespace}/{local}")))
    }

    /// The topic behind one of its partitions.
    pub(crate) fn partition(&self, index: u32) -> Self {
        Self(format!("{}-partition-{index}", self.0))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_get_the_usual_tenant_and_namespace() {
        let full = |name| Topic::parse(name).expect("valid").to_string();
        assert_eq!(full("orders"), "persistent://public/default/orders");
        assert_eq!(full("a/b/c"), "persistent://a/b/c");
        assert_eq!(full("persistent://a/b/c"), "persistent://a/b/c");
        let partition = Topic::parse("orders").expect("valid").partition(3);
        assert_eq!(partition.as_str(), "persistent://public/default/orders-partition-3");
    }

    #[test]
    fn what_is_no_persistent_topic_is_refused() {
        for name in
            ["", "a/b", "a//c", "a b", "persistent://a", "non-persistent://a/b/c", "a/b/c/d"]
        {
            assert!(matches!(Topic::parse(name), Err(Failure::Refused(_))), "{name}");
        }
    }
}
