//! Text of others on a terminal.

use std::fmt::{self, Write};

/// Text that somebody else wrote, such as what a broker answered: on one line, and without what a terminal
/// would obey. Control characters are written as JSON has them, so that JSON stays what it is.
pub(super) struct OneLine<'a>(pub(super) &'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| match character.is_control() {
            true => write!(f, "\\u{:04x}", u32::from(character)),
            false => f.write_char(character),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        assert_eq!(
            OneLine("größer\n\u{1b}[2J\u{9b}").to_string(),
            "größer\\u000a\\u001b[2J\\u009b"
        );
        let json = format!("\"a{}b\"", OneLine("\u{9b}"));
        assert_eq!(serde_json::from_str::<String>(&json).expect("JSON"), "a\u{9b}b");
    }
}
