//! Campaigns and cases.

use proto::feedback::v1::{CaseFigures, GetCaseFiguresRequest};
use proto::incentives::v1::{
    Campaign as Definition, CampaignGroupResults, CampaignResults, GetCampaignResultsRequest, ListCampaignsRequest,
    ListCouponTemplatesRequest, campaign_budget,
};

use super::{Scope, logs, story};
use crate::demo::amount::count;
use crate::demo::calls::{call, told};
use crate::demo::figures::{Amount, Campaign, Cases, Coupons, Group, YearFigures, share_bp};
use crate::demo::words::label;

/// Asks for what only a generated year has.
pub(crate) async fn year(scope: &Scope<'_>, user: Option<&str>) -> anyhow::Result<YearFigures> {
    let logs = logs::read(scope).await?;
    Ok(YearFigures {
        months: logs.months(scope),
        campaigns: campaigns(scope).await?,
        coupons: coupons(scope, &logs).await?,
        cases: cases(scope).await?,
        penalties: logs.penalties,
        story: match user {
            Some(user) => Some(story::tell(scope, user).await?),
            None => None,
        },
    })
}

async fn coupons(scope: &Scope<'_>, logs: &logs::Told) -> anyhow::Result<Vec<Coupons>> {
    let request = ListCouponTemplatesRequest { page_size: 200, page_token: String::new() };
    let templates = told(call!(scope.calls, coupons, list_coupon_templates, request), "ListCouponTemplates")?.templates;
    let of = |template: &proto::incentives::v1::CouponTemplate| {
        logs.coupons(scope, &template.template_id, scope.lang.of(template.display_name.as_ref()))
    };
    Ok(templates.iter().map(of).collect())
}

async fn campaigns(scope: &Scope<'_>) -> anyhow::Result<Vec<Campaign>> {
    let request = ListCampaignsRequest { page_size: 200, page_token: String::new() };
    let mut all = Vec::new();
    for definition in told(call!(scope.calls, campaigns, list_campaigns, request), "ListCampaigns")?.campaigns {
        let request = GetCampaignResultsRequest { campaign_id: definition.campaign_id.clone(), at_least: vec![] };
        let answer = told(call!(scope.calls, campaigns, get_campaign_results, request), "GetCampaignResults")?;
        all.push(campaign(scope, &definition, &answer.results.unwrap_or_default())?);
    }
    Ok(all)
}

fn campaign(scope: &Scope<'_>, definition: &Definition, results: &CampaignResults) -> anyhow::Result<Campaign> {
    let (measure, budget) = match results.budget.as_ref().and_then(|budget| budget.measure.as_ref()) {
        Some(campaign_budget::Measure::Money(money)) => ("money", scope.amount(Some(money))?.minor),
        Some(campaign_budget::Measure::Points(points)) => ("points", *points),
        None => ("points", 0),
    };
    let points = scope.lang.pick("积分", "points");
    let amount = |value| match measure {
        "points" => Amount { minor: value, text: format!("{} {points}", count(value)) },
        _ => scope.minor(value),
    };
    Ok(Campaign {
        campaign_id: definition.campaign_id.clone(),
        label: scope.lang.of(definition.display_name.as_ref()),
        measure,
        budget: amount(budget),
        committed: amount(results.committed - results.released),
        spent: amount(results.spent),
        granted: results.granted,
        held_out: results.held_out,
        coupons_used: results.coupons_used,
        treated: group(scope, results.treated.as_ref()),
        control: group(scope, results.control.as_ref()),
    })
}

fn group(scope: &Scope<'_>, results: Option<&CampaignGroupResults>) -> Group {
    let it = results.copied().unwrap_or_default();
    Group {
        users: it.users,
        buyers: it.buyers,
        buyers_bp: share_bp(it.buyers, it.users),
        orders: it.orders,
        spend: scope.minor(it.spend_minor),
        spend_per_user: scope.minor(it.spend_minor / it.users.max(1)),
    }
}

/// All cases, then by quadrant.
async fn cases(scope: &Scope<'_>) -> anyhow::Result<Vec<Cases>> {
    let request = GetCaseFiguresRequest {
        from: Some(units::time::to_proto(scope.end - time::Duration::days(380))),
        until: Some(units::time::to_proto(scope.end)),
        ..GetCaseFiguresRequest::default()
    };
    let answer = told(call!(scope.calls, case_insights, get_case_figures, request), "GetCaseFigures")?;
    let total = scope.lang.pick("全部", "all").to_owned();
    let mut all = vec![case_row(String::new(), total, &answer.total.unwrap_or_default())];
    for quadrant in answer.quadrants {
        let name = quadrant.quadrant().as_str_name().to_owned();
        let label = label("banyan.feedback.v1.Quadrant", quadrant.quadrant, scope.lang);
        all.push(case_row(name, label, &quadrant.figures.unwrap_or_default()));
    }
    Ok(all)
}

fn case_row(quadrant: String, label: String, figures: &CaseFigures) -> Cases {
    Cases {
        quadrant,
        label,
        submitted: figures.submitted,
        answered: figures.answered,
        first_answer_median_seconds: figures.first_answer_median_seconds,
        resolved: figures.resolved,
        resolution_median_seconds: figures.resolution_median_seconds,
        within_sla_bp: figures.within_sla_share.into(),
        ratings: figures.ratings,
        satisfied_bp: figures.satisfaction_share.into(),
        reopened_bp: figures.reopen_share.into(),
    }
}
