//! The columns of a table: one for each field that is state.

use crate::case::is_plain_name;
use crate::problems::Problems;
use syn::ext::IdentExt;
use syn::{Field, GenericArgument, Ident, PathArguments, Type};

/// One field that has a column.
pub(crate) struct Column {
    pub(crate) field: Ident,
    pub(crate) name: String,
    pub(crate) ty: Type,
}

/// What stores add to every table; the same in every store.
const SYSTEM_COLUMNS: [&str; 9] = [
    "tenant_id",
    "version",
    "created_at",
    "created_by",
    "updated_at",
    "updated_by",
    "deleted_at",
    "deleted_by",
    "revision",
];

/// `ColumnSet::COLUMNS_MAX`
const COLUMNS_MAX: usize = 64;

/// What the shortest limit of the stores leaves for a name (PostgreSQL: 63 bytes).
const NAME_LENGTH_MAX: usize = 63;

/// The columns of these fields.
pub(crate) fn columns<'a>(
    fields: impl Iterator<Item = &'a Field>,
    problems: &mut Problems,
) -> Vec<Column> {
    let columns: Vec<Column> = fields.filter_map(|field| column(field, problems)).collect();
    if let Some(extra) = columns.get(COLUMNS_MAX) {
        let message = format!(
            "a table has at most {COLUMNS_MAX} columns: group fields that belong together in a value object"
        );
        problems.at(&extra.field, message);
    }
    columns
}

fn column(field: &Field, problems: &mut Problems) -> Option<Column> {
    let ident = field.ident.clone()?;
    let name = ident.unraw().to_string();
    if SYSTEM_COLUMNS.contains(&name.as_str()) {
        let message = format!(
            "`{name}` is a column that the store keeps by itself: give the field another name"
        );
        problems.at(&ident, message);
    }
    if !is_plain_name(&name) || name.len() > NAME_LENGTH_MAX {
        let message = format!(
            "`{name}` is no name for a column: use up to {NAME_LENGTH_MAX} of `a-z`, `0-9` and \
             `_`, a letter first"
        );
        problems.at(&ident, message);
    }
    Some(Column { field: ident, name, ty: field.ty.clone() })
}

/// The `E` of `Pending<E>`, also as a path.
pub(crate) fn pending_event(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|segment| segment.ident == "Pending")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first()? {
        GenericArgument::Type(event) => Some(event),
        _ => None,
    }
}
