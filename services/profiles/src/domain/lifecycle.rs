//! The stage model.

use time::{Date, OffsetDateTime};
use units::zone::Zone;

use super::rfm::RfmModel;
use super::user::Snapshot;

/// The stages of the e-commerce model, in the order of a relationship.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Known, neither registered nor a buyer.
    Prospect,
    /// Registered, has not bought.
    New,
    /// Bought once, recently.
    FirstOrder,
    /// Bought more than once, recently.
    Repeat,
    /// Bought often, the last time recently.
    Loyal,
    /// A buyer who has not been seen for a while.
    Dormant,
    /// A buyer who has not been seen for long.
    Lost,
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Self; 7] =
        [Self::Prospect, Self::New, Self::FirstOrder, Self::Repeat, Self::Loyal, Self::Dormant, Self::Lost];

    /// The name in facts: what rules compare with.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Prospect => "prospect",
            Self::New => "new",
            Self::FirstOrder => "first_order",
            Self::Repeat => "repeat",
            Self::Loyal => "loyal",
            Self::Dormant => "dormant",
            Self::Lost => "lost",
        }
    }
}

/// Thresholds of the stage model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StageModel {
    /// Orders that make a buyer loyal.
    pub loyal_orders: i32,
    /// Days without order or visit until a buyer is dormant.
    pub dormant_after_days: i32,
    /// Days without order or visit until a buyer is lost; more than `dormant_after_days`.
    pub lost_after_days: i32,
}

impl Default for StageModel {
    fn default() -> Self {
        Self { loyal_orders: 5, dormant_after_days: 90, lost_after_days: 180 }
    }
}

/// A tenant's models.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Models {
    /// The stages.
    pub stage: StageModel,
    /// Recency, frequency, monetary value.
    pub rfm: RfmModel,
    /// Changes with every change; 0 where the tenant has the defaults.
    pub version: i64,
}

/// What decides a user's stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Whether the user is known to have registered.
    pub registered: bool,
    /// Orders that count.
    pub orders: i64,
    /// The last day with an order or visit.
    pub last_active: Option<Date>,
}

impl Standing {
    /// The standing of one user at a moment. Registration after it does not count yet.
    pub fn of(user: &Snapshot, zone: &Zone, at: OffsetDateTime) -> Self {
        Self {
            registered: user.registered_at.is_some_and(|registered| registered <= at),
            orders: user.spend.orders,
            last_active: user.spend.last_at.max(user.last_visit_at).map(|last| day(zone, last)),
        }
    }
}

/// The stage of a user, or of a group with one standing, on a day of the tenant's zone.
pub fn stage(model: &StageModel, standing: &Standing, today: Date) -> Stage {
    if standing.orders == 0 {
        return if standing.registered { Stage::New } else { Stage::Prospect };
    }
    let idle = standing.last_active.map_or(0, |last| (today - last).whole_days());
    match standing.orders {
        _ if idle >= i64::from(model.lost_after_days) => Stage::Lost,
        _ if idle >= i64::from(model.dormant_after_days) => Stage::Dormant,
        orders if orders >= i64::from(model.loyal_orders) => Stage::Loyal,
        1 => Stage::FirstOrder,
        _ => Stage::Repeat,
    }
}

/// The day of a zone in which a moment lies.
pub fn day(zone: &Zone, at: OffsetDateTime) -> Date {
    let format = time::macros::format_description!("[year]-[month]-[day]");
    Date::parse(&zone.day_of(at), &format).unwrap_or(Date::MIN)
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::*;

    const TODAY: Date = date!(2026 - 06 - 30);

    fn standing(orders: i64, idle: i64) -> Standing {
        Standing { registered: true, orders, last_active: Some(TODAY - time::Duration::days(idle)) }
    }

    #[test]
    fn a_buyer_moves_on_exactly_at_each_threshold() {
        let cases = [
            (1, 0, Stage::FirstOrder),
            (2, 0, Stage::Repeat),
            (4, 89, Stage::Repeat),
            (5, 89, Stage::Loyal),
            (5, 90, Stage::Dormant),
            (1, 179, Stage::Dormant),
            (9, 180, Stage::Lost),
            (1, -1, Stage::FirstOrder),
        ];
        for (orders, idle, want) in cases {
            assert_eq!(
                stage(&StageModel::default(), &standing(orders, idle), TODAY),
                want,
                "{orders} orders, {idle} days"
            );
        }
    }

    #[test]
    fn without_orders_only_registration_counts() {
        let visitor = Standing { registered: false, ..standing(0, 400) };
        assert_eq!(stage(&StageModel::default(), &visitor, TODAY), Stage::Prospect);
        assert_eq!(stage(&StageModel::default(), &standing(0, 400), TODAY), Stage::New);
    }

    #[test]
    fn a_day_is_the_zones() {
        let at = datetime!(2026-06-30 17:00 UTC);
        assert_eq!(day(&Zone::new("Asia/Shanghai").unwrap(), at), date!(2026 - 07 - 01));
        assert_eq!(day(&Zone::utc(), at), TODAY);
    }

    #[test]
    fn a_visit_after_the_last_order_keeps_a_buyer_active() {
        let mut user = Snapshot { last_visit_at: Some(datetime!(2026-06-29 0:00 UTC)), ..Snapshot::default() };
        user.spend.orders = 1;
        user.spend.last_at = Some(datetime!(2025-06-29 0:00 UTC));
        let got = Standing::of(&user, &Zone::utc(), datetime!(2026-06-30 0:00 UTC));
        assert_eq!(got, Standing { registered: false, orders: 1, last_active: Some(date!(2026 - 06 - 29)) });
    }
}
