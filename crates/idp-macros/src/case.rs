//! Names in other cases, and the rule for names that stores and other programs see.

/// `TooNarrow` as `too_narrow`. A run of capitals is one word: `HTTPError` becomes `http_error`.
pub(crate) fn snake_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut snake = String::with_capacity(name.len() + 4);
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| letters[before]);
        let follows_word = before.is_some_and(|c| c.is_lowercase() || c.is_ascii_digit());
        let ends_capitals = before.is_some_and(char::is_uppercase)
            && letters.get(at + 1).is_some_and(|c| c.is_lowercase());
        if letter.is_uppercase() && (follows_word || ends_capitals) {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

/// Whether a name is one that every store takes without quotes: `[a-z][a-z0-9_]*`.
pub(crate) fn is_plain_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase()) && is_plain_word(name)
}

/// Whether a word is `[a-z0-9_]+`.
pub(crate) fn is_plain_word(word: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    !word.is_empty() && word.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variant_becomes_words() {
        assert_eq!(snake_case("Draft"), "draft");
        assert_eq!(snake_case("InTransit"), "in_transit");
        assert_eq!(snake_case("HTTPError"), "http_error");
        assert_eq!(snake_case("Level2Reached"), "level2_reached");
        assert_eq!(snake_case("A"), "a");
        assert_eq!(snake_case("Already_snake"), "already_snake");
    }

    #[test]
    fn a_plain_name_starts_with_a_letter() {
        assert!(is_plain_name("route_plan2"));
        for name in ["", "2fast", "_hidden", "RoutePlan", "route-plan", "straße"] {
            assert!(!is_plain_name(name), "{name}");
        }
    }
}
