//! The mark of a worker that took a stream of messages over and had nothing to store.

use crate::acks::{Answer, answer};
use crate::call::{Call, Route};
use crate::error::{has_moved, no_answer, rejection};
use crate::top::Top;
use async_nats::HeaderMap;
use async_nats::header::{
    NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, NATS_EXPECTED_STREAM, NATS_MESSAGE_ID,
};
use idp_application::PublishError;

/// The number of the last message before the mark.
pub(crate) const SEQUENCE: &str = "idp-mark-sequence";
/// The epoch of the worker.
pub(crate) const EPOCH: &str = "idp-mark-epoch";
/// The identity of the event of the last message before the mark.
pub(crate) const EVENT: &str = "idp-mark-event";

/// Marks a subject behind its last message, after which nothing of an older epoch is stored. Gives
/// the subject's last message as it is then; none if it has moved meanwhile.
pub(crate) async fn mark(
    call: &Call<'_>,
    route: &Route,
    top: &Top,
    epoch: i64,
) -> Result<Option<Top>, PublishError> {
    let mut headers = HeaderMap::new();
    headers.insert(SEQUENCE, top.sequence.to_string());
    headers.insert(EPOCH, epoch.to_string());
    headers.insert(EVENT, top.event.as_str());
    headers.insert(NATS_MESSAGE_ID, call.mark_id(&route.subject, epoch));
    headers.insert(NATS_EXPECTED_STREAM, route.destination.name.as_str());
    headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, top.stored_as.to_string());
    let client = call.connection.client();
    let asked = client.request_with_headers(route.subject.clone(), headers, Vec::new().into());
    match answer(&asked.await.map_err(no_answer)?) {
        Answer::Stored(stored_as) => Ok(Some(Top { stored_as, epoch, ..top.clone() })),
        Answer::Rejected(moved) if has_moved(&moved) => Ok(None),
        Answer::Rejected(other) => Err(rejection(&other, &route.subject)),
        Answer::Unknown(_) => Err(PublishError::unavailable(0, "the mark was not acknowledged")),
    }
}
