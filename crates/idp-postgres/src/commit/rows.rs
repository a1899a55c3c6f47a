//! The arms that write rows.

use super::Awaited;
use super::builder::Builder;
use super::groups::{Action, Group, expected};
use crate::dialect::type_name;
use crate::parameter::Parameter;
use idp_sql::Assigned;

/// Appends an arm for each group, and a lock arm for each table of which several rows are updated
/// or deleted. Gives the arms in the order in which they are
/// to run, and what must hold of each.
pub(crate) fn append<'c>(builder: &mut Builder<'c>, groups: &[Group<'c>]) -> Vec<Awaited> {
    let (mut changes, mut inserts) = (Vec::new(), Vec::new());
    let mut gate: Option<String> = None;
    let mut locked_table = "";
    for (index, group) in groups.iter().enumerate() {
        if group.action == Action::Insert {
            inserts.push(insert(builder, index, group));
            continue;
        }
        if group.table.name != locked_table {
            locked_table = group.table.name;
            gate = lock(builder, groups, index, gate);
        }
        changes.push(change(builder, index, group, gate.as_deref()));
        gate = Some(arm_of(index));
    }
    // What is changed or deleted may free a unique key that is inserted.
    changes.append(&mut inserts);
    changes
}

fn arm_of(group: usize) -> String {
    format!("w{group}")
}

/// Locks the rows of a table that the commit updates or deletes, in the order of their keys, when
/// there are several. The gate makes it wait for the arm before.
fn lock<'c>(
    builder: &mut Builder<'c>,
    groups: &[Group<'c>],
    first: usize,
    gate: Option<String>,
) -> Option<String> {
    let table = groups[first].table;
    let of_table =
        groups.iter().filter(|g| g.table.name == table.name && g.action != Action::Insert);
    let mut keys: Vec<_> = of_table.flat_map(|group| &group.rows).map(|row| row.key).collect();
    if keys.len() < 2 {
        return gate;
    }
    keys.sort_unstable();
    let key_name = table.key_column().name;
    let name = format!("l{first}");
    builder.begin_arm(&name);
    builder.push(&format!("SELECT 1 FROM \"{}\" WHERE \"tenant_id\" = $1", table.name));
    builder.push(&format!(" AND \"{key_name}\" = ANY("));
    builder.bind_array(keys.into_iter().map(Parameter::Uuid).collect(), "uuid");
    // The cast makes an array of what would otherwise be a sub-query to compare with.
    builder.push("::uuid[])");
    wait_for(builder, gate.as_deref());
    builder.push(&format!(" ORDER BY \"{key_name}\" FOR UPDATE)"));
    Some(name)
}

/// Makes an arm wait until another one is done.
fn wait_for(builder: &mut Builder<'_>, gate: Option<&str>) {
    if let Some(gate) = gate {
        builder.push(&format!(" AND (SELECT count(*) FROM {gate}) >= 0"));
    }
}

/// Appends an insert arm. It writes all of its rows or fails.
fn insert<'c>(builder: &mut Builder<'c>, index: usize, group: &Group<'c>) -> Awaited {
    let arm = arm_of(index);
    builder.begin_arm(&arm);
    builder.push("INSERT INTO ");
    builder.push_name(group.table.name);
    builder.push(" (\"tenant_id\", \"version\"");
    for Assigned { column, .. } in group.columns() {
        builder.push(", ");
        builder.push_name(column);
    }
    if let [assigned] = group.assigned.as_slice() {
        builder.push(") VALUES ($1, 1");
        for Assigned { value, .. } in assigned {
            builder.push(", ");
            builder.bind(Parameter::Value(value));
        }
        builder.push(") RETURNING 1)");
        return Awaited::one(&arm, index);
    }
    builder.push(") SELECT $1::text, 1");
    let arrays = append_columns(builder, group, ", ", |_, _| {});
    builder.push(" FROM unnest(");
    bind_arrays(builder, group, &arrays);
    builder.push(") AS i(");
    builder.join(&arrays, ", ", |b, column| b.push(&format!("c{column}")));
    builder.push(") RETURNING 1)");
    Awaited::several(&arm, index, "> 0")
}

/// Appends an update or delete arm. It must find all of its rows.
fn change<'c>(
    builder: &mut Builder<'c>,
    index: usize,
    group: &Group<'c>,
    gate: Option<&str>,
) -> Awaited {
    let arm = arm_of(index);
    builder.begin_arm(&arm);
    let awaited = if group.rows.len() == 1 {
        change_one(builder, group);
        Awaited::one(&arm, index)
    } else {
        let number = change_many(builder, group);
        Awaited::several(&arm, index, &format!("= {number}"))
    };
    wait_for(builder, gate);
    builder.push(" RETURNING 1)");
    awaited
}

fn change_one<'c>(builder: &mut Builder<'c>, group: &Group<'c>) {
    let row = group.rows[0];
    if group.action == Action::Delete {
        builder.push("DELETE FROM ");
        builder.push_name(group.table.name);
    } else {
        builder.push("UPDATE ");
        builder.push_name(group.table.name);
        builder.push(" SET \"version\" = \"version\" + 1");
        for Assigned { column, value, .. } in group.columns() {
            builder.push(", ");
            builder.push_name(column);
            builder.push(" = ");
            builder.bind(Parameter::Value(value));
        }
    }
    builder
        .push(&format!(" WHERE \"tenant_id\" = $1 AND \"{}\" = ", group.table.key_column().name));
    builder.bind(Parameter::Uuid(row.key));
    builder.push(" AND \"version\" = ");
    builder.bind(Parameter::BigInt(expected(row)));
}

fn change_many<'c>(builder: &mut Builder<'c>, group: &Group<'c>) -> String {
    let name = group.table.name;
    let arrays = if group.action == Action::Delete {
        builder.push(&format!("DELETE FROM \"{name}\" r USING unnest("));
        Vec::new()
    } else {
        builder.push(&format!("UPDATE \"{name}\" r SET \"version\" = r.\"version\" + 1"));
        let arrays = append_columns(builder, group, ", ", |builder, column| {
            builder.push_name(column);
            builder.push(" = ");
        });
        builder.push(" FROM unnest(");
        arrays
    };
    let keys = group.rows.iter().map(|row| Parameter::Uuid(row.key)).collect();
    let number = builder.bind_array(keys, "uuid");
    builder.push(", ");
    let versions = group.rows.iter().map(|row| Parameter::BigInt(expected(row))).collect();
    builder.bind_array(versions, "bigint");
    if !arrays.is_empty() {
        builder.push(", ");
        bind_arrays(builder, group, &arrays);
    }
    builder.push(") AS i(k, v");
    for column in &arrays {
        builder.push(&format!(", c{column}"));
    }
    let key = group.table.key_column().name;
    builder.push(&format!(
        ") WHERE r.\"tenant_id\" = $1 AND r.\"{key}\" = i.k AND r.\"version\" = i.v"
    ));
    format!("cardinality(${number}::uuid[])")
}

/// Appends one expression for each column, each after `separator` and what `before` writes: a
/// parameter for a stamp that is the same for all rows, a column of the unnested arrays for any
/// other. Gives the indexes of the latter.
fn append_columns<'c>(
    builder: &mut Builder<'c>,
    group: &Group<'c>,
    separator: &str,
    before: impl Fn(&mut Builder<'c>, &str),
) -> Vec<usize> {
    let mut arrays = Vec::new();
    for (index, first) in group.columns().iter().enumerate() {
        builder.push(separator);
        before(builder, first.column);
        let uniform = group.assigned.iter().all(|row| row[index].value == first.value);
        if first.is_stamp && uniform {
            builder.bind_as(Parameter::Value(first.value), type_name(first.kind));
        } else {
            builder.push(&format!("i.c{index}"));
            arrays.push(index);
        }
    }
    arrays
}

fn bind_arrays<'c>(builder: &mut Builder<'c>, group: &Group<'c>, arrays: &[usize]) {
    builder.join(arrays, ", ", |builder, column| {
        let values = group.assigned.iter().map(|row| Parameter::Value(row[*column].value));
        builder.bind_array(values.collect(), type_name(group.columns()[*column].kind));
    });
}
