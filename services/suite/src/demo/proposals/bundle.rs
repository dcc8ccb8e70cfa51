//! The proposals as a programme that can be edited and applied.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use prost::Message as _;
use prost_reflect::DynamicMessage;
use proto::incentives::v1::CouponTemplate;
use proto::levels::v1::{Level, PeriodEnd, Scheme};
use proto::profiles::v1::{Models, RfmMethod};
use proto::programme::v1::ProgrammeBundle;
use serde_json::Value;

use super::Proposals;
use super::cells::Cells;
use super::churn::Churn;
use super::levels::ProposedLevel;

/// Puts the proposals, with the steps as these promotions, into a programme; what is not proposed stays as it is there, and
/// in the tenant's models.
pub(crate) fn build(
    mut programme: ProgrammeBundle,
    mut models: Models,
    proposals: &Proposals,
    promotions: Vec<CouponTemplate>,
) -> ProgrammeBundle {
    programme.coupon_templates.extend(promotions);
    if let (Some(scheme), Some(levels)) = (&mut programme.scheme, &proposals.levels) {
        put_levels(scheme, levels);
    }
    if let Some(churn) = &proposals.churn {
        put_stages(&mut models, churn);
    }
    if let Some(cells) = &proposals.rfm {
        put_cuts(&mut models, cells);
    }
    models.etag.clear();
    programme.lifecycle_models = Some(models);
    programme
}

/// The proposed thresholds, under the names that the programme has. They were found in a year's growth: so a level's
/// threshold is taken off at the end of its year, and who earns it again stays.
fn put_levels(scheme: &mut Scheme, proposed: &[ProposedLevel]) {
    let named = scheme.levels.iter().map(|level| level.display_name.clone());
    let level = |(level, display_name): (&ProposedLevel, _)| Level {
        rank: level.rank,
        display_name,
        threshold: level.threshold,
        ..Level::default()
    };
    scheme.levels = proposed.iter().zip(named).map(level).collect();
    scheme.validity_months = 12;
    scheme.set_period_end(PeriodEnd::SubtractThreshold);
}

fn put_stages(models: &mut Models, churn: &Churn) {
    let stage = models.stage.get_or_insert_default();
    stage.dormant_after_days = i32::try_from(churn.dormant_after_days).unwrap_or(i32::MAX);
    stage.lost_after_days = i32::try_from(churn.lost_after_days).unwrap_or(i32::MAX);
}

fn put_cuts(models: &mut Models, cells: &Cells) {
    let rfm = models.rfm.get_or_insert_default();
    rfm.set_method(RfmMethod::Thresholds);
    rfm.recency_days = cells.recency_days.to_vec();
    rfm.frequency_orders = cells.frequency_orders.to_vec();
    rfm.monetary_minor = cells.monetary_minor.to_vec();
}

/// A programme in the JSON form of its messages.
pub(crate) fn to_json(programme: &ProgrammeBundle) -> anyhow::Result<Value> {
    let descriptor = proto::POOL
        .get_message_by_name("banyan.programme.v1.ProgrammeBundle")
        .context("the contract has no message ProgrammeBundle")?;
    let message = DynamicMessage::decode(descriptor, programme.encode_to_vec().as_slice())?;
    Ok(serde_json::to_value(&message)?)
}

/// Where the programme is written unless the command line says so: beside the report, else in the data folder.
pub(crate) fn usual_path(report: Option<&Path>, folder: &Path, tenant: &str) -> PathBuf {
    report.map_or(folder, |report| report.parent().unwrap_or(Path::new(""))).join(format!("{tenant}-programme.json"))
}

/// Writes a programme. With `keep` a file with another content stays as it is, since somebody may have edited it; false
/// then.
pub(crate) fn write(path: &Path, programme: &Value, keep: bool) -> io::Result<bool> {
    let text = serde_json::to_string_pretty(programme)? + "\n";
    match fs::read_to_string(path) {
        Ok(there) if there == text => return Ok(true),
        Ok(_) if keep => return Ok(false),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use serde_json::json;

    use super::*;
    use crate::demo::local::Local;
    use crate::demo::preset;
    use crate::demo::proposals::tests::{models, proposals};
    use crate::demo::proposals::{Coin, promotions};

    fn built() -> ProgrammeBundle {
        let (proposals, coin) = (proposals(), Coin { currency: "USD", decimals: 2 });
        let local = Local::new("UTC").expect("the zone exists");
        let steps = proposals.steps.as_ref().expect("steps");
        let promotions = promotions::templates(steps, &coin, &local, date(2025, 12, 31));
        build(preset::programme("UTC"), models(), &proposals, promotions)
    }

    #[test]
    fn a_bundle_holds_the_preset_with_the_proposed_limits() {
        let json = to_json(&built()).expect("JSON");
        let name = |en: &str, zh: &str| json!({"texts": {"en": en, "zh": zh}, "fallback": "en"});
        // the JSON form leaves out zeros: rank and threshold of the lowest level
        let levels = json!([
            {"displayName": name("Basic", "普通")},
            {"rank": 1, "displayName": name("Silver", "银卡"), "threshold": "40"},
        ]);
        assert_eq!(json["scheme"]["levels"], levels);
        assert_eq!(json["scheme"]["periodEnd"], "PERIOD_END_SUBTRACT_THRESHOLD");
        assert_eq!(
            json["lifecycleModels"]["stage"],
            json!({"loyalOrders": 5, "dormantAfterDays": 60, "lostAfterDays": 120})
        );
        assert_eq!(json["lifecycleModels"]["rfm"]["monetaryMinor"], json!(["1500", "3000", "6000", "6001"]));
        assert_eq!(json["pointTypes"][0]["pointTypeId"], "points");
        assert_eq!(json["earningRules"][0]["formula"], "order.total_minor / 100");
        let keys: Vec<_> = json.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(keys, ["couponTemplates", "earningRules", "lifecycleModels", "pointTypes", "scheme"]);
    }

    #[test]
    fn a_bundle_is_read_back_as_it_was() {
        let descriptor = proto::POOL.get_message_by_name("banyan.programme.v1.ProgrammeBundle").expect("the message");
        let text = to_json(&built()).expect("JSON").to_string();
        let mut reader = serde_json::Deserializer::from_str(&text);
        let message = DynamicMessage::deserialize(descriptor, &mut reader).expect("a bundle");
        assert_eq!(ProgrammeBundle::decode(message.encode_to_vec().as_slice()).expect("a bundle"), built());
    }

    #[test]
    fn a_bundle_breaks_no_rule_of_the_contract() {
        let validator = validate::Validator::new(&proto::POOL).expect("rules");
        let descriptor = proto::POOL.get_message_by_name("banyan.programme.v1.ProgrammeBundle").expect("the message");
        let message = DynamicMessage::decode(descriptor, built().encode_to_vec().as_slice()).expect("a bundle");
        let violations = validator.check(&message);
        assert!(violations.is_empty(), "{violations:?}");
    }

    #[test]
    fn what_is_not_proposed_stays_as_it_is() {
        let none = Proposals::default();
        let got = build(preset::programme("UTC"), models(), &none, vec![]);
        assert_eq!(got, ProgrammeBundle { lifecycle_models: Some(models()), ..preset::programme("UTC") });
    }

    #[test]
    fn an_edited_file_is_kept_unless_it_is_named() {
        let folder = std::env::temp_dir().join(format!("banyan-bundle-{}", std::process::id()));
        let path = usual_path(Some(&folder.join("report.json")), Path::new("elsewhere"), "shop");
        assert_eq!(path, folder.join("shop-programme.json"));
        assert_eq!(usual_path(None, Path::new("data"), "shop"), Path::new("data/shop-programme.json"));
        let (first, second) = (json!({"pointTypes": []}), json!({"scheme": {}}));
        assert!(write(&path, &first, true).expect("written"));
        assert!(write(&path, &first, true).expect("the same again"));
        assert!(!write(&path, &second, true).expect("kept"));
        assert!(write(&path, &second, false).expect("written over"));
        let there: Value = serde_json::from_str(&fs::read_to_string(&path).expect("a file")).expect("JSON");
        fs::remove_dir_all(&folder).expect("removed");
        assert_eq!(there, second);
    }
}
