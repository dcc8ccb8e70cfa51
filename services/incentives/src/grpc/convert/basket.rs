//! Baskets and amounts.

use proto::google::r#type::Money;
use proto::incentives::v1 as pb;
use service::Parse;

use crate::domain::basket::{Basket, Line};
use crate::domain::deduction::Deduction;

/// The one currency of a request: that of its first amount.
#[derive(Debug, Default)]
pub(in crate::grpc) struct Currency(Option<String>);

impl Currency {
    /// An amount of 0 or more in minor units; `None` also where it is absent.
    pub(super) fn amount(&mut self, parse: &mut Parse, field: &str, sent: Option<&Money>) -> Option<i64> {
        let money = sent?;
        let currency = self.0.get_or_insert_with(|| money.currency_code.clone());
        if units::money::decimals(currency).is_none() {
            parse.refuse(format!("{field}.currency_code"), "must be a currency of ISO 4217");
            return None;
        }
        match units::money::from_proto(money, currency) {
            Ok(minor) if minor >= 0 => Some(minor),
            Ok(_) => {
                parse.refuse(field, "must not be negative");
                None
            }
            Err(fault) => {
                parse.refuse(field, fault.to_string());
                None
            }
        }
    }

    /// An amount of more than 0.
    pub(super) fn positive(&mut self, parse: &mut Parse, field: &str, sent: Option<&Money>) -> Option<i64> {
        if sent.is_none() {
            parse.refuse(field, "is required");
        }
        let amount = self.amount(parse, field, sent)?;
        parse.require(amount > 0, field, "must be more than 0");
        Some(amount)
    }

    /// Empty where there was no amount.
    pub(super) fn code(&self) -> String {
        self.0.clone().unwrap_or_default()
    }
}

pub(super) fn basket(parse: &mut Parse, currency: &mut Currency, sent: &pb::Basket) -> Option<Basket> {
    let mut lines = Vec::with_capacity(sent.lines.len());
    for (index, line) in sent.lines.iter().enumerate() {
        let field = format!("basket.lines[{index}]");
        let list_price = currency.amount(parse, &format!("{field}.list_price"), line.list_price.as_ref());
        let member_price = currency.amount(parse, &format!("{field}.member_price"), line.member_price.as_ref());
        lines.push(Line {
            line_id: line.line_id.clone(),
            sku: line.sku.clone(),
            category: line.category.clone(),
            site: line.site.clone(),
            quantity: line.quantity,
            list_price: list_price.unwrap_or(0),
            member_price,
        });
    }
    let freight = currency.amount(parse, "basket.freight", sent.freight.as_ref()).unwrap_or(0);
    Basket::new(currency.code(), lines, freight).map_err(|fault| parse.refuse("basket.lines", fault.to_string())).ok()
}

pub(super) fn points(parse: &mut Parse, currency: &mut Currency, sent: &pb::PointsDeduction) -> Option<Deduction> {
    let rate_minor = currency.positive(parse, "points.rate_amount", sent.rate_amount.as_ref())?;
    Some(Deduction {
        point_type_id: sent.point_type_id.clone(),
        points_max: sent.points_max,
        rate_points: sent.rate_points,
        rate_minor,
        share_max: sent.share_max_basis_points.into(),
    })
}
