//! Whole units split so that the parts always sum to the whole.

/// Splits a total in proportion to weights by largest remainder; of equal remainders the earlier one gets the unit.
///
/// The parts sum to the total, and where the total is at most the sum of the weights, no part exceeds its weight: a
/// remainder only ever adds a unit to a share that was rounded down. Without any weight nothing is split.
pub fn allocate(total: i64, weights: &[i64]) -> Vec<i64> {
    split(total, &weights.iter().map(|weight| i128::from(*weight)).collect::<Vec<_>>())
}

/// Splits each of several amounts over the same shares: every amount exactly, and what each share has got after any of
/// them as near to its due as whole units allow. Rounding each amount alone would favour the same share every time.
pub fn apportion(amounts: &[i64], shares: &[i64]) -> Vec<Vec<i64>> {
    let whole: i128 = shares.iter().map(|share| i128::from(*share)).sum();
    let mut owed: Vec<i128> = vec![0; shares.len()];
    let of = |amount: &i64| {
        for (owed, share) in owed.iter_mut().zip(shares) {
            *owed += i128::from(*amount) * i128::from(*share);
        }
        let open: Vec<i128> = owed.iter().map(|owed| (*owed).max(0)).collect();
        let parts = split(*amount, &open);
        for (owed, part) in owed.iter_mut().zip(&parts) {
            *owed -= i128::from(*part) * whole;
        }
        parts
    };
    amounts.iter().map(of).collect()
}

fn split(total: i64, weights: &[i128]) -> Vec<i64> {
    let whole: i128 = weights.iter().sum();
    if whole <= 0 || total <= 0 {
        return vec![0; weights.len()];
    }
    let exact = |weight: &i128| (i128::from(total) * weight / whole, i128::from(total) * weight % whole);
    let (mut parts, remainders): (Vec<i128>, Vec<i128>) = weights.iter().map(exact).unzip();
    let mut left = i128::from(total) - parts.iter().sum::<i128>();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse(remainders[*index])); // stable: equal remainders keep their order
    for index in order {
        if left == 0 {
            break;
        }
        parts[index] += 1;
        left -= 1;
    }
    parts.into_iter().map(|part| i64::try_from(part).expect("a part is at most the total")).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn units_that_do_not_divide_go_to_the_largest_remainders_and_then_to_the_first() {
        assert_eq!(allocate(100, &[1, 1, 1]), [34, 33, 33]);
        assert_eq!(allocate(10, &[70, 20, 10]), [7, 2, 1]);
        assert_eq!(allocate(2_000, &[19_900, 100, 9_900]), [1_331, 7, 662]);
        assert_eq!(allocate(5, &[0, 0]), [0, 0]);
        assert_eq!(allocate(0, &[3, 4]), [0, 0]);
    }

    #[test]
    fn many_small_amounts_are_shared_as_fairly_as_their_sum() {
        let parts = apportion(&[1; 10], &[5_000, 5_000]);
        let first: i64 = parts.iter().map(|parts| parts[0]).sum();
        assert_eq!(first, 5);
    }

    proptest! {
        #[test]
        fn parts_sum_to_the_total_and_never_exceed_their_weights(
            weights in prop::collection::vec(0_i64..1_000_000_000, 1..40), share in 0_i64..=10_000,
        ) {
            let whole: i64 = weights.iter().sum();
            let total = whole / 10_000 * share;
            let parts = allocate(total, &weights);
            prop_assert_eq!(parts.iter().sum::<i64>(), total);
            prop_assert!(parts.iter().zip(&weights).all(|(part, weight)| (0..=*weight).contains(part)));
        }

        #[test]
        fn apportioned_amounts_are_exact_and_nobody_is_off_by_more_than_the_number_of_shares(
            amounts in prop::collection::vec(0_i64..1_000_000_000, 0..40), first in 0_i64..=10_000, second in 0_i64..=10_000,
        ) {
            let shares = [first.min(second), (first - second).abs(), 10_000 - first.max(second)];
            let parts = apportion(&amounts, &shares);
            for (amount, parts) in amounts.iter().zip(&parts) {
                prop_assert_eq!(parts.iter().sum::<i64>(), *amount);
                prop_assert!(parts.iter().all(|part| *part >= 0));
            }
            let total: i64 = amounts.iter().sum();
            for (index, share) in shares.iter().enumerate() {
                let got: i64 = parts.iter().map(|parts| parts[index]).sum();
                let due = total as i128 * i128::from(*share) / 10_000;
                prop_assert!((i128::from(got) - due).abs() <= 3, "{got} for {due}");
            }
        }
    }
}
