//! What several buses guarantee together: what the weakest of them does.

use idp_application::{BusGuarantees, Duplicates};

pub(crate) fn weakest(of: impl Iterator<Item = BusGuarantees>) -> BusGuarantees {
    let all =
        BusGuarantees { duplicates: Duplicates::Never, fences_zombies: true, data_bytes_max: None };
    of.fold(all, |weakest, next| BusGuarantees {
        duplicates: weaker(weakest.duplicates, next.duplicates),
        fences_zombies: weakest.fences_zombies && next.fences_zombies,
        data_bytes_max: match (weakest.data_bytes_max, next.data_bytes_max) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        },
    })
}

fn weaker(one: Duplicates, other: Duplicates) -> Duplicates {
    use Duplicates::{Never, NeverWithin, Possible};
    match (one, other) {
        (Possible, _) | (_, Possible) => Possible,
        (NeverWithin(one), NeverWithin(other)) => NeverWithin(one.min(other)),
        (NeverWithin(time), Never) | (Never, NeverWithin(time)) => NeverWithin(time),
        (Never, Never) => Never,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Duplicates::{Never, NeverWithin, Possible};
    use std::time::Duration;

    #[test]
    fn the_weakest_guarantee_counts() {
        let of = |duplicates, fences_zombies, data_bytes_max| BusGuarantees {
            duplicates,
            fences_zombies,
            data_bytes_max,
        };
        let minutes = |count: u64| NeverWithin(Duration::from_secs(60 * count));
        let table = [
            (vec![of(Never, true, None)], of(Never, true, None)),
            (
                vec![of(Never, true, None), of(minutes(2), true, Some(9))],
                of(minutes(2), true, Some(9)),
            ),
            (
                vec![of(minutes(2), true, Some(5)), of(minutes(1), false, Some(9))],
                of(minutes(1), false, Some(5)),
            ),
            (
                vec![of(minutes(2), false, Some(5)), of(Possible, true, None)],
                of(Possible, false, Some(5)),
            ),
        ];
        for (buses, expected) in table {
            assert_eq!(weakest(buses.iter().copied()), expected, "{buses:?}");
            assert_eq!(weakest(buses.iter().rev().copied()), expected, "{buses:?}");
        }
    }
}
