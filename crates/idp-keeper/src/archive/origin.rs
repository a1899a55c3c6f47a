//! Where an archive begins: written before its first segment, and never again. Without it, the loss of
//! the first segments could not be told from an archive that began late.

use super::store::ArchiveStore;
use bytes::Bytes;
use idp_application::{Error, ErrorKind, Lane, LaneLease};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How many events each lane had before the archive was a reader of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Origin {
    format: u32,
    lanes: Vec<OriginLane>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct OriginLane {
    lane: i16,
    after: i64,
}

impl Origin {
    const FORMAT: u32 = 1;
    pub(crate) const NAME: &'static str = "origin.json";

    /// That of an archive that has recorded nothing yet.
    pub(crate) fn of(leases: &[LaneLease]) -> Self {
        let lane = |lease: &LaneLease| {
            let (lane, after) = (lease.lane.number(), lease.sequence);
            OriginLane { lane, after }
        };
        Self { format: Self::FORMAT, lanes: leases.iter().map(lane).collect() }
    }

    /// The origin that is in the archive. Fails with [`Corrupt`](ErrorKind::Corrupt) when it is
    /// damaged, and with [`Unsupported`](ErrorKind::Unsupported) when it is of another format.
    pub(crate) async fn find(store: &dyn ArchiveStore) -> Result<Option<Self>, Error> {
        let object = match store.get(Self::NAME).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            object => object?,
        };
        let failed = |kind, message: String| {
            Error::new(kind, "read the archive", format!("`{}`: {message}", Self::NAME))
        };
        let origin: Self = serde_json::from_slice(&object)
            .map_err(|e| failed(ErrorKind::Corrupt, e.to_string()))?;
        if origin.format != Self::FORMAT {
            let message = format!("format {}, this build reads {}", origin.format, Self::FORMAT);
            return Err(failed(ErrorKind::Unsupported, message));
        }
        Ok(Some(origin))
    }

    pub(crate) async fn write(&self, store: &dyn ArchiveStore) -> Result<(), Error> {
        let mut object = serde_json::to_vec_pretty(self).expect("numbers serialize");
        object.push(b'\n');
        store.put(Self::NAME, Bytes::from(object)).await
    }

    /// The number of the last event of each lane that the archive was too late for.
    pub(crate) fn after(&self) -> BTreeMap<Lane, i64> {
        self.lanes.iter().map(|lane| (Lane::from_number(lane.lane), lane.after)).collect()
    }
}
