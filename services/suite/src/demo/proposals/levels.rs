//! Level thresholds that put wanted shares of the payers on each level.

use serde::Serialize;

use super::Lack;
use crate::demo::figures::share_bp;

/// Wanted shares of the payers, the lowest level first, in basis points; 10,000 together.
pub(crate) const WANTED_BP: [i64; 4] = [6000, 2500, 1000, 500];
/// Payers below which nothing is proposed: one in twenty must be more than one.
const PAYERS_LEAST: i64 = 40;

/// One level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ProposedLevel {
    /// 0 for the lowest.
    pub rank: i32,
    /// Growth from which it is reached.
    pub threshold: i64,
    /// The share of payers wanted, in basis points.
    pub wanted_bp: i64,
    /// Payers of the last twelve months whose growth in them reaches it and no higher level.
    pub members: i64,
    /// The same in basis points of the payers.
    pub share_bp: i64,
    /// All buyers by all growth of the data: who would be on it if growth were kept at the end of a level's term.
    pub members_if_kept: i64,
}

/// Proposes thresholds for the growth of the last twelve months' payers; `all` is what every buyer gained in the data.
/// Where many have the same growth, a level that would begin where the one below does is left out.
pub(crate) fn propose(mut year: Vec<i64>, all: &[i64], wanted_bp: &[i64]) -> Result<Vec<ProposedLevel>, Lack> {
    year.sort_unstable();
    let payers = i64::try_from(year.len()).unwrap_or(i64::MAX);
    if payers < PAYERS_LEAST {
        return Err(Lack::Payers { found: payers, needed: PAYERS_LEAST });
    }
    let mut levels = vec![(0, wanted_bp.first().copied().unwrap_or(10_000))];
    for (index, wanted) in wanted_bp.iter().enumerate().skip(1) {
        let above: i64 = wanted_bp[index..].iter().sum();
        let lowest = levels.last().map_or(0, |(threshold, _)| *threshold) + 1;
        match threshold(&year, (payers * above + 5000) / 10_000, lowest) {
            Some(threshold) => levels.push((threshold, *wanted)),
            // its members stay on the level below
            None => levels.last_mut().into_iter().for_each(|(_, below)| *below += *wanted),
        }
    }
    let mut kept = all.to_vec();
    kept.sort_unstable();
    let level = |(rank, (threshold, wanted_bp)): (usize, &(i64, i64))| {
        let next = levels.get(rank + 1).map_or(i64::MAX, |(next, _)| *next);
        let members = reaching(&year, *threshold) - reaching(&year, next);
        ProposedLevel {
            rank: i32::try_from(rank).unwrap_or(i32::MAX),
            threshold: *threshold,
            wanted_bp: *wanted_bp,
            members,
            share_bp: share_bp(members, payers),
            members_if_kept: reaching(&kept, *threshold) - reaching(&kept, next),
        }
    };
    Ok(levels.iter().enumerate().map(level).collect())
}

/// How many reach a threshold; `i64::MAX` is reached by nobody.
fn reaching(rising: &[i64], threshold: i64) -> i64 {
    i64::try_from(rising.len() - rising.partition_point(|growth| *growth < threshold)).unwrap_or(i64::MAX)
}

/// The threshold, not below `lowest`, that a number of members comes closest to reaching; then the roundest one that
/// misses the number by no more than a tenth of it. `None` where it is twice as many or half as few.
fn threshold(rising: &[i64], wanted: i64, lowest: i64) -> Option<i64> {
    let missed = |threshold: i64| (reaching(rising, threshold) - wanted).abs();
    let place = rising.len().checked_sub(usize::try_from(wanted).ok()?.max(1))?;
    let here = *rising.get(place)?;
    let above = rising.get(rising.partition_point(|growth| *growth <= here)).copied();
    let closest =
        [Some(here), above].into_iter().flatten().map(|growth| growth.max(lowest)).min_by_key(|t| missed(*t))?;
    let reach = reaching(rising, closest);
    if reach == 0 || 2 * reach < wanted || reach > 2 * wanted {
        return None;
    }
    let allowed = missed(closest).max(wanted / 10);
    let round = |unit: i64| {
        let down = closest / unit * unit;
        let near = |t: &i64| *t >= lowest && missed(*t) <= allowed;
        [down, down.saturating_add(unit)].into_iter().filter(near).min_by_key(|t| missed(*t))
    };
    let units = (0..=closest.ilog10()).rev().map(|digits| 10_i64.pow(digits));
    units.into_iter().find_map(round)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn thresholds(year: Vec<i64>) -> Vec<(i64, i64)> {
        let levels = propose(year.clone(), &year, &WANTED_BP).expect("a proposal");
        levels.iter().map(|level| (level.threshold, level.members)).collect()
    }

    #[test]
    fn evenly_spread_growth_is_cut_at_the_wanted_shares() {
        // 401 reach 600, where 400 are wanted; 151 reach 850; 51 reach 950
        assert_eq!(thresholds((1..=1000).collect()), [(0, 599), (600, 250), (850, 100), (950, 51)]);
    }

    #[test]
    fn growth_that_many_have_in_common_belongs_to_one_level() {
        // 90 of 100 bought for 10, the others for 1,000: there is nothing between
        let year = [vec![10; 90], vec![1000; 10]].concat();
        assert_eq!(thresholds(year), [(0, 90), (1000, 10)]);
        assert_eq!(thresholds(vec![7; 50]), [(0, 50)]);
        assert_eq!(thresholds(vec![0; 50]), [(0, 50)]);
    }

    #[test]
    fn all_buyers_are_counted_by_all_their_growth_as_well() {
        let levels = propose((1..=100).collect(), &[5, 80, 5000], &WANTED_BP).expect("a proposal");
        assert_eq!(levels.iter().map(|level| level.members_if_kept).collect::<Vec<_>>(), [1, 1, 0, 1]);
    }

    #[test]
    fn a_handful_of_payers_proposes_nothing() {
        let lack = propose(vec![5; 39], &[], &WANTED_BP).expect_err("too few");
        assert_eq!(lack, Lack::Payers { found: 39, needed: 40 });
    }

    proptest! {
        #[test]
        fn thresholds_rise_and_everyone_is_on_one_level(
            year in prop::collection::vec(prop_oneof![0..30_i64, 0..100_000_i64], 40..400),
        ) {
            let levels = propose(year.clone(), &year, &WANTED_BP).expect("a proposal");
            prop_assert_eq!(levels[0].threshold, 0);
            prop_assert!(levels.windows(2).all(|pair| pair[0].threshold < pair[1].threshold), "{:?}", levels);
            prop_assert_eq!(levels.iter().map(|level| level.members).sum::<i64>(), year.len() as i64);
            prop_assert_eq!(levels.iter().map(|level| level.members_if_kept).sum::<i64>(), year.len() as i64);
            prop_assert_eq!(levels.iter().map(|level| level.wanted_bp).sum::<i64>(), 10_000);
        }

        #[test]
        fn without_ties_shares_are_met_within_a_tenth(step in 1..50_i64, offset in 0..10_000_i64, payers in 200..2000_i64) {
            let year: Vec<i64> = (0..payers).map(|index| offset + 1 + index * step).collect();
            let levels = propose(year.clone(), &year, &WANTED_BP).expect("a proposal");
            prop_assert_eq!(levels.len(), 4);
            let mut above = 0;
            for (level, wanted) in levels.iter().zip(WANTED_BP).rev().take(3) {
                above += level.members;
                let wanted_above: i64 = WANTED_BP[usize::try_from(level.rank).unwrap_or(0)..].iter().sum();
                let target = (payers * wanted_above + 5000) / 10_000;
                prop_assert!((above - target).abs() <= target / 10, "{:?} {}", levels, wanted);
            }
        }
    }
}
