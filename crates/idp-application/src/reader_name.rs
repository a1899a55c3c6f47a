//! What readers may be called.

use crate::Reader;

/// Names of readers become those of producers and subjects, keys, labels and files: what is allowed means
/// the same in all of them, and a `/` would make one stream look like another.
impl Reader {
    /// The longest name.
    pub const NAME_LENGTH_MAX: usize = 64;

    /// Says which field must be what to be the name of a reader, and what it is; `None` when it is: 1 to 64
    /// letters (A to Z, a to z), digits, `.`, `_` and `-`, the first of them a letter or digit. For the
    /// checks of configurations, which report all faults at once.
    ///
    /// Ports do not check it: what has another name in a database already can be looked at, replayed and
    /// forgotten.
    pub fn name_fault(field: &str, name: &str) -> Option<String> {
        let starts_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let fits =
            starts_well && name.bytes().all(is_allowed) && name.len() <= Self::NAME_LENGTH_MAX;
        (!fits).then(|| {
            let got: String = name.chars().take(80).collect();
            format!(
                "`{field}` must be 1 to {} letters, digits, `.`, `_` and `-`, the first of them a letter or \
                 digit, got {got:?}",
                Self::NAME_LENGTH_MAX
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_means_the_same_everywhere_is_allowed() {
        let longest = "x".repeat(Reader::NAME_LENGTH_MAX);
        for name in ["a", "7", "orders", "Orders.v2_eu-1", "0-", longest.as_str()] {
            assert_eq!(Reader::name_fault("name", name), None, "{name}");
        }
    }

    #[test]
    fn any_other_is_refused_with_field_and_bound() {
        let too_long = "x".repeat(Reader::NAME_LENGTH_MAX + 1);
        let others =
            ["", ".a", "-a", "_a", "a/1", "a b", "a\0", "é", "aé", "a:b", "a*", "a>", "a%41"];
        for name in others.into_iter().chain([too_long.as_str()]) {
            assert!(Reader::name_fault("name", name).is_some(), "{name}");
        }
        let expected = "`name` must be 1 to 64 letters, digits, `.`, `_` and `-`, the first of them a \
                        letter or digit, got \"a/1\"";
        assert_eq!(Reader::name_fault("name", "a/1").as_deref(), Some(expected));
    }
}
