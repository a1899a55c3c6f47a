//! A read model and its row.

use crate::route_plan::{RoutePlanId, Status};
use idp_domain::{EntityId, ReadModel, Record, RowValues, TableKind, Uuid};

#[derive(ReadModel, Clone, Debug, PartialEq)]
#[read_model(name = "route_plan_board", key = plan_id, unique(reference), index(status))]
struct RoutePlanBoard {
    reference: String,
    plan_id: RoutePlanId,
    status: Option<Status>,
    stops: u32,
}

#[test]
fn a_read_model_is_a_table_with_a_key_and_nothing_of_an_aggregate() {
    let schema = RoutePlanBoard::SCHEMA;
    assert_eq!((schema.name, schema.kind), ("route_plan_board", TableKind::ReadModel));
    assert_eq!(schema.key_column().name, "plan_id");
    assert_eq!((schema.soft_delete, schema.audit), (false, false));
    assert_eq!((schema.unique, schema.indexes), (&[&[0][..]][..], &[&[2][..]][..]));
}

#[test]
fn a_read_model_comes_back_from_its_row() {
    let plan_id = RoutePlanId::from_uuid(Uuid::from_u128(7));
    let board = RoutePlanBoard { reference: "R-7".into(), plan_id, status: None, stops: 2 };
    let values = (0..4).map(|column| board.value(column)).collect();
    let row = RowValues::new(RoutePlanBoard::SCHEMA, values).expect("it is complete");
    assert_eq!(RoutePlanBoard::from_row(row).as_ref(), Ok(&board));
    assert!(
        (RoutePlanBoard::STOPS.gt(1_u32) & RoutePlanBoard::STATUS.is_null())
            .is_satisfied_by(&board)
    );
}
