use std::collections::BTreeMap;

use ids::{Key, TenantId};
use proto::levels::v1::{PublishSchemeResponse, programme_published::Published};
use requests::Request;
use service::{Answer, earlier, refuse};

use crate::domain::point_type::PointType;
use crate::domain::refusal::Refusal;
use crate::domain::scheme::{Basis, Measure, Scheme};
use crate::error::LevelsError;
use crate::{Levels, events, store, wire};

/// Schemes that a tenant may have.
const SCHEMES_MAX: usize = 20;

/// Publishes a scheme.
#[derive(Debug, Clone)]
pub struct PublishScheme {
    /// Makes it idempotent.
    pub request: Request,
    /// The scheme; its version and time of publishing are set here.
    pub scheme: Scheme,
}

impl Levels {
    /// See `LevelService.PublishScheme`.
    pub async fn publish_scheme(
        &self,
        tenant: &TenantId,
        command: &PublishScheme,
    ) -> Result<Answer<PublishSchemeResponse>, LevelsError> {
        pg::retrying("publish_scheme", || self.publish_scheme_once(tenant, command)).await
    }

    #[tracing::instrument(name = "publish_scheme", skip_all, fields(scheme = %command.scheme.id))]
    async fn publish_scheme_once(
        &self,
        tenant: &TenantId,
        command: &PublishScheme,
    ) -> Result<Answer<PublishSchemeResponse>, LevelsError> {
        let mut tx = self.core.write(tenant).await?;
        store::scheme::lock(&mut tx, tenant).await?;
        if let Some(answer) = earlier(&mut tx, tenant, &command.request).await? {
            return Ok(answer);
        }
        let mut scheme = command.scheme.clone();
        let mut others = store::scheme::all(&mut tx, tenant).await?;
        let before = others.remove(&scheme.id);
        let measured: Vec<&str> = scheme.measures.iter().map(|it| it.point_type.as_str()).collect();
        let types = store::point_type::read(&mut tx, tenant, &measured).await?;
        let full = (others.len() >= SCHEMES_MAX).then_some(Refusal::SchemeLimit { limit: SCHEMES_MAX });
        if let Some(refusal) = full.or(scheme.measures.iter().find_map(|it| refuse_measure(it, &types))) {
            return Err(refuse(tx, tenant, &command.request, refusal).await);
        }
        let at = self.core.decide(&mut tx, tenant).await?;
        scheme.version = before.as_ref().map_or(1, |before| before.version + 1);
        scheme.publish_time = before.as_ref().map_or(at, |before| before.publish_time.max(at));
        scheme.create_time = before.map_or(scheme.publish_time, |before| before.create_time);
        store::scheme::insert(&mut tx, tenant, &scheme).await?;
        let message = wire::level::scheme(&scheme);
        let draft = events::published(&command.request, Published::Scheme(message.clone()), scheme.publish_time);
        self.core
            .finish(tx, tenant, &command.request, ("", &[draft]), |position| PublishSchemeResponse {
                scheme: Some(message),
                position: Some(position),
            })
            .await
    }
}

/// Why something cannot count for levels.
fn refuse_measure(it: &Measure, types: &BTreeMap<Key, PointType>) -> Option<Refusal> {
    let point_type_id = it.point_type.to_string();
    match types.get(&it.point_type) {
        None => Some(Refusal::PointTypeNotFound { point_type_id }),
        Some(point_type) if it.basis == Basis::Unexpired && point_type.spendable => {
            Some(Refusal::PointTypeSpendable { point_type_id })
        }
        Some(_) => None,
    }
}
