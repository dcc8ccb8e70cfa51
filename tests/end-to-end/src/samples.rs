//! One valid request per RPC, in an order in which a fresh tenant answers each of them with OK.

mod case;
mod incentives;
mod levels;

use serde_json::{Value, json};

/// What tells one run's requests from another's.
#[derive(Clone, Copy)]
pub struct Names<'a> {
    /// The tenant of the token.
    pub tenant: &'a str,
    /// The user.
    pub user: &'a str,
    /// Stands in every id that the caller chooses.
    pub ids: &'a str,
    /// Stands in every free text: if it shows up in another tenant's answer, something leaks.
    pub canary: &'a str,
}

/// Path and request of every RPC: first what defines and writes, then what reads.
pub fn all(names: &Names<'_>) -> Vec<(&'static str, Value)> {
    let mut samples = writes(names);
    samples.extend(reads(names));
    samples.extend(case::reads(names));
    samples
}

/// The writes. Those of `TenantService` are for an identity across tenants.
pub fn writes(names: &Names<'_>) -> Vec<(&'static str, Value)> {
    let mut samples = tenant_writes(names);
    samples.extend(programme_writes(names));
    samples.extend(user_writes(names));
    samples.extend(levels::postings(names));
    samples.extend(incentives::checkout_writes(names));
    samples.extend(levels::hold_writes(names));
    samples.extend(levels::adjustment_writes(names));
    samples.extend(levels::level_writes(names));
    samples.extend(levels::job_writes(names));
    samples.extend(levels::benefit_writes(names));
    samples.extend(levels::leaderboard_writes(names));
    samples.extend(levels::goal_writes(names));
    samples.extend(case::desk_writes(names));
    samples.extend(case::writes(names));
    samples.extend(incentives::campaign_writes(names));
    samples.extend(incentives::penalty_writes(names));
    samples
}

fn text(names: &Names<'_>) -> Value {
    json!({"texts": {"zh": format!("名称 {}", names.canary), "en": format!("name {}", names.canary)}, "fallback": "zh"})
}

fn request_id(names: &Names<'_>, what: &str) -> String {
    format!("{what}-{}", names.ids)
}

fn tenant_writes(names: &Names<'_>) -> Vec<(&'static str, Value)> {
    vec![
        (
            "/banyan.admin.v1.TenantService/CreateTenant",
            json!({
                "requestId": format!("create-{}-{}", names.tenant, names.ids),
                "tenant": {"tenantId": names.tenant, "displayName": names.canary, "zone": "Asia/Shanghai", "currency": "CNY",
                    "sandbox": true},
            }),
        ),
        (
            "/banyan.admin.v1.TenantService/UpdateTenant",
            json!({
                "requestId": format!("update-{}-{}", names.tenant, names.ids),
                "tenant": {"tenantId": names.tenant, "displayName": format!("店 {}", names.canary)},
                "updateMask": "displayName",
            }),
        ),
        (
            "/banyan.admin.v1.TenantService/AdvanceClock",
            json!({
                "requestId": format!("advance-{}-{}", names.tenant, names.ids),
                "tenantId": names.tenant,
                "to": "2001-02-03T04:05:06Z",
            }),
        ),
        ("/banyan.admin.v1.TimerService/RunTimers", json!({"service": "levels", "tenantId": names.tenant})),
    ]
}

fn programme_writes(names: &Names<'_>) -> Vec<(&'static str, Value)> {
    vec![
        (
            "/banyan.levels.v1.PointsService/CreatePointType",
            json!({
                "requestId": request_id(names, "point-type"),
                "pointType": {"pointTypeId": "points", "displayName": text(names), "spendable": true,
                    "expiryPolicy": "EXPIRY_POLICY_MONTHS", "expiryCount": 12,
                    "reversalPolicy": "REVERSAL_POLICY_DOWN_TO_ZERO", "zone": "Asia/Shanghai",
                    "transfers": {"maxAmount": "100", "maxPerDay": "1000"}},
            }),
        ),
        (
            "/banyan.levels.v1.PointsService/UpdatePointType",
            json!({
                "requestId": request_id(names, "point-type-changed"),
                "pointType": {"pointTypeId": "points", "displayName": text(names), "adjustmentLimit": "10"},
                "updateMask": "displayName,adjustmentLimit",
            }),
        ),
        (
            "/banyan.levels.v1.EarningRuleService/PublishEarningRule",
            json!({
                "requestId": request_id(names, "rule"),
                "rule": earning_rule(),
            }),
        ),
        (
            "/banyan.levels.v1.LevelService/PublishScheme",
            json!({
                "requestId": request_id(names, "scheme"),
                "scheme": {"schemeId": "member", "displayName": text(names), "pointTypeId": "points",
                    "levels": [{"rank": 0, "displayName": text(names), "threshold": "0"},
                        {"rank": 1, "displayName": text(names), "threshold": "50"}],
                    "validityMonths": 12, "periodEnd": "PERIOD_END_KEEP"},
            }),
        ),
        (
            "/banyan.profiles.v1.LifecycleService/UpdateModels",
            json!({
                "requestId": request_id(names, "models"),
                "models": {
                    "stage": {"loyalOrders": 5, "dormantAfterDays": 60, "lostAfterDays": 120},
                    "rfm": {"method": "RFM_METHOD_THRESHOLDS", "windowDays": 365, "recencyDays": [180, 90, 60, 30],
                        "frequencyOrders": [2, 3, 5, 8], "monetaryMinor": ["5000", "10000", "20000", "50000"]},
                },
            }),
        ),
        (
            "/banyan.programme.v1.ProgrammeService/ApplyProgramme",
            json!({"requestId": request_id(names, "programme"), "bundle": bundle(names), "note": names.canary}),
        ),
        (
            "/banyan.programme.v1.ProgrammeService/RollbackProgramme",
            json!({"requestId": request_id(names, "rollback"), "toVersion": 1, "note": names.canary}),
        ),
    ]
}

/// A rule with all that rules have.
fn earning_rule() -> Value {
    json!({
        "ruleId": "one-per-yuan", "pointTypeId": "points", "eventType": "order.completed",
        "expression": "order.total_minor >= 100", "formula": "order.total_minor / 100",
        "lineRates": [{"skus": ["tea"], "categories": ["drinks"], "pointsPerPiece": "1", "rateBasisPoints": 100}],
        "multipliers": [{"expression": "level.rank >= 1", "factorBasisPoints": 15000}],
        "multiplierMix": "MULTIPLIER_MIX_GREATEST",
        "group": "orders", "priority": 1, "groupChoice": "GROUP_CHOICE_MOST",
        "caps": [{"scope": "CAP_SCOPE_USER", "period": "CAP_PERIOD_DAY", "pointsMax": "1000000", "timesMax": "1000"}],
    })
}

/// A bundle beside what [`programme_writes`] defines: it names the point type that is in force.
fn bundle(names: &Names<'_>) -> Value {
    json!({
        "pointTypes": [{"pointTypeId": "growth", "displayName": {"texts": {"zh": "成长值"}}, "zone": "Asia/Shanghai",
            "expiryPolicy": "EXPIRY_POLICY_NEVER", "reversalPolicy": "REVERSAL_POLICY_DOWN_TO_ZERO"}],
        "earningRules": [earning_rule()],
        "scheme": {"schemeId": "member", "displayName": text(names), "pointTypeId": "points",
            "levels": [{"rank": 0, "displayName": text(names), "threshold": "0"},
                {"rank": 1, "displayName": text(names), "threshold": "50"}]},
        "benefits": [{"benefitId": "title", "displayName": text(names), "kind": "BENEFIT_KIND_COSMETIC",
            "schemeId": "member", "ranges": [{"firstRank": 0}]}],
        "badges": [{"badgeId": "runner", "displayName": text(names)}],
        "quests": [{"questId": "daily-order", "displayName": text(names), "zone": "Asia/Shanghai",
            "steps": [{"displayName": text(names), "eventType": "order.completed", "target": "1"}],
            "period": "QUEST_PERIOD_DAY", "recurrence": "QUEST_RECURRENCE_PERIOD_END",
            "start": "QUEST_START_AUTOMATIC", "reversal": "QUEST_REVERSAL_KEEP",
            "bonus": {"points": [{"pointTypeId": "growth", "points": "1"}], "badgeId": "runner"}}],
        "streaks": [{"streakId": "visits", "displayName": text(names), "zone": "Asia/Shanghai",
            "milestones": [{"length": 7, "bonus": {"points": [{"pointTypeId": "points", "points": "10"}]}}]}],
        "lifecycleModels": {
            "stage": {"loyalOrders": 5, "dormantAfterDays": 70, "lostAfterDays": 120},
            "rfm": {"method": "RFM_METHOD_THRESHOLDS", "windowDays": 365, "recencyDays": [180, 90, 60, 30],
                "frequencyOrders": [2, 3, 5, 8], "monetaryMinor": ["5000", "10000", "20000", "50000"]},
        },
    })
}

fn event(names: &Names<'_>, id: &str, report: Value) -> Value {
    let mut event = json!({
        "eventId": format!("{id}-{}", names.ids), "userId": names.user, "occurredAt": "2026-03-08T12:00:00Z",
        "site": names.canary,
    });
    let fields = report.as_object().expect("a report is an object").clone();
    event.as_object_mut().expect("an event is an object").extend(fields);
    event
}

fn order(names: &Names<'_>, id: &str) -> Value {
    json!({
        "orderId": format!("{id}-{}", names.ids),
        "lines": [{"lineId": "1", "sku": names.canary, "category": names.canary, "quantity": "2",
            "listPrice": {"currencyCode": "CNY", "units": "60"}, "paid": {"currencyCode": "CNY", "units": "99"},
            "discounts": [{"funder": "FUNDER_SHOP", "amount": {"currencyCode": "CNY", "units": "21"}}]}],
        "freight": {"currencyCode": "CNY", "units": "1"},
        "total": {"currencyCode": "CNY", "units": "100"},
    })
}

fn user_writes(names: &Names<'_>) -> Vec<(&'static str, Value)> {
    let profile = json!({"userId": names.user, "locale": "zh-CN", "channel": names.canary,
        "registeredAt": "2026-01-01T00:00:00Z", "attributes": {"note": names.canary}});
    let batch = json!({"mode": "EVENT_MODE_FACTS_EARN", "events": [
        event(names, "e2", json!({"orderCompleted": {"order": order(names, "o2")}})),
        event(names, "e3", json!({"visit": {"durationSeconds": 60}})),
    ]});
    let stream = json!({"mode": "EVENT_MODE_FACTS", "events": [
        event(names, "e4", json!({"orderPaid": {"order": order(names, "o4")}})),
        event(names, "e5", json!({"orderRefunded": {"refund": {"refundId": format!("r-{}", names.ids),
            "orderId": format!("o4-{}", names.ids), "lines": [{"lineId": "1", "quantity": "1",
            "amount": {"currencyCode": "CNY", "units": "40"}}], "amount": {"currencyCode": "CNY", "units": "40"}}}})),
    ]});
    vec![
        (
            "/banyan.profiles.v1.ProfileService/UpsertProfile",
            json!({"requestId": request_id(names, "upsert"), "profile": profile}),
        ),
        (
            "/banyan.profiles.v1.ProfileService/UpdateProfile",
            json!({"requestId": request_id(names, "update"), "profile": profile, "updateMask": "channel,attributes"}),
        ),
        (
            "/banyan.profiles.v1.ProfileService/LinkAlias",
            json!({"requestId": request_id(names, "alias"),
            "userId": names.user, "alias": format!("openid-{}", names.ids)}),
        ),
        (
            "/banyan.profiles.v1.EventService/RecordEvent",
            json!({"event": event(names, "e1", json!({"orderCreated": {"order": order(names, "o1")}}))}),
        ),
        ("/banyan.profiles.v1.EventService/RecordEvents", batch),
        ("/banyan.profiles.v1.EventService/StreamEvents", stream),
    ]
}

/// The reads.
pub fn reads(names: &Names<'_>) -> Vec<(&'static str, Value)> {
    let mut samples = user_reads(names);
    samples.extend(levels::reads(names));
    samples.extend(levels::level_reads(names));
    samples.extend(levels::goal_reads(names));
    samples.extend(incentives::checkout_reads(names));
    samples.extend(incentives::campaign_reads(names));
    samples
}

fn user_reads(names: &Names<'_>) -> Vec<(&'static str, Value)> {
    let user = json!({"userId": names.user});
    let wanted = json!({"userIds": [names.user, format!("openid-{}", names.ids)]});
    vec![
        ("/banyan.admin.v1.TenantService/GetTenant", json!({"tenantId": names.tenant})),
        ("/banyan.admin.v1.TenantService/ListTenants", json!({"pageSize": 10})),
        ("/banyan.admin.v1.TimerService/GetNextTimer", json!({"service": "levels", "tenantId": names.tenant})),
        ("/banyan.admin.v1.ConsumerService/ListConsumers", json!({"service": "levels"})),
        ("/banyan.admin.v1.ConsumerService/ListDeadLetters", json!({"service": "levels", "consumer": "orders"})),
        (
            "/banyan.admin.v1.ConsumerService/ReplayDeadLetters",
            json!({"service": "levels", "consumer": "orders", "tenantId": names.tenant, "userId": names.user}),
        ),
        (
            "/banyan.admin.v1.ConsumerService/DiscardDeadLetter",
            json!({"service": "levels", "consumer": "orders", "source": "profiles", "partition": 0, "seq": "1"}),
        ),
        (
            "/banyan.events.v1.EventLogService/Pull",
            json!({"service": "profiles", "consumer": "outside",
            "cursors": (0..32).map(|partition| json!({"partition": partition})).collect::<Vec<_>>()}),
        ),
        ("/banyan.events.v1.EventLogService/GetProgress", json!({"service": "levels"})),
        (
            "/banyan.events.v1.EventLogService/GetOutcome",
            json!({"service": "profiles", "eventId": format!("e1-{}", names.ids)}),
        ),
        ("/banyan.profiles.v1.ProfileService/GetProfile", user.clone()),
        ("/banyan.profiles.v1.ProfileService/BatchGetProfiles", wanted),
        ("/banyan.profiles.v1.ProfileService/ListProfiles", json!({"pageSize": 10})),
        (
            "/banyan.profiles.v1.OrderService/GetOrder",
            json!({"userId": names.user, "orderId": format!("o4-{}", names.ids)}),
        ),
        ("/banyan.profiles.v1.OrderService/ListOrders", user.clone()),
        ("/banyan.programme.v1.ProgrammeService/PlanProgramme", json!({"bundle": bundle(names)})),
        ("/banyan.programme.v1.ProgrammeService/GetProgramme", json!({})),
        ("/banyan.programme.v1.ProgrammeService/ListProgrammeVersions", json!({})),
        ("/banyan.programme.v1.ProgrammeService/GetPreset", json!({"presetId": "retail"})),
        ("/banyan.programme.v1.ProgrammeService/ListPresets", json!({})),
        ("/banyan.profiles.v1.LifecycleService/GetModels", json!({})),
        ("/banyan.profiles.v1.LifecycleService/GetStanding", user.clone()),
        (
            "/banyan.profiles.v1.InsightService/GetCohortRetention",
            json!({"fromMonth": "2026-01", "toMonth": "2026-12"}),
        ),
        ("/banyan.profiles.v1.InsightService/GetSales", json!({})),
        ("/banyan.profiles.v1.InsightService/CountStages", json!({})),
        ("/banyan.profiles.v1.InsightService/CountRfmCells", json!({})),
        ("/banyan.profiles.v1.MemberService/GetMemberPage", json!({"userId": names.user, "locale": "zh-CN"})),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::contract;

    const NAMES: Names<'_> = Names { tenant: "shop", user: "u1", ids: "1", canary: "x" };

    #[test]
    fn every_rpc_of_the_contract_has_a_sample() {
        let declared: BTreeSet<String> = contract::methods().iter().map(contract::path).collect();
        let sampled: BTreeSet<String> = all(&NAMES).into_iter().map(|(path, _)| path.to_owned()).collect();
        assert_eq!(sampled, declared);
    }

    #[test]
    fn every_sample_fits_its_request_type() {
        let samples = all(&NAMES);
        for method in contract::methods() {
            let path = contract::path(&method);
            let (_, json) = samples.iter().find(|(name, _)| *name == path).unwrap();
            contract::message(method.input(), json);
        }
    }
}
