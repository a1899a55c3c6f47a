//! Closes producers that are not used, so that another worker can take their streams over.

use crate::streams::Streams;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Runs until the streams are dropped.
pub(crate) fn start(streams: &Arc<Streams>, idle: Duration) {
    tokio::spawn(sweep(Arc::downgrade(streams), idle));
}

async fn sweep(streams: Weak<Streams>, idle: Duration) {
    loop {
        tokio::time::sleep(idle / 2).await;
        let Some(streams) = streams.upgrade() else {
            return;
        };
        streams.close_idle(idle);
    }
}
