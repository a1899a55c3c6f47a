//! What a bus asks of the brokers before it publishes: that they answer, and that the topic of
//! positions is there and keeps what it is given.

use crate::client::{self, Admin};
use crate::deadline::Deadline;
use crate::error::{Class, class, failed};
use crate::position::PARTITIONS;
use crate::{Delivery, KafkaConfig};
use idp_application::{Error, ErrorKind};
use rdkafka::admin::{AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::error::RDKafkaErrorCode;
use std::sync::Arc;
use std::time::Duration;

const CONNECT: &str = "connect to Kafka";

/// Fails unless the brokers answer and have what the bus needs.
pub(crate) async fn check_brokers(config: &KafkaConfig) -> Result<(), Error> {
    let admin = Arc::new(client::admin(config).map_err(|e| failed(CONNECT, e))?);
    let checked = match config.delivery {
        Delivery::Idempotent => partitions(&admin, config).await.map(|_| ()),
        Delivery::Transactional => ensure(&admin, config).await,
    };
    // It waits for a thread of its own.
    tokio::task::spawn_blocking(move || drop(admin));
    checked
}

/// Creates the topic if there is none; otherwise checks that it will do.
async fn ensure(admin: &Arc<Admin>, config: &KafkaConfig) -> Result<(), Error> {
    let deadline = Deadline::after(config.step_timeout);
    let mut found = partitions(admin, config).await?;
    if found.is_none() {
        create(admin, config).await?;
    }
    while found.is_none() {
        if deadline.has_passed() {
            let message = format!("the topic {:?} does not appear", config.positions_topic);
            return Err(Error::new(ErrorKind::Timeout, CONNECT, message));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        found = partitions(admin, config).await?;
    }
    let faults =
        [found.and_then(too_few), wrong_policy(cleanup_policy(admin, config).await?.as_deref())];
    let faults: Vec<_> = faults.into_iter().flatten().collect();
    if faults.is_empty() {
        return Ok(());
    }
    let message = format!("the topic {:?} {}", config.positions_topic, faults.join("; "));
    Err(Error::new(ErrorKind::Invalid, CONNECT, message))
}

fn too_few(partitions: usize) -> Option<String> {
    let needed = usize::try_from(PARTITIONS).expect("it is positive");
    (partitions < needed).then(|| format!("must have {needed} partitions, it has {partitions}"))
}

/// Anything but pure compaction forgets positions of streams that were idle for long.
fn wrong_policy(policy: Option<&str>) -> Option<String> {
    (policy != Some("compact")).then(|| format!("must have cleanup.policy=compact, got {policy:?}"))
}

/// How many partitions it has; `None` when it does not exist.
async fn partitions(admin: &Arc<Admin>, config: &KafkaConfig) -> Result<Option<usize>, Error> {
    let (admin, topic) = (Arc::clone(admin), config.positions_topic.clone());
    let timeout = config.step_timeout;
    let asked = tokio::task::spawn_blocking(move || {
        let metadata = admin.inner().fetch_metadata(Some(&topic), timeout)?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        Ok(found.map(|found| (found.error(), found.partitions().len())))
    });
    let joined =
        asked.await.map_err(|e| Error::new(ErrorKind::Unavailable, CONNECT, e.to_string()))?;
    match joined.map_err(|e| failed(CONNECT, e))? {
        Some((None, partitions)) => Ok(Some(partitions)),
        None => Ok(None),
        Some((Some(error), _)) => {
            let code = RDKafkaErrorCode::from(error);
            match class(code) {
                Class::TopicMissing => Ok(None),
                Class::Refused => Err(no_access(ErrorKind::Forbidden, config, code)),
                _ => Err(no_access(ErrorKind::Unavailable, config, code)),
            }
        }
    }
}

fn no_access(kind: ErrorKind, config: &KafkaConfig, code: RDKafkaErrorCode) -> Error {
    Error::new(kind, CONNECT, format!("the topic {:?}: {code}", config.positions_topic))
}

/// With the replication that the cluster gives to new topics. Segments are small, so that compaction keeps
/// what a new owner of a stream has to read short.
async fn create(admin: &Admin, config: &KafkaConfig) -> Result<(), Error> {
    let topic = NewTopic::new(&config.positions_topic, PARTITIONS, TopicReplication::Fixed(-1))
        .set("cleanup.policy", "compact")
        .set("min.cleanable.dirty.ratio", "0.1")
        .set("segment.bytes", "4194304");
    let results = admin.create_topics([&topic], &options(config)).await;
    for result in results.map_err(|e| failed(CONNECT, e))? {
        match result {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((_, code)) => return Err(no_access(ErrorKind::Forbidden, config, code)),
        }
    }
    Ok(())
}

async fn cleanup_policy(admin: &Admin, config: &KafkaConfig) -> Result<Option<String>, Error> {
    let topic = ResourceSpecifier::Topic(&config.positions_topic);
    let results = admin.describe_configs([&topic], &options(config)).await;
    let mut policy = None;
    for result in results.map_err(|e| failed(CONNECT, e))? {
        let resource = result.map_err(|code| no_access(ErrorKind::Forbidden, config, code))?;
        policy = resource.get("cleanup.policy").and_then(|entry| entry.value.clone());
    }
    Ok(policy)
}

fn options(config: &KafkaConfig) -> AdminOptions {
    AdminOptions::new()
        .request_timeout(Some(config.step_timeout))
        .operation_timeout(Some(config.step_timeout))
}
