//! Tells Rust code from comments and literals, so that a check does not stumble over a brace in a
//! string.

use std::ops::Range;

/// Copies of a source of the same length and with the same lines, in which the left-out parts are
/// spaces.
pub(crate) struct Masked {
    /// Without comments and literals.
    pub(crate) code: String,
    /// Without comments.
    pub(crate) uncommented: String,
}

pub(crate) fn mask(text: &str) -> Masked {
    let bytes = text.as_bytes();
    let (mut comments, mut literals, mut at) = (Vec::new(), Vec::new(), 0);
    while at < bytes.len() {
        if let Some(end) = comment_end(bytes, at) {
            comments.push(at..end);
            at = end;
        } else if let Some(end) = literal_end(bytes, at) {
            literals.push(at..end);
            at = end;
        } else {
            at += 1;
        }
    }
    let uncommented = blanked(text, &comments);
    Masked { code: blanked(&uncommented, &literals), uncommented }
}

/// The text with spaces in place of the ranges; lines stay.
pub(crate) fn blanked(text: &str, ranges: &[Range<usize>]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for byte in ranges.iter().flat_map(|range| range.clone()) {
        if bytes[byte] != b'\n' {
            bytes[byte] = b' ';
        }
    }
    String::from_utf8(bytes).expect("ranges begin and end at ASCII delimiters")
}

pub(crate) fn is_word(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphanumeric()
}

fn comment_end(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = &bytes[at..];
    if rest.starts_with(b"//") {
        return Some(rest.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |n| at + n));
    }
    if !rest.starts_with(b"/*") {
        return None;
    }
    let (mut depth, mut end) = (0, at);
    while end < bytes.len() {
        match &bytes[end..] {
            [b'/', b'*', ..] => (depth, end) = (depth + 1, end + 2),
            [b'*', b'/', ..] => (depth, end) = (depth - 1, end + 2),
            _ => end += 1,
        }
        if depth == 0 {
            break;
        }
    }
    Some(end)
}

fn literal_end(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes[at] {
        b'"' => Some(string_end(bytes, at + 1)),
        b'\'' => char_end(bytes, at + 1),
        b'r' if begins_prefix(bytes, at) => raw_string_end(bytes, at + 1),
        _ => None,
    }
}

fn string_end(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() {
        match bytes[at] {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Nothing for a lifetime.
fn char_end(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = bytes.get(at..)?;
    if rest.first() == Some(&b'\\') {
        return rest.iter().skip(2).position(|byte| *byte == b'\'').map(|n| at + n + 3);
    }
    let length = match rest.first()? {
        0xF0.. => 4,
        0xE0.. => 3,
        0xC0.. => 2,
        _ => 1,
    };
    (rest.get(length) == Some(&b'\'')).then_some(at + length + 1)
}

fn raw_string_end(bytes: &[u8], at: usize) -> Option<usize> {
    let hashes = bytes[at..].iter().take_while(|byte| **byte == b'#').count();
    if bytes.get(at + hashes) != Some(&b'"') {
        return None;
    }
    let mut closing = vec![b'"'];
    closing.resize(hashes + 1, b'#');
    let body = at + hashes + 1;
    let end = bytes[body..].windows(closing.len()).position(|window| window == closing);
    Some(end.map_or(bytes.len(), |n| body + n + closing.len()))
}

/// An `r` that begins a literal: no word before it, except the `b` or `c` of `br""` and `cr""`.
fn begins_prefix(bytes: &[u8], at: usize) -> bool {
    let word_before = |at: usize| at > 0 && is_word(bytes[at - 1]);
    let before = at.checked_sub(1).map(|before| bytes[before]);
    !word_before(at) || (matches!(before, Some(b'b' | b'c')) && !word_before(at - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The code with its spaces squeezed, after a look at what must never change.
    fn code(text: &str) -> String {
        let masked = mask(text);
        for copy in [&masked.code, &masked.uncommented] {
            assert_eq!(copy.len(), text.len());
            assert_eq!(copy.matches('\n').count(), text.matches('\n').count());
        }
        masked.code.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comments_and_literals_are_left_out() {
        assert_eq!(code("a // b\n/* c /* d */ \n e */ f \"g\\\"{\" h"), "a f h");
        assert!(mask("a /* b */ \"c // d\"").uncommented.ends_with("  \"c // d\""));
    }

    #[test]
    fn lifetimes_are_code_and_chars_are_literals() {
        assert_eq!(code(r"x::<'a>('{', '\'', 'é', b'}')"), "x::<'a>( , , , b )");
    }

    #[test]
    fn raw_strings_end_at_their_own_hashes() {
        assert_eq!(code(r####"f(r#"a " { "#) }"####), "f( ) }");
        assert_eq!(code(r####"br"{" var"{" r#fn"####), "b var r#fn");
    }

    #[test]
    fn what_never_ends_ends_with_the_file() {
        assert_eq!(code("a /* b"), "a");
        assert_eq!(code("a \"b"), "a");
        assert_eq!(code("a r#\"b"), "a");
        assert_eq!(code("a \"b\\"), "a");
    }
}
