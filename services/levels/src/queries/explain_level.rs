use ids::{Key, TenantId, UserId};
use proto::common::v1::Position;
use proto::levels::v1 as pb;

use super::resolve;
use crate::domain::explain_level::{Subject, explain};
use crate::domain::refusal::Refusal;
use crate::error::LevelsError;
use crate::{Levels, store, wire};

impl Levels {
    /// See `LevelService.ExplainLevel`.
    pub async fn explain_level(
        &self,
        tenant: &TenantId,
        user: &UserId,
        scheme_id: &Key,
        at_least: &[Position],
    ) -> Result<pb::ExplainLevelResponse, LevelsError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let (programme, clock) = self.programme.now(&mut tx, tenant).await?;
        let scheme = programme.schemes.get(scheme_id);
        let scheme = scheme.ok_or_else(|| Refusal::SchemeNotFound { scheme_id: scheme_id.to_string() })?;
        let user = resolve(&mut tx, tenant, user).await?;
        let key = (user, scheme.guard().clone());
        let held = store::holding::read(&mut tx, tenant, &programme, std::slice::from_ref(&key)).await?;
        let booked = store::level_move::list(&mut tx, tenant, (&key.0, scheme_id), i64::MAX, 1).await?;
        tx.rollback().await?;
        let (book, _) = held.of(&key).at(&programme, &key, clock);
        let unbooked = book.moves().filter(|(of, _)| *of == scheme_id).map(|(_, moved)| moved);
        let last_move = unbooked.last().or(booked.first());
        let (member, figures) = book.standing(&key.0, scheme);
        let statements = explain(&Subject { programme: &programme, scheme, member, figures: &figures, last_move });
        let statements = statements.iter().map(|(reason, sentence)| pb::LevelStatement {
            reason: wire::level::reason(*reason).into(),
            sentence: Some(units::text::to_proto(sentence)),
        });
        Ok(pb::ExplainLevelResponse {
            member: Some(wire::level::member(scheme, member, &figures)),
            statements: statements.collect(),
            last_move: last_move.map(wire::level::level_move),
        })
    }
}
