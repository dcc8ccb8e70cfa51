//! What happened month by month, as the services' own logs tell it.

use std::collections::BTreeMap;

use anyhow::Context as _;
use proto::events::v1::{Cursor, Event, PullRequest};
use proto::feedback::v1::CaseRated;
use proto::incentives::v1::{CouponExpired, CouponGranted, CouponReturned, CouponUsed};
use proto::levels::v1::{EntryKind, PointsPosted};
use time::OffsetDateTime;

use super::Scope;
use crate::demo::calls::{call, told};
use crate::demo::figures::{Coupons, YearMonth, share_bp};
use crate::demo::preset::POINTS;

/// Events per partition and call.
const BATCH: i32 = 500;
/// Partitions of a log.
const PARTITIONS: i32 = 32;

/// What the logs told.
#[derive(Default)]
pub(super) struct Told {
    months: BTreeMap<String, Sums>,
    coupons: BTreeMap<String, Coupon>,
    /// Penalties imposed.
    pub(super) penalties: i64,
}

#[derive(Default)]
struct Sums {
    month: YearMonth,
    discount_minor: i64,
    satisfied: i64,
}

#[derive(Default)]
struct Coupon {
    granted: i64,
    claimed: i64,
    used: i64,
    returned: i64,
    expired: i64,
    discount_minor: i64,
}

/// Reads the logs of the services from their beginning to their heads.
pub(super) async fn read(scope: &Scope<'_>) -> anyhow::Result<Told> {
    let mut all = Told::default();
    let wanted: [(&str, &[&str]); 3] = [
        ("levels", &["points.posted"]),
        ("incentives", &["coupon.granted", "coupon.used", "coupon.returned", "coupon.expired", "penalty.imposed"]),
        ("feedback", &["case.submitted", "case.resolved", "case.rated"]),
    ];
    for (service, types) in wanted {
        let mut cursors: Vec<Cursor> =
            (0..PARTITIONS).map(|partition| Cursor { partition, after_seq: 0, epoch: 0 }).collect();
        while !cursors.is_empty() {
            let request = PullRequest {
                service: service.to_owned(),
                consumer: "demo".to_owned(),
                cursors,
                max_events: BATCH,
                wait: None,
                types: types.iter().map(|name| (*name).to_owned()).collect(),
            };
            let answer = told(call!(scope.calls, own_logs, pull, request), "Pull")?;
            for event in answer.pages.iter().flat_map(|page| &page.events) {
                all.add(scope, event)?;
            }
            let left = answer.pages.iter().filter(|page| page.next_seq < page.head);
            cursors = left
                .map(|page| Cursor { partition: page.partition, after_seq: page.next_seq, epoch: page.epoch })
                .collect();
        }
    }
    Ok(all)
}

impl Told {
    fn add(&mut self, scope: &Scope<'_>, event: &Event) -> anyhow::Result<()> {
        let at = units::time::from_proto(event.recorded_at.as_ref().context("an event without a time")?)?;
        let sums = self.months.entry(month(scope, at)).or_default();
        let month = &mut sums.month;
        match event.r#type.as_str() {
            "points.posted" => post(month, &read_as(event)?),
            "coupon.granted" => {
                let it: CouponGranted = read_as(event)?;
                let coupon = self.coupons.entry(it.template_id).or_default();
                if it.campaign_id.is_empty() {
                    month.coupons_claimed += 1;
                    coupon.claimed += 1;
                } else {
                    month.coupons_granted += 1;
                    coupon.granted += 1;
                }
            }
            "coupon.used" => {
                let it: CouponUsed = read_as(event)?;
                let coupon = self.coupons.entry(it.template_id).or_default();
                month.coupons_used += 1;
                sums.discount_minor += it.discount_minor;
                coupon.used += 1;
                coupon.discount_minor += it.discount_minor;
            }
            "coupon.returned" => {
                month.coupons_used -= 1;
                self.coupons.entry(read_as::<CouponReturned>(event)?.template_id).or_default().returned += 1;
            }
            "coupon.expired" => {
                self.coupons.entry(read_as::<CouponExpired>(event)?.template_id).or_default().expired += 1;
            }
            "penalty.imposed" => self.penalties += 1,
            "case.submitted" => month.cases_opened += 1,
            "case.resolved" => month.cases_resolved += 1,
            "case.rated" => {
                month.ratings += 1;
                sums.satisfied += i64::from(read_as::<CaseRated>(event)?.score >= 4);
            }
            _ => {} // marked as not to be skipped, and nothing to count
        }
        Ok(())
    }

    /// The months in order, with what was in circulation at the end of each.
    pub(super) fn months(&self, scope: &Scope<'_>) -> Vec<YearMonth> {
        let mut circulation = 0;
        let month = |(name, sums): (&String, &Sums)| {
            let it = &sums.month;
            circulation += it.points_issued - it.points_spent - it.points_expired - it.points_reversed;
            YearMonth {
                month: name.clone(),
                points_in_circulation: circulation,
                discount: scope.minor(sums.discount_minor),
                satisfied_bp: share_bp(sums.satisfied, it.ratings),
                ..it.clone()
            }
        };
        self.months.iter().map(month).collect()
    }

    /// What became of the coupons of a template.
    pub(super) fn coupons(&self, scope: &Scope<'_>, template_id: &str, label: String) -> Coupons {
        let none = Coupon::default();
        let it = self.coupons.get(template_id).unwrap_or(&none);
        Coupons {
            template_id: template_id.to_owned(),
            label,
            granted: it.granted,
            claimed: it.claimed,
            used: it.used,
            returned: it.returned,
            expired: it.expired,
            discount: scope.minor(it.discount_minor),
        }
    }
}

fn post(month: &mut YearMonth, posted: &PointsPosted) {
    let Some(entry) = posted.entry.as_ref().filter(|_| posted.point_type_id == POINTS) else { return };
    match entry.kind() {
        EntryKind::Earn => month.points_issued += entry.amount,
        EntryKind::Spend | EntryKind::Return => month.points_spent -= entry.amount,
        EntryKind::Expire => month.points_expired -= entry.amount,
        EntryKind::Reverse | EntryKind::LevelEnd => month.points_reversed -= entry.amount,
        EntryKind::DebtFilled
        | EntryKind::Activate
        | EntryKind::Adjust
        | EntryKind::TransferOut
        | EntryKind::TransferIn
        | EntryKind::Opening
        | EntryKind::Unspecified => {}
    }
}

fn read_as<T: prost::Message + Default>(event: &Event) -> anyhow::Result<T> {
    T::decode(event.payload.as_slice()).with_context(|| format!("an event of the type {}", event.r#type))
}

fn month(scope: &Scope<'_>, at: OffsetDateTime) -> String {
    // the first instant of a month that follows the data closes the month before
    let at = if at >= scope.end { scope.end - time::Duration::SECOND } else { at };
    scope.local.date(at).strftime("%Y-%m").to_string()
}
