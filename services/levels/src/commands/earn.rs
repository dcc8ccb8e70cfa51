use ids::{Key, UserId};
use proto::common::v1::Position;
use proto::levels::v1::EarnResponse;
use requests::{Encoded, Request};
use status::Violations;
use time::{Duration, OffsetDateTime};

use super::posting::{Call, Named, Posting, Reply};
use crate::domain::account::Occasion;
use crate::domain::book::{AccountKey, Book};
use crate::domain::earning::caps_of;
use crate::domain::point_type::PointType;
use crate::domain::refusal::Refusal;

/// How far ahead of now an earning may have happened: callers' clocks and time zones go wrong.
const AHEAD_MAX: Duration = Duration::days(1);

/// Gives points.
#[derive(Debug, Clone)]
pub struct Earn {
    /// Makes it idempotent, for ever.
    pub request: Request,
    /// The user: a canonical id or an alias.
    pub user: UserId,
    /// What is earned.
    pub point_type: Key,
    /// How much: 1 to 1,000,000,000,000.
    pub amount: i64,
    /// When and why.
    pub occasion: Occasion,
}

impl Posting for Earn {
    fn opens(&self, _point_type: &PointType) -> bool {
        true
    }

    fn request(&self) -> &Request {
        &self.request
    }

    fn user(&self) -> &UserId {
        &self.user
    }

    fn capped_at(&self, at: OffsetDateTime) -> Option<OffsetDateTime> {
        Some(self.occasion.occurred_at.unwrap_or(at))
    }

    fn order(&self) -> Option<&str> {
        Some(self.occasion.origin.order_id.as_str()).filter(|order| !order.is_empty())
    }

    fn named(&self) -> Named<'_> {
        Named::PointType(&self.point_type)
    }

    fn decide(&self, book: &mut Book<'_>, key: &AccountKey, at: OffsetDateTime) -> Result<Reply, Refusal> {
        let occurred_at = self.occasion.occurred_at.unwrap_or(at);
        let capped = caps_of(None, book.point_type(&key.1)?);
        let allowed = book.room(&capped, &key.0, occurred_at, self.amount);
        if let Some(cut) = allowed.cut.filter(|_| allowed.given == 0) {
            return Err(Refusal::EarningCapped { point_type_id: key.1.to_string(), frees_at: cut.frees_at });
        }
        let (entry, _) = book.earn(key, allowed.given, self.occasion.clone(), at)?;
        book.take_room(&capped, &key.0, occurred_at, allowed.given);
        Ok(Reply { cut: allowed.asked - allowed.given, ..Reply::entry(&entry, 0) })
    }

    fn check(&self, clock: OffsetDateTime) -> Result<(), Violations> {
        let mut violations = Violations::new();
        if self.occasion.occurred_at.is_some_and(|at| at > clock + AHEAD_MAX) {
            violations.add("occurred_at", "must not lie more than a day ahead of now");
        }
        violations.check()
    }

    fn answer(&self, reply: Reply, position: Position) -> Encoded {
        Encoded::of(&EarnResponse { entry: reply.entry, position: Some(position), cut_amount: reply.cut })
    }
}

impl Call for Earn {
    type Answer = EarnResponse;
}
