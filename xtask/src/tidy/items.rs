//! Finds items in masked Rust code by counting brackets; enough for checks, and no parser to wait
//! for.

use std::ops::Range;

use super::lexer::is_word;

pub(crate) struct Function<'a> {
    pub(crate) name: &'a str,
    /// From `fn` to the closing brace.
    pub(crate) range: Range<usize>,
}

/// Functions with a body, nested ones too.
pub(crate) fn functions(code: &str) -> Vec<Function<'_>> {
    words(code, "fn").filter_map(|at| function(code, at)).collect()
}

/// Attributes, outer and inner, from `#` to `]`.
pub(crate) fn attributes(code: &str) -> Vec<Range<usize>> {
    let starts = code.match_indices('#').map(|(at, _)| at);
    starts
        .filter_map(|at| {
            let rest = code[at + 1..].strip_prefix('!').unwrap_or(&code[at + 1..]);
            let open = code.len() - rest.len();
            rest.starts_with('[').then(|| Some(at..closing(code, open)? + 1))?
        })
        .collect()
}

/// Where the word stands by itself.
pub(crate) fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let bytes = code.as_bytes();
    code.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let after = bytes.get(at + word.len());
        (*at == 0 || !is_word(bytes[at - 1])) && !after.is_some_and(|byte| is_word(*byte))
    })
}

/// The word that begins here, which may be empty.
pub(crate) fn word_at(code: &str, at: usize) -> &str {
    let rest = &code[at..];
    let end = rest.bytes().position(|byte| !is_word(byte)).unwrap_or(rest.len());
    &rest[..end]
}

/// The bracket that closes the one at `open`.
pub(crate) fn closing(code: &str, open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' | b'(' | b'[' => depth += 1,
            b'}' | b')' | b']' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// The end of the item that begins here: its closing brace, or the semicolon of an item without a
/// body.
pub(crate) fn item_end(code: &str, from: usize) -> Option<usize> {
    let end = body_or_semicolon(code, from)?;
    if code.as_bytes()[end] == b'{' { closing(code, end) } else { Some(end) }
}

/// How many brackets are open before this place.
pub(crate) fn depth_at(code: &str, at: usize) -> i64 {
    code[..at].bytes().fold(0, |depth, byte| match byte {
        b'{' | b'(' | b'[' => depth + 1,
        b'}' | b')' | b']' => depth - 1,
        _ => depth,
    })
}

pub(crate) fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

fn function(code: &str, at: usize) -> Option<Function<'_>> {
    let after = at + "fn".len();
    let name_at = after + code[after..].find(|c: char| !c.is_whitespace())?;
    let name = word_at(code, name_at);
    let body = body_or_semicolon(code, name_at)?;
    if name.is_empty() || code.as_bytes()[body] == b';' {
        return None;
    }
    Some(Function { name, range: at..closing(code, body)? + 1 })
}

/// The first `{` or `;` that no parenthesis or bracket encloses.
fn body_or_semicolon(code: &str, from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += code.get(at..)?.find(['{', ';', '(', '['])?;
        match code.as_bytes()[at] {
            b'{' | b';' => return Some(at),
            _ => at = closing(code, at)? + 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_found_with_their_bodies() {
        let code = "trait T { fn a(&self); } fn b(x: [u8; 2]) -> fn() { fn c() {} }";
        let found = functions(code);
        assert_eq!(found.iter().map(|f| f.name).collect::<Vec<_>>(), ["b", "c"]);
        assert_eq!(&code[found[1].range.clone()], "fn c() {}");
    }

    #[test]
    fn attributes_end_at_their_bracket() {
        let code = "#![a(b[1])] #[c] fn x() { y[#z] }";
        let found: Vec<&str> = attributes(code).into_iter().map(|range| &code[range]).collect();
        assert_eq!(found, ["#![a(b[1])]", "#[c]"]);
    }

    #[test]
    fn words_are_not_parts_of_words() {
        assert_eq!(words("async my_async async_fn", "async").collect::<Vec<_>>(), [0]);
        assert_eq!(word_at("(name<", 1), "name");
    }

    #[test]
    fn brackets_that_never_close_end_nothing() {
        assert_eq!(closing("{ (", 0), None);
        assert_eq!(depth_at("{ ( ) x", 6), 1);
    }
}
