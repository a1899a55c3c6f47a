//! What somebody may have meant.

/// The candidate that is nearest to the text, if it is near: at most a third of it is wrong.
pub(crate) fn nearest<'a>(
    text: &str,
    candidates: impl IntoIterator<Item = &'a String>,
) -> Option<&'a str> {
    let rated = candidates.into_iter().map(|candidate| (distance(text, candidate), candidate));
    let (distance, nearest) = rated.min()?;
    (distance * 3 <= text.chars().count()).then_some(nearest.as_str())
}

/// How many characters must be put in, taken out or exchanged (Levenshtein, 1966).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, a) in from.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], line + 1);
        for (column, b) in to.iter().enumerate() {
            let exchanged = diagonal + usize::from(a != *b);
            diagonal = row[column + 1];
            row[column + 1] = exchanged.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_is_that_of_levenshtein() {
        let table = [("", "abc", 3), ("kitten", "sitting", 3), ("flaw", "lawn", 2), ("a", "a", 0)];
        for (from, to, expected) in table {
            assert_eq!(distance(from, to), expected, "{from} {to}");
        }
    }

    #[test]
    fn what_is_far_is_not_suggested() {
        let keys = ["server.port".to_owned(), "server.host".to_owned()];
        assert_eq!(nearest("sever.port", &keys), Some("server.port"));
        assert_eq!(nearest("database.url", &keys), None);
    }
}
