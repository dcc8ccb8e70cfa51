//! Domain values as messages of the contract: for answers, which are recorded with their request ids, and for the
//! payloads of the log. The other way round, with its checks, is `grpc/convert.rs`.

pub(crate) mod definition;
pub(crate) mod lifecycle;
pub(crate) mod member;
pub(crate) mod programme;

use proto::admin::v1 as admin;
use proto::google::r#type::Money;
use proto::profiles::v1 as pb;
use time::OffsetDateTime;
use units::{money, time::to_proto};

use crate::domain::insight::{Cohort, Sales};
use crate::domain::lifecycle::{Models, Stage};
use crate::domain::order::{Basket, Funder, Line, Order, State};
use crate::domain::profile::{Profile, etag};
use crate::domain::refund::{Refund, TakenRefund};
use crate::domain::rfm::{Cell, Cuts, Method, RfmModel, Score};
use crate::domain::spend::Spend;
use crate::domain::tenant::Tenant;

fn at(time: Option<OffsetDateTime>) -> Option<prost_types::Timestamp> {
    time.map(to_proto)
}

fn amount(minor: i64, currency: &str) -> Option<Money> {
    Some(money::to_proto(minor, currency))
}

/// A tenant.
pub(crate) fn tenant(tenant: &Tenant) -> admin::Tenant {
    let state = if tenant.suspended { admin::TenantState::Suspended } else { admin::TenantState::Active };
    admin::Tenant {
        tenant_id: tenant.tenant_id.clone(),
        display_name: tenant.display_name.clone(),
        zone: tenant.zone.clone(),
        currency: tenant.currency.clone(),
        sandbox: tenant.sandbox,
        state: state.into(),
        etag: etag(tenant.version),
        create_time: Some(to_proto(tenant.create_time)),
        update_time: Some(to_proto(tenant.update_time)),
        clock: at(tenant.clock),
    }
}

/// A user.
pub(crate) fn profile(profile: &Profile, currency: &str) -> pb::Profile {
    let traits = &profile.traits;
    pb::Profile {
        user_id: profile.user_id.clone(),
        locale: traits.locale.clone(),
        zone: traits.zone.clone(),
        channel: traits.channel.clone(),
        registered_at: at(traits.registered_at),
        attributes: traits.attributes.clone(),
        aliases: profile.aliases.clone(),
        spend: Some(spend(&profile.spend, currency)),
        last_visit_at: at(profile.last_visit_at),
        etag: etag(profile.version),
        create_time: Some(to_proto(profile.create_time)),
        update_time: Some(to_proto(profile.update_time)),
    }
}

fn spend(spend: &Spend, currency: &str) -> pb::SpendSummary {
    pb::SpendSummary {
        orders: spend.orders,
        net_spend: amount(spend.net, currency),
        first_order_at: at(spend.first_at),
        last_order_at: at(spend.last_at),
    }
}

/// An order as first reported.
pub(crate) fn order(basket: &Basket, currency: &str) -> pb::Order {
    let money = |minor: Option<i64>| minor.and_then(|minor| amount(minor, currency));
    pb::Order {
        order_id: basket.order_id.clone(),
        parent_order_id: basket.parent_order_id.clone(),
        lines: basket.lines.iter().map(|line| order_line(line, currency)).collect(),
        freight: money(basket.freight),
        deposit: money(basket.deposit),
        balance: money(basket.balance),
        total: amount(basket.total, currency),
    }
}

fn order_line(line: &Line, currency: &str) -> pb::OrderLine {
    let discounts = line.discounts.iter().map(|discount| pb::Discount {
        funder: funder(discount.funder).into(),
        amount: amount(discount.amount, currency),
    });
    pb::OrderLine {
        line_id: line.line_id.clone(),
        sku: line.sku.clone(),
        category: line.category.clone(),
        quantity: line.quantity,
        list_price: line.list_price.and_then(|price| amount(price, currency)),
        paid: amount(line.paid, currency),
        discounts: discounts.collect(),
    }
}

fn funder(funder: Funder) -> pb::Funder {
    match funder {
        Funder::Shop => pb::Funder::Shop,
        Funder::Platform => pb::Funder::Platform,
        Funder::Partner => pb::Funder::Partner,
    }
}

/// A refund.
pub(crate) fn refund(refund: &Refund, currency: &str) -> pb::Refund {
    let lines = refund.lines.iter().map(|line| pb::RefundLine {
        line_id: line.line_id.clone(),
        quantity: line.quantity,
        amount: amount(line.amount, currency),
    });
    pb::Refund {
        refund_id: refund.refund_id.clone(),
        order_id: refund.order_id.clone(),
        lines: lines.collect(),
        freight: refund.freight.and_then(|freight| amount(freight, currency)),
        amount: amount(refund.amount, currency),
    }
}

/// An order with what happened to it.
pub(crate) fn order_record(user_id: &str, order: &Order, refunds: &[TakenRefund], currency: &str) -> pb::OrderRecord {
    let refunds = |applied: bool| {
        let chosen = refunds.iter().filter(move |taken| taken.applied == applied);
        chosen.map(|taken| refund(&taken.refund, currency)).collect()
    };
    pb::OrderRecord {
        order: Some(self::order(&order.basket, currency)),
        user_id: user_id.to_owned(),
        state: state(order.state).into(),
        refunds: refunds(true),
        refunded: amount(order.refunded, currency),
        parked_refunds: refunds(false),
        created_at: Some(to_proto(order.created_at)),
        paid_at: at(order.paid_at),
        completed_at: at(order.completed_at),
        site: order.site.clone(),
    }
}

fn state(state: State) -> pb::OrderState {
    match state {
        State::Created => pb::OrderState::Created,
        State::Paid => pb::OrderState::Paid,
        State::Completed => pb::OrderState::Completed,
        State::Cancelled => pb::OrderState::Cancelled,
    }
}

/// A tenant's models.
pub(crate) fn models(models: &Models) -> pb::Models {
    let stage = pb::StageModel {
        loyal_orders: models.stage.loyal_orders,
        dormant_after_days: models.stage.dormant_after_days,
        lost_after_days: models.stage.lost_after_days,
    };
    pb::Models { stage: Some(stage), rfm: Some(rfm(&models.rfm)), etag: etag(models.version) }
}

fn rfm(model: &RfmModel) -> pb::RfmModel {
    let method = match model.method {
        Method::Thresholds => pb::RfmMethod::Thresholds,
        Method::Quintiles => pb::RfmMethod::Quintiles,
    };
    pb::RfmModel { method: method.into(), ..cuts(&model.cuts, model.window_days) }
}

/// Cut points in the form of a threshold model.
pub(crate) fn cuts(cuts: &Cuts, window_days: i32) -> pb::RfmModel {
    pb::RfmModel {
        method: pb::RfmMethod::Thresholds.into(),
        window_days,
        recency_days: cuts.recency_days.to_vec(),
        frequency_orders: cuts.frequency_orders.to_vec(),
        monetary_minor: cuts.monetary_minor.to_vec(),
    }
}

/// A stage.
pub(crate) fn stage(stage: Stage) -> pb::Stage {
    match stage {
        Stage::Prospect => pb::Stage::Prospect,
        Stage::New => pb::Stage::New,
        Stage::FirstOrder => pb::Stage::FirstOrder,
        Stage::Repeat => pb::Stage::Repeat,
        Stage::Loyal => pb::Stage::Loyal,
        Stage::Dormant => pb::Stage::Dormant,
        Stage::Lost => pb::Stage::Lost,
    }
}

/// A payer's scores.
pub(crate) fn score(score: &Score) -> pb::RfmScore {
    pb::RfmScore {
        recency: score.recency,
        frequency: score.frequency,
        monetary: score.monetary,
        cell: cell(crate::domain::rfm::cell(score)).into(),
    }
}

/// A cell.
pub(crate) fn cell(cell: Cell) -> pb::RfmCell {
    match cell {
        Cell::Champion => pb::RfmCell::Champion,
        Cell::Grow => pb::RfmCell::Grow,
        Cell::Keep => pb::RfmCell::Keep,
        Cell::WinBack => pb::RfmCell::WinBack,
        Cell::Frequent => pb::RfmCell::Frequent,
        Cell::Recent => pb::RfmCell::Recent,
        Cell::Fading => pb::RfmCell::Fading,
        Cell::Hibernating => pb::RfmCell::Hibernating,
    }
}

/// A cohort.
pub(crate) fn cohort(cohort: Cohort) -> pb::Cohort {
    pb::Cohort { month: cohort.month.to_string(), users: cohort.users, returned: cohort.returned }
}

/// One span's figures.
pub(crate) fn sales(sales: &Sales, currency: &str) -> pb::SalesFigures {
    pb::SalesFigures {
        orders: sales.orders,
        buyers: sales.buyers,
        repeat_buyers: sales.repeat_buyers,
        repurchase_rate_bp: sales.repurchase_rate_bp(),
        revenue: amount(sales.revenue, currency),
        refunded: amount(sales.refunded, currency),
        pieces: sales.pieces,
    }
}
