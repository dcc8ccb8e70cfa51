//! The orders of a file: they are imported, and proposals come out of them.

use std::time::Instant;

use anyhow::Context as _;
use time::format_description::well_known::Rfc3339;

use super::cost::Meter;
use super::figures::{Input, Measured, Report};
use super::gather::{self, Scope};
use super::input::Material;
use super::proposals::{self, Coin, Proposals, bundle, cells, promotions};
use super::{Done, Run, preset, quiet, replay, tenant};

/// Sends all orders, waits until they are applied, and asks what came of them.
pub(super) async fn replay(run: &Run<'_>, material: Material) -> anyhow::Result<(Report, Measured)> {
    let (args, lang, calls) = (run.args, run.lang, &run.calls);
    tenant::find_or_create(calls, run.tenant_id.as_str(), (&args.zone, &args.currency), None).await?;
    preset::apply(calls, preset::programme(&args.zone)).await?;
    let (meter, begun) = (Meter::start(run.folder).await, Instant::now());
    let words = lang.pick("回放", "replaying");
    let streams = usize::from(args.streams);
    let (replay, refused) = replay::send(calls, &material.deeds, &args.currency, streams, words).await?;
    quiet::wait(calls, lang.pick("处理", "applying")).await?;
    let mut measured = run.measured(replay, begun, meter).await;

    let (days, end) = material.span(&run.local)?;
    let (currency, decimals, local) = (args.currency.as_str(), run.decimals, &run.local);
    let scope = Scope { calls, currency, decimals, lang, local, days, end };
    let proposals = propose(run, &scope, &material).await?;
    measured.bundle = Some(proposals.bundle.clone());
    let input = Input {
        kind: "file",
        name: material.name,
        rows: material.rows,
        events: measured.replay.events,
        data_end: end.format(&Rfc3339)?,
    };
    let (bad_lines, proposals) = (material.bad_lines, Some(proposals));
    run.report(&scope, Done { input, measured, bad_lines, refused, year: None, proposals }).await
}

/// Makes proposals from the orders, and writes the programme that they add up to.
async fn propose(run: &Run<'_>, scope: &Scope<'_>, material: &Material) -> anyhow::Result<Proposals> {
    let args = run.args;
    let base = proposals::gather(&material.deeds, &run.local, scope.days.1);
    let payers = i64::try_from(base.growth_year.len()).unwrap_or(i64::MAX);
    let by_quintiles = cells::enough(payers, base.days);
    let counted = gather::rfm_cells(scope, by_quintiles).await?;
    let coin = Coin { currency: scope.currency, decimals: scope.decimals };
    let mut proposals = proposals::propose(base, &counted, by_quintiles, &coin);
    let steps = proposals.steps.as_ref();
    let templates = steps.map(|steps| promotions::templates(steps, &coin, &run.local, scope.days.1));
    let models = gather::models(scope).await?;
    let programme = bundle::build(preset::programme(&args.zone), models, &proposals, templates.unwrap_or_default());
    let usual = || bundle::usual_path(args.report.as_deref(), run.folder.path(), run.tenant_id.as_str());
    let path = args.bundle.clone().unwrap_or_else(usual);
    let written = bundle::write(&path, &bundle::to_json(&programme)?, args.bundle.is_none());
    let written = written.with_context(|| path.display().to_string())?;
    proposals.bundle = proposals::Bundle { path: path.display().to_string(), written };
    Ok(proposals)
}
