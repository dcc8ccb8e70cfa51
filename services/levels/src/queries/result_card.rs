use ids::{Key, TenantId, UserId};
use proto::common::v1::Position;
use proto::levels::v1 as pb;
use status::Violations;
use units::time::to_proto;
use units::zone::Zone;

use super::resolve;
use crate::domain::book::Programme;
use crate::domain::refusal::Refusal;
use crate::domain::result_card::{Card, CardPeriod, better_than_bp, sentence};
use crate::error::LevelsError;
use crate::{Levels, store, wire};

/// What a user wants to show.
#[derive(Debug, Clone)]
pub struct AskedCard {
    /// The user.
    pub user: UserId,
    /// A year or a month, as it was written.
    pub period: String,
    /// The zone of its days.
    pub zone: Option<Zone>,
    /// The point type whose growth is compared; `None`: the scheme's.
    pub point_type: Option<Key>,
}

impl Levels {
    /// See `ResultCardService.GetResultCard`.
    pub async fn result_card(
        &self,
        tenant: &TenantId,
        asked: &AskedCard,
        at_least: &[Position],
    ) -> Result<pb::GetResultCardResponse, LevelsError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let (programme, _) = self.programme.now(&mut tx, tenant).await?;
        let user = resolve(&mut tx, tenant, &asked.user).await?;
        let scheme = programme.main_scheme();
        let of_scheme = scheme.and_then(|scheme| Some(programme.types.get(scheme.guard())?.zone.clone()));
        let zone = asked.zone.clone().or(of_scheme).unwrap_or_else(Zone::utc);
        let period = CardPeriod::read(&asked.period, &zone).ok_or_else(no_such_period)?;
        let mut card =
            Card { points: store::result_card::points(&mut tx, tenant, &user, &period).await?, ..Card::default() };
        if let Some(scheme) = scheme {
            let (rank, rises) = store::result_card::levels(&mut tx, tenant, (&scheme.id, &user), &period).await?;
            (card.highest_rank, card.rises) = (Some(rank.min(scheme.highest())), rises);
        }
        card.quests = store::result_card::quests(&mut tx, tenant, &user, &period).await?;
        (card.check_ins, card.longest_run) = store::result_card::check_ins(&mut tx, tenant, &user, &period).await?;
        let badges = store::result_card::badges(&mut tx, tenant, &user, &period).await?;
        let compared = asked.point_type.clone().or_else(|| scheme.map(|scheme| scheme.guard().clone()));
        if let Some(point_type) = compared {
            if !programme.types.contains_key(&point_type) {
                return Err(Refusal::PointTypeNotFound { point_type_id: point_type.to_string() }.into());
            }
            let key = (user.clone(), point_type.clone());
            let growth = store::account::read(&mut tx, tenant, [&key]).await?.remove(&key).map_or(0, |it| it.growth);
            let quantiles = store::growth::quantiles(&mut tx, tenant, &point_type).await?;
            let counted = store::growth::counted(&mut tx, tenant).await?;
            let better = |growths: Vec<i64>| better_than_bp(growth, &growths);
            card.better_than = quantiles.map(better).zip(counted.map(|counted| counted.at));
            card.growth = Some((point_type, growth));
        }
        tx.rollback().await?;
        let badges = badges.iter().filter_map(|(id, held)| Some((programme.badges.get(id)?, held)));
        let badges = badges.map(|(badge, held)| wire::goal::user_badge(badge, Some(held), None)).collect();
        Ok(shown(&programme, &period, &card, badges))
    }
}

fn no_such_period() -> LevelsError {
    let mut violations = Violations::new();
    violations.add("period", "must be a year such as 2026, or a month such as 2026-11");
    LevelsError::Invalid(violations)
}

fn shown(
    programme: &Programme,
    period: &CardPeriod,
    card: &Card,
    badges: Vec<pb::UserBadge>,
) -> pb::GetResultCardResponse {
    let points = card.points.iter().map(|(id, (earned, spent))| pb::CardPoints {
        point_type_id: id.to_string(),
        display_name: programme.types.get(id).map(|it| units::text::to_proto(&it.display_name)),
        earned: *earned,
        spent: *spent,
    });
    // what can be used says more than what only counts
    let first = programme.types.values().find(|it| it.spendable && card.points.contains_key(&it.id));
    let said = sentence(period, card, first.map(|it| (&it.id, &it.display_name)));
    let level = programme.main_scheme().zip(card.highest_rank);
    pb::GetResultCardResponse {
        start_time: Some(to_proto(period.start)),
        end_time: Some(to_proto(period.end)),
        points: points.collect(),
        highest_level: level.and_then(|(scheme, rank)| wire::level::level(scheme, rank)),
        rises: card.rises,
        quests_completed: card.quests,
        badges,
        check_ins: card.check_ins,
        longest_run: card.longest_run,
        growth: card.growth.as_ref().map_or(0, |(_, growth)| *growth),
        better_than_bp: card.better_than.map_or(0, |(bp, _)| bp),
        compared_as_of: card.better_than.map(|(_, at)| to_proto(at)),
        sentence: Some(units::text::to_proto(&said)),
    }
}
