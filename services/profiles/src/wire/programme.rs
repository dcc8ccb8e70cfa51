//! Programmes: what differs and what is wrong as messages.

use proto::levels::v1::ChangedPolicy;
use proto::programme::v1 as pb;
use units::time::to_proto;

use crate::domain::profile::etag;
use crate::domain::programme::course::{Act, Change};
use crate::domain::programme::version::State;
use crate::domain::programme::violation::Violation;
use crate::domain::programme::{Kind, Value};
use crate::queries::plan::Plan;
use crate::store::programme::Version;

/// A value as JSON; equal values give equal text.
pub(crate) fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Flag(flag) => (*flag).into(),
        Value::Number(number) => (*number).into(),
        Value::Text(text) => text.as_str().into(),
        Value::List(items) => items.iter().map(json).collect(),
        Value::Record(fields) => {
            serde_json::Value::Object(fields.iter().map(|(name, value)| (name.clone(), json(value))).collect())
        }
    }
}

/// What happens to a definition.
fn change(change: &Change, policies: &[ChangedPolicy]) -> pb::DefinitionChange {
    let text = |value: &Option<Value>| value.as_ref().map(|value| json(value).to_string()).unwrap_or_default();
    let fields = change.fields.iter().map(|field| pb::FieldChange {
        path: field.path.to_string(),
        before: text(&field.before),
        after: text(&field.after),
    });
    let act = match change.act {
        Act::Add => pb::ChangeKind::Added,
        Act::Change => pb::ChangeKind::Changed,
        Act::Pause => pb::ChangeKind::Paused,
        Act::Keep => pb::ChangeKind::Kept,
    };
    let kind = match change.key.kind {
        Kind::PointType => pb::DefinitionKind::PointType,
        Kind::EarningRule => pb::DefinitionKind::EarningRule,
        Kind::Scheme => pb::DefinitionKind::Scheme,
        Kind::Benefit => pb::DefinitionKind::Benefit,
        Kind::Badge => pb::DefinitionKind::Badge,
        Kind::Quest => pb::DefinitionKind::Quest,
        Kind::Streak => pb::DefinitionKind::Streak,
        Kind::Leaderboard => pb::DefinitionKind::Leaderboard,
        Kind::LifecycleModels => pb::DefinitionKind::LifecycleModels,
        Kind::CouponTemplate => pb::DefinitionKind::CouponTemplate,
        Kind::CampaignSettings => pb::DefinitionKind::CampaignSettings,
        Kind::Campaign => pb::DefinitionKind::Campaign,
        Kind::Action => pb::DefinitionKind::Action,
        Kind::CaseType => pb::DefinitionKind::CaseType,
        Kind::SlaPolicy => pb::DefinitionKind::SlaPolicy,
        Kind::Classification => pb::DefinitionKind::Classification,
    };
    pb::DefinitionChange {
        kind: kind.into(),
        definition_id: change.key.id.clone(),
        change: act.into(),
        fields: fields.collect(),
        policies: policies.to_vec(),
    }
}

/// What a plan says of changes and approvals.
pub(crate) fn plan(plan: &Plan) -> pb::PlanProgrammeResponse {
    let policies = |key| plan.policies.get(key).map(Vec::as_slice).unwrap_or_default();
    pb::PlanProgrammeResponse {
        changes: plan.changes.iter().map(|it| change(it, policies(&it.key))).collect(),
        awaiting_approval: plan.awaiting.iter().cloned().collect(),
        ..pb::PlanProgrammeResponse::default()
    }
}

/// What is wrong with a bundle.
pub(crate) fn violation(violation: &Violation) -> pb::BundleViolation {
    pb::BundleViolation { field: violation.field.clone(), description: violation.why.clone() }
}

/// A version, with its bundle or without.
pub(crate) fn version(version: &Version, bundle: Option<pb::ProgrammeBundle>) -> pb::ProgrammeVersion {
    let state = match version.state {
        State::Applying => pb::VersionState::Applying,
        State::Applied => pb::VersionState::Applied,
        State::Failed => pb::VersionState::Failed,
    };
    pb::ProgrammeVersion {
        version: version.version,
        bundle,
        state: state.into(),
        author: version.author.clone(),
        note: version.note.clone(),
        restored_version: version.restored_version,
        failure: version.failure.clone(),
        create_time: Some(to_proto(version.create_time)),
        apply_time: version.apply_time.map(to_proto),
        etag: etag(version.version.into()),
    }
}
