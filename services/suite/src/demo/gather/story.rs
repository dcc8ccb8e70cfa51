//! One user's year as a timeline, from what the services answer about the user.

use std::collections::BTreeMap;

use prost_types::Timestamp;
use proto::feedback::v1::{GetCaseTimelineRequest, ListCasesRequest};
use proto::incentives::v1::{
    CouponState, DecisionOutcome, ListCouponsRequest, ListDecisionsRequest, ListPenaltiesRequest,
};
use proto::levels::v1::{EntryKind, ListEntriesRequest, ListLevelMovesRequest};
use proto::profiles::v1::{ListOrdersRequest, OrderRecord};
use time::format_description::well_known::Rfc3339;

use super::{Scope, programme};
use crate::demo::amount::count;
use crate::demo::calls::{call, told};
use crate::demo::figures::{Story, StoryLine};
use crate::demo::preset::{POINTS, SCHEME};
use crate::demo::words::label;

/// Of each list so much is told: the story is of a user who has less.
const PAGE: i32 = 200;

/// Tells a user's year.
pub(super) async fn tell(scope: &Scope<'_>, user_id: &str) -> anyhow::Result<Story> {
    let mut teller = Teller { scope, user_id: user_id.to_owned(), lines: Vec::new() };
    let orders = teller.orders().await?;
    teller.points(&orders).await?;
    teller.levels().await?;
    teller.decisions().await?;
    teller.coupons(&orders).await?;
    teller.cases().await?;
    teller.penalties().await?;
    teller.lines.sort();
    Ok(Story { user_id: teller.user_id, lines: teller.lines })
}

struct Teller<'a> {
    scope: &'a Scope<'a>,
    user_id: String,
    lines: Vec<StoryLine>,
}

impl Teller<'_> {
    fn add(&mut self, at: Option<&Timestamp>, kind: &'static str, text: String) -> anyhow::Result<()> {
        if let Some(at) = at {
            let at = units::time::from_proto(at)?.format(&Rfc3339)?;
            self.lines.push(StoryLine { at, kind, text });
        }
        Ok(())
    }

    fn pick<'t>(&self, zh: &'t str, en: &'t str) -> &'t str {
        self.scope.lang.pick(zh, en)
    }

    /// The part of an order's id that tells it from the user's others.
    fn short(&self, order_id: &str) -> String {
        order_id.strip_prefix(&format!("{}-", self.user_id)).unwrap_or(order_id).to_owned()
    }

    async fn orders(&mut self) -> anyhow::Result<BTreeMap<String, OrderRecord>> {
        let request = ListOrdersRequest { user_id: self.user_id.clone(), page_size: PAGE, ..Default::default() };
        let orders = told(call!(self.scope.calls, orders, list_orders, request), "ListOrders")?.orders;
        let mut known = BTreeMap::new();
        for record in orders {
            let order = record.order.clone().unwrap_or_default();
            let id = self.short(&order.order_id);
            let paid = self.scope.amount(order.total.as_ref())?.text;
            let mut off = 0;
            for discount in order.lines.iter().flat_map(|line| &line.discounts) {
                off += self.scope.amount(discount.amount.as_ref())?.minor;
            }
            let off = match off {
                0 => String::new(),
                off => format!("{} {}", self.pick("，优惠", ", discounts"), self.scope.minor(off).text),
            };
            let text = format!("{} {id}: {paid}{off}", self.pick("支付订单", "paid order"));
            self.add(record.paid_at.as_ref(), "order", text)?;
            let text = format!("{} {id}", self.pick("订单完成", "order completed"));
            self.add(record.completed_at.as_ref(), "order", text)?;
            known.insert(order.order_id, record);
        }
        Ok(known)
    }

    async fn points(&mut self, orders: &BTreeMap<String, OrderRecord>) -> anyhow::Result<()> {
        let request = ListEntriesRequest {
            user_id: self.user_id.clone(),
            point_type_id: POINTS.to_owned(),
            page_size: PAGE,
            ..Default::default()
        };
        let entries = told(call!(self.scope.calls, points, list_entries, request), "ListEntries")?.entries;
        for entry in entries {
            let kind = label("banyan.levels.v1.EntryKind", entry.kind, self.scope.lang);
            let amount = if entry.amount > 0 { format!("+{}", count(entry.amount)) } else { count(entry.amount) };
            let of = match (entry.order_id.as_str(), entry.reward_id.is_empty()) {
                ("", true) => String::new(),
                ("", false) => format!(" ({})", self.pick("活动", "campaign")),
                (order, true) => format!(" ({})", self.short(order)),
                (order, false) => format!(" ({}, {})", self.pick("活动", "campaign"), self.short(order)),
            };
            let short = match entry.shortfall {
                0 => String::new(),
                short => format!("{} {}", self.pick("，已用掉而免除", ", forgiven because spent"), count(short)),
            };
            let text = format!("{kind} {amount} {}{of}{short}", self.pick("积分", "points"));
            self.add(entry.occurred_at.as_ref(), "points", text)?;
            let refunded = orders.get(&entry.order_id).and_then(|order| order.refunded.as_ref());
            if entry.kind() == EntryKind::Reverse && entry.reward_id.is_empty() && refunded.is_some() {
                let back = self.scope.amount(refunded)?.text;
                let text = format!("{} {}: {back}", self.pick("退款", "refunded"), self.short(&entry.order_id));
                self.add(entry.occurred_at.as_ref(), "order", text)?;
            }
        }
        Ok(())
    }

    async fn levels(&mut self) -> anyhow::Result<()> {
        let request = ListLevelMovesRequest {
            user_id: self.user_id.clone(),
            scheme_id: SCHEME.to_owned(),
            page_size: PAGE,
            ..Default::default()
        };
        let moves = told(call!(self.scope.calls, levels, list_level_moves, request), "ListLevelMoves")?.moves;
        let levels = programme::levels(self.scope).await?;
        let name = |rank: i32| levels.iter().find(|level| level.rank == rank).map_or("", |level| level.label.as_str());
        for it in moves.iter().filter(|it| it.from_rank != it.to_rank) {
            let cause = label("banyan.levels.v1.MoveCause", it.cause, self.scope.lang);
            let text = format!("{} → {} ({cause})", name(it.from_rank), name(it.to_rank));
            self.add(it.moved_at.as_ref(), "level", text)?;
        }
        Ok(())
    }

    async fn decisions(&mut self) -> anyhow::Result<()> {
        let request = ListDecisionsRequest { user_id: self.user_id.clone(), page_size: PAGE, ..Default::default() };
        let decisions = told(call!(self.scope.calls, decisions, list_decisions, request), "ListDecisions")?.decisions;
        for decision in decisions.iter().filter(|it| it.outcome() != DecisionOutcome::NothingDue) {
            let why = self.scope.lang.of(decision.explanation.as_ref());
            self.add(decision.decided_at.as_ref(), "campaign", format!("{}: {why}", decision.campaign_id))?;
        }
        Ok(())
    }

    async fn coupons(&mut self, orders: &BTreeMap<String, OrderRecord>) -> anyhow::Result<()> {
        let request = ListCouponsRequest {
            user_id: self.user_id.clone(),
            include_closed: true,
            page_size: PAGE,
            ..Default::default()
        };
        let coupons = told(call!(self.scope.calls, coupons, list_coupons, request), "ListCoupons")?.coupons;
        for coupon in coupons.into_iter().filter_map(|listed| listed.coupon) {
            let name = self.scope.lang.of(coupon.display_name.as_ref());
            let got = if coupon.campaign_id.is_empty() {
                self.pick("领取", "claimed")
            } else {
                self.pick("获赠", "was given")
            };
            self.add(coupon.claim_time.as_ref(), "coupon", format!("{got} {name}"))?;
            let paid_at = orders.get(&coupon.order_id).and_then(|order| order.paid_at);
            let order = self.short(&coupon.order_id);
            match coupon.state() {
                CouponState::Used => {
                    let text = format!("{} {name} ({order})", self.pick("使用", "used"));
                    self.add(paid_at.as_ref(), "coupon", text)?;
                }
                CouponState::Expired => {
                    let text = format!("{} {name}", self.pick("过期", "expired:"));
                    self.add(coupon.valid_until.as_ref(), "coupon", text)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    async fn cases(&mut self) -> anyhow::Result<()> {
        let request = ListCasesRequest { user_id: self.user_id.clone(), page_size: PAGE, ..Default::default() };
        for case in told(call!(self.scope.calls, cases, list_cases, request), "ListCases")?.cases {
            let kind = label("banyan.feedback.v1.CaseKind", case.kind, self.scope.lang);
            let request = GetCaseTimelineRequest {
                user_id: self.user_id.clone(),
                case_id: case.case_id.clone(),
                page_size: PAGE,
                ..Default::default()
            };
            let entries = told(call!(self.scope.calls, cases, get_case_timeline, request), "GetCaseTimeline")?.entries;
            for entry in entries {
                let what = label("banyan.feedback.v1.EntryKind", entry.kind, self.scope.lang);
                let score = if entry.score > 0 { format!(" {}/5", entry.score) } else { String::new() };
                let said = if entry.text.is_empty() { String::new() } else { format!(": {}", entry.text) };
                let text = format!("{kind} · {what}{score}{said}");
                self.add(entry.occurred_at.as_ref(), "case", text)?;
            }
        }
        Ok(())
    }

    async fn penalties(&mut self) -> anyhow::Result<()> {
        let request = ListPenaltiesRequest { user_id: self.user_id.clone(), page_size: PAGE, ..Default::default() };
        for penalty in told(call!(self.scope.calls, penalties, list_penalties, request), "ListPenalties")?.penalties {
            let kind = label("banyan.incentives.v1.PenaltyKind", penalty.kind, self.scope.lang);
            self.add(penalty.imposed_at.as_ref(), "penalty", kind)?;
        }
        Ok(())
    }
}
