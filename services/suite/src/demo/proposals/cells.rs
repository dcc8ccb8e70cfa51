//! RFM limits from the base itself, and one action for each cell.

use proto::profiles::v1::RfmCell as Cell;
use serde::Serialize;

use crate::demo::figures::{Amount, Rfm, share_bp};

/// Payers from which quintiles tell more than fixed limits.
const PAYERS_LEAST: i64 = 500;
/// Days of data from which they do.
const DAYS_LEAST: i64 = 180;

/// What the payers propose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Cells {
    /// `quintiles` of the payers, kept as fixed limits so that cells can be compared over time; `defaults` where there are
    /// fewer than 500 payers or 180 days.
    pub basis: &'static str,
    /// Payers in the window.
    pub payers: i64,
    /// The limits of scores 2, 3, 4, 5: days since the last order, falling.
    pub recency_days: [i32; 4],
    /// Orders, rising.
    pub frequency_orders: [i32; 4],
    /// Net spend in minor units, rising.
    pub monetary_minor: [i64; 4],
    /// All eight cells.
    pub cells: Vec<CellAction>,
}

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct CellAction {
    /// Name in the contract, such as `RFM_CELL_CHAMPION`.
    pub cell: String,
    /// Name on screen.
    pub label: String,
    /// Payers in it.
    pub users: i64,
    /// Their share of all payers, in basis points.
    pub share_bp: i64,
    /// What they spent in the window.
    pub net_spend: Amount,
    /// Their share of what all payers spent, in basis points.
    pub revenue_share_bp: i64,
    /// What to do.
    pub action: Action,
}

/// What to do with the users of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Action {
    /// In Chinese.
    pub zh: &'static str,
    /// In English.
    pub en: &'static str,
}

/// Whether the base is large enough for limits of its own.
pub(crate) fn enough(payers: i64, days: i64) -> bool {
    payers >= PAYERS_LEAST && days >= DAYS_LEAST
}

/// Proposes limits and actions from cells as profiles counted them, by quintiles where there were enough payers. `None`
/// where there are no four limits of each kind.
pub(crate) fn propose(counted: &Rfm, by_quintiles: bool) -> Option<Cells> {
    let recency_days = falling(counted.recency_days.as_slice().try_into().ok()?);
    let frequency_orders =
        rising(widened(&counted.frequency_orders)?, 1).map(|limit| i32::try_from(limit).unwrap_or(i32::MAX));
    let monetary_minor = rising(counted.monetary_minor.as_slice().try_into().ok()?, 0);
    let payers = counted.cells.iter().map(|cell| cell.users).sum();
    let spend = counted.cells.iter().map(|cell| cell.net_spend.minor).sum();
    let cell = |cell: &crate::demo::figures::RfmCell| CellAction {
        cell: cell.cell.clone(),
        label: cell.label.clone(),
        users: cell.users,
        share_bp: share_bp(cell.users, payers),
        net_spend: cell.net_spend.clone(),
        revenue_share_bp: share_bp(cell.net_spend.minor, spend),
        action: action(Cell::from_str_name(&cell.cell).unwrap_or(Cell::Unspecified)),
    };
    Some(Cells {
        basis: if by_quintiles { "quintiles" } else { "defaults" },
        payers,
        recency_days,
        frequency_orders,
        monetary_minor,
        cells: counted.cells.iter().map(cell).collect(),
    })
}

fn widened(limits: &[i32]) -> Option<[i64; 4]> {
    let limits: [i32; 4] = limits.try_into().ok()?;
    Some(limits.map(i64::from))
}

/// Limits that rise strictly from `least`, as the model wants them. Where many payers have the same value, quintiles do
/// not: then the neighbours of the third limit give way, which alone decides between high and low.
fn rising([second, third, fourth, fifth]: [i64; 4], least: i64) -> [i64; 4] {
    let fourth = fourth.max(least + 2);
    let third = third.min(fourth - 1).max(least + 1);
    [second.min(third - 1).max(least), third, fourth, fifth.max(fourth.saturating_add(1))]
}

/// The same for limits that fall.
fn falling([second, third, fourth, fifth]: [i32; 4]) -> [i32; 4] {
    let fourth = fourth.max(1);
    let third = third.max(fourth + 1);
    [second.max(third + 1), third, fourth, fifth.min(fourth - 1).max(0)]
}

fn action(cell: Cell) -> Action {
    let (zh, en) = match cell {
        Cell::Unspecified => ("无", "none"),
        Cell::Champion => {
            ("不打折：新品优先购，邀请带新人", "no discounts: first access, invitations to bring friends")
        }
        Cell::Grow => ("下单后发复购券，有效期为常见复购间隔", "repurchase coupon, valid for the usual interval"),
        Cell::Keep => ("流失期限前先问原因，再给复购券", "ask why before the churn limit, then a repurchase coupon"),
        Cell::WinBack => ("人工回访，配限时秒杀单品", "personal call, flash sale of one item"),
        Cell::Frequent => ("推满减第一档：每单多买一件", "first discount step: one more item per order"),
        Cell::Recent => ("新人任务与第二单复购券", "newcomer tasks, coupon for the next order"),
        Cell::Fading => ("发限时复购券，到期前提醒一次", "repurchase coupon with an end date, one reminder"),
        Cell::Hibernating => ("低成本触达一次秒杀单品，无回应则停", "one cheap flash-sale message; no answer: stop"),
    };
    Action { zh, en }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::demo::figures::RfmCell;

    fn counted(cells: &[(Cell, i64, i64)]) -> Rfm {
        let cell = |(cell, users, spend): &(Cell, i64, i64)| RfmCell {
            cell: cell.as_str_name().to_owned(),
            label: String::new(),
            users: *users,
            net_spend: Amount::new(*spend, "USD", 2),
        };
        Rfm {
            cells: cells.iter().map(cell).collect(),
            window_days: 365,
            recency_days: vec![300, 200, 100, 50],
            frequency_orders: vec![2, 2, 3, 4],
            monetary_minor: vec![1500, 3000, 6000, 6000],
        }
    }

    #[test]
    fn each_cell_has_its_shares_and_an_action_of_its_own() {
        let all: Vec<_> = (1..=8).filter_map(|number| Cell::try_from(number).ok()).map(|cell| (cell, 25, 0)).collect();
        let got = propose(&counted(&all), true).expect("limits");
        let actions: std::collections::BTreeSet<_> =
            got.cells.iter().map(|cell| (cell.action.zh, cell.action.en)).collect();
        assert_eq!((actions.len(), got.payers), (8, 200));
        assert!(actions.iter().all(|(zh, en)| zh.chars().count() <= 28 && en.len() <= 56), "{actions:?}");
        assert!(got.cells.iter().all(|cell| cell.share_bp == 1250 && cell.revenue_share_bp == 0));
        let got =
            propose(&counted(&[(Cell::Champion, 10, 7500), (Cell::Hibernating, 90, 2500)]), true).expect("limits");
        assert_eq!(
            got.cells.iter().map(|cell| (cell.share_bp, cell.revenue_share_bp)).collect::<Vec<_>>(),
            [(1000, 7500), (9000, 2500)]
        );
    }

    #[test]
    fn limits_of_tied_quintiles_part_without_moving_the_one_that_decides() {
        let got = propose(&counted(&[]), true).expect("limits");
        assert_eq!((got.frequency_orders, got.monetary_minor), ([1, 2, 3, 4], [1500, 3000, 6000, 6001]));
        assert_eq!(got.recency_days, [300, 200, 100, 50]);
        assert_eq!(propose(&Rfm::default(), true), None);
    }

    #[test]
    fn a_small_or_young_base_keeps_the_defaults() {
        assert_eq!([enough(499, 1000), enough(500, 179), enough(500, 180)], [false, false, true]);
    }

    proptest! {
        #[test]
        fn limits_are_what_the_model_takes(
            mut days in prop::array::uniform4(0..365_i32), mut orders in prop::array::uniform4(1..9_i64),
        ) {
            days.sort_unstable_by(|a, b| b.cmp(a));
            orders.sort_unstable();
            let (falling, rising) = (falling(days), rising(orders, 1));
            prop_assert!(falling.windows(2).all(|pair| pair[0] > pair[1]) && falling[3] >= 0, "{:?}", falling);
            prop_assert!(rising.windows(2).all(|pair| pair[0] < pair[1]) && rising[0] >= 1, "{:?}", rising);
            prop_assert!(days[2] < 1 || falling[2] == days[2]);
            prop_assert!(orders[2] < 3 || rising[2] == orders[2]);
        }
    }
}
