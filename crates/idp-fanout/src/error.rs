//! What several buses say of one batch, as one answer.

use idp_application::{PublishError, PublishFailure};

/// Accepted is what all have accepted. A fence anywhere is a fence: the worker has lost the stream.
/// Otherwise it is the failure of the bus that took the fewest; of several such, one that may be over
/// soon, since only what nobody can take is for an operator to look at.
pub(crate) fn weakest(
    outcomes: impl IntoIterator<Item = Result<(), PublishError>>,
) -> Result<(), PublishError> {
    let errors: Vec<_> = outcomes.into_iter().filter_map(Result::err).collect();
    let accepted = errors.iter().map(|error| error.accepted).min().unwrap_or(0);
    let rank = |error: &PublishError| match error.failure {
        PublishFailure::Fenced => (0, 0),
        PublishFailure::Unavailable => (error.accepted + 1, 0),
        PublishFailure::Throttled(_) => (error.accepted + 1, 1),
        PublishFailure::TopicUnavailable(_) => (error.accepted + 1, 2),
        PublishFailure::Refused => (error.accepted + 1, 3),
    };
    match errors.into_iter().min_by_key(rank) {
        Some(error) => Err(PublishError { accepted, ..error }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use PublishFailure::{Fenced, Refused, Throttled, TopicUnavailable, Unavailable};
    use std::time::Duration;

    const WAIT: PublishFailure = Throttled(Some(Duration::from_secs(1)));
    const AWAY: PublishFailure = TopicUnavailable(None);

    fn of(failures: &[Option<(usize, PublishFailure)>]) -> Option<(usize, PublishFailure)> {
        let outcomes = failures.iter().map(|failure| match *failure {
            None => Ok(()),
            Some((accepted, failure)) => {
                Err(PublishError { failure, ..PublishError::unavailable(accepted, "test") })
            }
        });
        weakest(outcomes).err().map(|error| (error.accepted, error.failure))
    }

    #[test]
    fn what_all_have_taken_is_accepted_and_the_most_hopeful_failure_counts() {
        let table = [
            (vec![None, None], None),
            (vec![None, Some((3, Refused))], Some((3, Refused))),
            (vec![Some((5, Unavailable)), Some((3, Refused))], Some((3, Refused))),
            (vec![Some((2, Unavailable)), Some((3, Refused))], Some((2, Unavailable))),
            (vec![Some((3, Refused)), Some((3, Unavailable))], Some((3, Unavailable))),
            (vec![Some((3, Refused)), Some((3, WAIT))], Some((3, WAIT))),
            (vec![Some((0, WAIT)), Some((0, Unavailable))], Some((0, Unavailable))),
            (vec![Some((1, Refused)), Some((1, AWAY))], Some((1, AWAY))),
            (vec![Some((1, AWAY)), Some((1, WAIT))], Some((1, WAIT))),
            (vec![Some((1, Unavailable)), Some((4, Fenced)), None], Some((1, Fenced))),
        ];
        for (failures, expected) in table {
            assert_eq!(of(&failures), expected, "{failures:?}");
        }
    }
}
