//! Which events a target gets.

use idp_domain::{Envelope, TenantId, Timestamp, Uuid};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

type Condition = dyn Fn(&Envelope) -> bool + Send + Sync;

/// Which events a target gets: those that satisfy all conditions. It must be a function of the
/// event: one that is read again after a crash must be judged the same.
#[derive(Clone, Default)]
pub struct EventFilter {
    conditions: Vec<(String, Arc<Condition>)>,
}

impl EventFilter {
    /// Every event.
    pub fn all() -> Self {
        Self::default()
    }

    /// Only events of these names.
    pub fn event_types<T: Into<String>>(self, names: impl IntoIterator<Item = T>) -> Self {
        let names: BTreeSet<String> = names.into_iter().map(Into::into).collect();
        self.when(format!("event type in {names:?}"), move |e| names.contains(&*e.event_type))
    }

    /// Only events of aggregates of these types.
    pub fn aggregate_types<T: Into<String>>(self, names: impl IntoIterator<Item = T>) -> Self {
        let names: BTreeSet<String> = names.into_iter().map(Into::into).collect();
        self.when(format!("aggregate type in {names:?}"), move |e| {
            names.contains(&*e.aggregate_type)
        })
    }

    /// Only events of these tenants.
    pub fn tenants(self, tenants: impl IntoIterator<Item = TenantId>) -> Self {
        let tenants: BTreeSet<TenantId> = tenants.into_iter().collect();
        self.when(format!("tenant in {tenants:?}"), move |e| tenants.contains(&e.tenant))
    }

    /// Only events of one aggregate.
    pub fn aggregate(self, id: Uuid) -> Self {
        self.when(format!("aggregate {id}"), move |e| e.aggregate_id == id)
    }

    /// Only events that occurred at that time or later, by the clock of the service that
    /// committed them: what occurred at that very time passes.
    pub fn occurred_from(self, from: Timestamp) -> Self {
        self.when(format!("occurred from {from}"), move |e| e.occurred_at >= from)
    }

    /// Only events that occurred before that time, by the same clock: what occurred at that very time
    /// does not pass. So of two ranges that meet, one has each event, and the other has not.
    pub fn occurred_before(self, until: Timestamp) -> Self {
        self.when(format!("occurred before {until}"), move |e| e.occurred_at < until)
    }

    /// Only events that satisfy a condition of your own; the description is for logs.
    pub fn when(
        mut self,
        description: impl Into<String>,
        condition: impl Fn(&Envelope) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.conditions.push((description.into(), Arc::new(condition)));
        self
    }

    pub(crate) fn admits(&self, event: &Envelope) -> bool {
        self.conditions.iter().all(|(_, condition)| condition(event))
    }
}

impl fmt::Debug for EventFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.conditions.iter().map(|(description, _)| description)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use idp_domain::{ContentHasher, EventRecord, Metadata};

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_unix_micros(micros)
    }

    fn tenant(name: &str) -> TenantId {
        TenantId::new(name).expect("valid")
    }

    /// An order of acme, number 7, that was placed at the time 100.
    fn placed() -> EventRecord {
        EventRecord {
            event_id: Uuid::from_u128(1),
            occurred_at: at(100),
            tenant: tenant("acme"),
            aggregate_type: "order".into(),
            aggregate_id: Uuid::from_u128(7),
            aggregate_version: 1,
            event_type: "order.placed".into(),
            schema_id: "order.placed".into(),
            schema_version: 1,
            payload: "{}".into(),
            metadata: Metadata::new(),
        }
    }

    fn admits(filter: &EventFilter, record: EventRecord) -> bool {
        filter.admits(&Envelope::seal(record, &ContentHasher::Plain).expect("it has a form"))
    }

    #[test]
    fn each_condition_admits_what_it_names_and_nothing_else() {
        let all = EventFilter::all;
        let none: [&str; 0] = [];
        let id = Uuid::from_u128;
        let table = [
            ("all", all(), true),
            ("its type", all().event_types(["order.placed"]), true),
            ("one of its types", all().event_types(["order.paid", "order.placed"]), true),
            ("another type", all().event_types(["order.paid"]), false),
            ("a part of its type", all().event_types(["order"]), false),
            ("its type in capitals", all().event_types(["Order.Placed"]), false),
            ("no type", all().event_types(none), false),
            ("its aggregate's type", all().aggregate_types(["customer", "order"]), true),
            ("another aggregate's type", all().aggregate_types(["customer"]), false),
            ("the type of the event", all().aggregate_types(["order.placed"]), false),
            ("no aggregate's type", all().aggregate_types(none), false),
            ("its tenant", all().tenants([tenant("globex"), tenant("acme")]), true),
            ("another tenant", all().tenants([tenant("globex")]), false),
            ("no tenant", all().tenants([]), false),
            ("its aggregate", all().aggregate(id(7)), true),
            ("another aggregate", all().aggregate(id(8)), false),
            ("the event in place of the aggregate", all().aggregate(id(1)), false),
            ("two aggregates at once", all().aggregate(id(7)).aggregate(id(8)), false),
            ("a condition that holds", all().when("first", |e| e.aggregate_version == 1), true),
            ("a condition that does not", all().when("later", |e| e.aggregate_version > 1), false),
        ];
        for (what, filter, expected) in table {
            assert_eq!(admits(&filter, placed()), expected, "{what}: {filter:?}");
        }
    }

    #[test]
    fn a_range_of_time_has_its_start_and_not_its_end() {
        let all = EventFilter::all;
        let table = [
            ("from a microsecond before", all().occurred_from(at(99)), true),
            ("from that very time", all().occurred_from(at(100)), true),
            ("from a microsecond after", all().occurred_from(at(101)), false),
            ("before a microsecond before", all().occurred_before(at(99)), false),
            ("before that very time", all().occurred_before(at(100)), false),
            ("before a microsecond after", all().occurred_before(at(101)), true),
            ("a range of one", all().occurred_from(at(100)).occurred_before(at(101)), true),
            ("the range behind", all().occurred_from(at(101)).occurred_before(at(102)), false),
            ("the range in front", all().occurred_from(at(99)).occurred_before(at(100)), false),
            ("an empty range", all().occurred_from(at(100)).occurred_before(at(100)), false),
        ];
        for (what, filter, expected) in table {
            assert_eq!(admits(&filter, placed()), expected, "{what}: {filter:?}");
        }
    }

    #[test]
    fn all_conditions_must_hold_at_once() {
        let filter = EventFilter::all()
            .event_types(["order.placed"])
            .aggregate_types(["order"])
            .tenants([tenant("acme")])
            .aggregate(Uuid::from_u128(7))
            .occurred_from(at(100))
            .occurred_before(at(101));
        assert!(admits(&filter, placed()));
        let others = [
            EventRecord { event_type: "order.paid".into(), ..placed() },
            EventRecord { aggregate_type: "customer".into(), ..placed() },
            EventRecord { tenant: tenant("globex"), ..placed() },
            EventRecord { aggregate_id: Uuid::from_u128(8), ..placed() },
            EventRecord { occurred_at: at(99), ..placed() },
            EventRecord { occurred_at: at(101), ..placed() },
        ];
        for other in others {
            assert!(!admits(&filter, other.clone()), "{other:?}");
        }
    }

    #[test]
    fn a_filter_says_what_it_admits() {
        let filter = EventFilter::all()
            .event_types(["b", "a"])
            .aggregate(Uuid::from_u128(7))
            .when("only on Mondays", |_| true);
        let told = r#"["event type in {\"a\", \"b\"}", "aggregate 00000000-0000-0000-0000-000000000007", "only on Mondays"]"#;
        assert_eq!(format!("{filter:?}"), told);
    }
}
