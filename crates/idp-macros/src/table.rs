//! The table of an aggregate or read model: its name, columns, and the sets of columns in `unique`
//! and `index`.

use crate::case::{is_plain_name, snake_case};
use crate::columns::Column;
use crate::problems::Problems;
use crate::settings::Setting;
use syn::ext::IdentExt;
use syn::{Ident, LitStr, Path};

/// The longest name of a table; it leaves room for the names of indexes in every store.
const NAME_LENGTH_MAX: usize = 48;

/// The table of a record.
pub(crate) struct Table {
    pub(crate) name: LitStr,
    pub(crate) columns: Vec<Column>,
    pub(crate) key: usize,
    pub(crate) unique: Vec<ColumnList>,
    pub(crate) indexes: Vec<ColumnList>,
}

/// The columns of one `unique(…)` or `index(…)`.
pub(crate) type ColumnList = Vec<ListedColumn>;

/// A column in such a list.
pub(crate) struct ListedColumn {
    /// Its index in the table.
    pub(crate) at: usize,
    /// The field, as the list names it.
    pub(crate) field: Ident,
}

/// The settings that every table has.
#[derive(Default)]
pub(crate) struct TableSettings {
    pub(crate) name: Option<LitStr>,
    pub(crate) domain: Option<Path>,
    unique: Vec<Vec<Ident>>,
    indexes: Vec<Vec<Ident>>,
}

impl TableSettings {
    /// How a message lists them.
    pub(crate) const KNOWN: &str = "`name = \"…\"`, `unique(field, …)`, `index(field, …)`";

    /// Takes a setting, and says whether it is one that every table has.
    pub(crate) fn take(&mut self, setting: &Setting, problems: &mut Problems) -> bool {
        match setting.key().as_str() {
            "name" => setting.set(&mut self.name, setting.text(), problems),
            "crate" => setting.set(&mut self.domain, setting.quoted_path(), problems),
            "unique" => self.unique.extend(problems.keep(setting.fields())),
            "index" => self.indexes.extend(problems.keep(setting.fields())),
            _ => return false,
        }
        true
    }

    /// The name, checked. `attribute` is the one in which it stands.
    pub(crate) fn name(
        &self,
        ident: &Ident,
        attribute: &str,
        problems: &mut Problems,
    ) -> Option<LitStr> {
        let example = snake_case(&ident.unraw().to_string());
        let Some(name) = &self.name else {
            let message =
                format!("`{ident}` has no stable name: add `#[{attribute}(name = \"{example}\")]`");
            problems.at(ident, message);
            return None;
        };
        if !is_plain_name(&name.value()) || name.value().len() > NAME_LENGTH_MAX {
            let message = format!(
                "this is no name for a table, which has up to {NAME_LENGTH_MAX} of `a-z`, `0-9` \
                 and `_`, a letter first: write `name = \"{example}\"`"
            );
            problems.at(name, message);
        }
        Some(name.clone())
    }

    /// The sets of columns that are unique, and those that are indexed.
    pub(crate) fn column_lists(
        &self,
        columns: &[Column],
        problems: &mut Problems,
    ) -> (Vec<ColumnList>, Vec<ColumnList>) {
        let mut resolve = |lists: &[Vec<Ident>]| -> Vec<ColumnList> {
            lists.iter().map(|list| column_list(list, columns, problems)).collect()
        };
        (resolve(&self.unique), resolve(&self.indexes))
    }
}

fn column_list(fields: &[Ident], columns: &[Column], problems: &mut Problems) -> ColumnList {
    let mut list = ColumnList::new();
    for field in fields {
        match find_column(field, columns, problems) {
            Some(at) if list.iter().any(|listed| listed.at == at) => {
                problems.at(field, format!("`{field}` is in this list twice: keep one"));
            }
            Some(at) => list.push(ListedColumn { at, field: field.clone() }),
            None => {}
        }
    }
    list
}

/// The index of the column of a field. Reports a field that has none.
pub(crate) fn find_column(
    field: &Ident,
    columns: &[Column],
    problems: &mut Problems,
) -> Option<usize> {
    let found = columns.iter().position(|column| column.field.unraw() == field.unraw());
    if found.is_none() {
        let names: Vec<String> = columns.iter().map(|c| format!("`{}`", c.name)).collect();
        let message = format!("there is no column `{field}`: write one of {}", names.join(", "));
        problems.at(field, message);
    }
    found
}
