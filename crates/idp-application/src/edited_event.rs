//! What an operator's edit makes of an event that could not be delivered.

use crate::{Error, ErrorKind};
use idp_domain::{ContentHasher, Envelope, EventRecord, canonical_json};

/// The event with another payload. Everything else stays, its identity too.
///
/// It is not what was committed any more, and says so. Its metadata names, under
/// [`EventRecord::EDITED_FROM`], the hash that it was committed with, also after a second edit; and it
/// is sealed with the plain hash, so that nobody takes it for an event that the service sealed with
/// the key of the tenant.
///
/// Fails with [`Invalid`](ErrorKind::Invalid) when the payload is not JSON, or has no canonical form.
pub fn edited_event(envelope: Envelope, payload: &str) -> Result<Envelope, Error> {
    let invalid = |reason: String| Error::new(ErrorKind::Invalid, "edit an event", reason);
    let value: serde_json::Value = serde_json::from_str(payload)
        .map_err(|e| invalid(format!("the payload is not JSON: {e}")))?;
    let committed = envelope.content_hash();
    let mut record = envelope.into_record();
    record.payload = canonical_json(&value).map_err(|e| invalid(format!("the payload is {e}")))?;
    let mark = record.metadata.entry(EventRecord::EDITED_FROM.to_owned());
    mark.or_insert_with(|| committed.to_string());
    Envelope::seal(record, &ContentHasher::Plain).map_err(|e| invalid(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use idp_domain::{TenantId, Timestamp, Uuid};

    fn committed() -> Envelope {
        let record = EventRecord {
            event_id: Uuid::from_u128(1),
            occurred_at: Timestamp::UNIX_EPOCH,
            tenant: TenantId::new("acme").expect("valid"),
            aggregate_type: "door".into(),
            aggregate_id: Uuid::from_u128(2),
            aggregate_version: 1,
            event_type: "door.opened".into(),
            schema_id: "door.opened".into(),
            schema_version: 1,
            payload: r#"{"by":"ann"}"#.into(),
            metadata: [("actor".to_string(), "ann".to_string())].into(),
        };
        Envelope::seal(record, &ContentHasher::Keyed(b"key of acme".to_vec())).expect("canonical")
    }

    #[test]
    fn an_edit_changes_the_payload_and_marks_the_event() {
        let before = committed();
        let after = edited_event(before.clone(), r#"{ "to": 2, "by": "bob" }"#).expect("JSON");
        assert_eq!(after.payload, r#"{"by":"bob","to":2}"#);
        assert!(after.is_intact(&ContentHasher::Plain));
        let mut expected =
            EventRecord { payload: after.payload.clone(), ..before.clone().into_record() };
        let hash = before.content_hash().to_string();
        expected.metadata.insert(EventRecord::EDITED_FROM.into(), hash);
        assert_eq!(after.into_record(), expected);
    }

    #[test]
    fn a_second_edit_still_names_what_was_committed() {
        let once = edited_event(committed(), "1").expect("JSON");
        let twice = edited_event(once, "2").expect("JSON");
        let mark = &twice.metadata[EventRecord::EDITED_FROM];
        assert_eq!(*mark, committed().content_hash().to_string());
    }

    #[test]
    fn a_payload_that_is_not_json_or_not_canonical_is_refused() {
        for payload in ["", "{", "{} {}", "nan", r#"{"n":9007199254740993}"#] {
            let error = edited_event(committed(), payload).expect_err(payload);
            assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        }
    }
}
