//! The whole way from list prices to what is paid: promotions, coupons by layer, member price, points, freight.
//!
//! Inside a layer one applies, over the layers they add up, each on what the earlier ones left. Which ones apply is
//! searched for: the combination under which the basket costs least in the end, points counted in. Promotions are chosen
//! as if there were no coupons, then coupons on top of them; so one more coupon to choose from never makes it dearer.

use std::cmp::Reverse;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::allocation::allocate;
use super::basket::{Basket, Line};
use super::deduction::Deduction;
use super::pricing::{Cut, Running, cut, next_step};
use super::template::{FunderShare, Layer, Template};
use super::why_not::{Hindrance, WhyNot};

/// Combinations tried at most; where there would be more, each layer keeps those that save most on their own. A choice of
/// 20 coupons stays below it however they are spread over the layers.
pub const COMBINATIONS_MAX: usize = 7_000;

/// What each layer then keeps.
pub const LAYER_WIDTH: usize = 8;

/// A template that may apply: a promotion, or a coupon of the user.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The coupon; empty for a promotion.
    pub coupon_id: String,
    /// What it does.
    pub template: Arc<Template>,
}

/// What made an amount smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An automatic template.
    Promotion,
    /// A coupon.
    Coupon,
    /// The member price.
    MemberPrice,
    /// Points.
    Points,
}

impl Kind {
    /// The contract's number.
    pub fn code(self) -> i32 {
        self as i32 + 1
    }
}

/// One step of the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What it is.
    pub kind: Kind,
    /// For promotions and coupons.
    pub layer: Option<Layer>,
    /// The template; may be empty.
    pub template_id: String,
    /// The coupon; may be empty.
    pub coupon_id: String,
    /// Off each line of the basket, in its order.
    pub cuts: Vec<i64>,
    /// Off the freight.
    pub freight_cut: i64,
    /// Who pays; empty for member price and points.
    pub funders: Vec<FunderShare>,
    /// A gift and its pieces.
    pub gift: Option<(String, i64)>,
    /// The lines that it is for, by index.
    pub applied_to: Vec<usize>,
}

impl Step {
    /// Off goods and freight together.
    pub fn total(&self) -> i64 {
        self.cuts.iter().sum::<i64>() + self.freight_cut
    }
}

/// What would bring the next benefit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextStep {
    /// The template.
    pub template_id: String,
    /// The coupon; empty for a promotion.
    pub coupon_id: String,
    /// What is missing.
    pub short: Hindrance,
}

/// What a basket costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// The way, in order.
    pub steps: Vec<Step>,
    /// What is paid for each line of the basket, in its order.
    pub payable: Vec<i64>,
    /// What is paid for freight.
    pub freight_payable: i64,
    /// Points used.
    pub points: i64,
    /// Coupons not used, by id.
    pub unused: Vec<(String, Hindrance)>,
    /// What would bring the next benefit, promotions first.
    pub next_steps: Vec<NextStep>,
}

impl Quote {
    /// What is paid in all.
    pub fn total(&self) -> i64 {
        self.payable.iter().sum::<i64>() + self.freight_payable
    }

    /// The coupons used, in the order in which they apply.
    pub fn coupons(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| step.kind == Kind::Coupon)
    }

    /// What points take off.
    pub fn points_amount(&self) -> i64 {
        self.steps.iter().filter(|step| step.kind == Kind::Points).map(Step::total).sum()
    }

    /// The points used for each line, in the basket's order.
    pub fn points_by_line(&self) -> Vec<i64> {
        let step = self.steps.iter().find(|step| step.kind == Kind::Points);
        step.map_or_else(|| vec![0; self.payable.len()], |step| allocate(self.points, &step.cuts))
    }
}

/// What a basket costs with promotions, the best of these coupons, and points. Coupons stand in the order in which they
/// are preferred where it makes no difference: soonest expiry first. `refused` are coupons that cannot be used whatever
/// the basket.
pub fn quote(
    basket: &Basket,
    promotions: &[Offer],
    coupons: &[Offer],
    refused: &[(String, WhyNot)],
    points: Option<&Deduction>,
) -> Quote {
    let list = Running::at_list(basket);
    let till = Till { basket, points };
    let promoted = till.best(&list, promotions);
    let start = promoted.last().map_or(&list, |applied| &applied.after);
    let used = till.best(start, coupons);
    let end = used.last().map_or(start, |applied| &applied.after);
    let unused = unused(basket, start, coupons, &used, refused);
    let next_steps = next_steps(basket, [(&list, promotions, &promoted), (start, coupons, &used)]);
    let mut steps: Vec<Step> = promoted.iter().chain(&used).map(Applied::step).collect();
    let goods = till.finish(end, &mut steps);
    Quote { steps, payable: goods.payable, freight_payable: end.freight, points: goods.points, unused, next_steps }
}

/// What one coupon alone takes off what promotions left, and what the basket costs less in the end with it.
pub fn alone(basket: &Basket, promotions: &[Offer], coupon: &Template) -> Result<i64, Hindrance> {
    let list = Running::at_list(basket);
    let till = Till { basket, points: None };
    let promoted = till.best(&list, promotions);
    let start = promoted.last().map_or(&list, |applied| &applied.after);
    let cut = cut(coupon, basket, start)?;
    let saves = till.cost(start) - till.cost(&start.after(coupon, &cut));
    if saves > 0 || cut.gift.is_some() { Ok(saves.max(0)) } else { Err(WhyNot::NoEffect.into()) }
}

/// A template at its place in a combination.
#[derive(Debug, Clone)]
struct Applied<'a> {
    offer: &'a Offer,
    cut: Cut,
    before: Running,
    after: Running,
}

impl Applied<'_> {
    fn step(&self) -> Step {
        let template = &self.offer.template;
        Step {
            kind: if self.offer.coupon_id.is_empty() { Kind::Promotion } else { Kind::Coupon },
            layer: Some(template.layer),
            template_id: template.template_id.clone(),
            coupon_id: self.offer.coupon_id.clone(),
            cuts: self.cut.lines.clone(),
            freight_cut: self.cut.freight,
            funders: template.funders.clone(),
            gift: self.cut.gift.clone(),
            applied_to: self.cut.applied_to.clone(),
        }
    }
}

struct Goods {
    payable: Vec<i64>,
    points: i64,
}

/// What follows on promotions and coupons is the same for all combinations of them.
struct Till<'a> {
    basket: &'a Basket,
    points: Option<&'a Deduction>,
}

/// What a combination is judged by, least first: the price, then the fewest gifts forgone, then the fewest coupons.
type Judged = (i64, Reverse<usize>, usize);

impl Till<'_> {
    /// What is paid in the end.
    fn cost(&self, running: &Running) -> i64 {
        let member: i64 = running.member_cuts(self.basket).iter().sum();
        let goods = running.goods.iter().sum::<i64>() - member;
        goods - self.points.map_or(0, |points| points.of(goods).1) + running.freight
    }

    /// The combination under which the basket costs least: at most one offer of each layer, in the order of the layers.
    fn best<'o>(&self, start: &Running, offers: &'o [Offer]) -> Vec<Applied<'o>> {
        let mut layers: [Vec<&Offer>; 4] = Default::default();
        for offer in offers {
            let layer = &mut layers[offer.template.layer as usize];
            let alike = |held: &&&Offer| {
                (&held.template.template_id, held.template.version)
                    == (&offer.template.template_id, offer.template.version)
            };
            if layer.iter().find(alike).is_none() {
                layer.push(offer);
            }
        }
        let combinations = layers.iter().fold(1_usize, |all, layer| all.saturating_mul(layer.len() + 1));
        if combinations > COMBINATIONS_MAX {
            layers.iter_mut().for_each(|layer| self.narrow(start, layer));
        }
        let mut search = Search { till: self, layers: &layers, path: Vec::new(), best: None };
        search.from(start, 0, 0);
        search.best.map(|(_, path)| path).unwrap_or_default()
    }

    /// Keeps the offers that save most on their own, in their order.
    fn narrow(&self, start: &Running, layer: &mut Vec<&Offer>) {
        let price = |offer: &Offer| match cut(&offer.template, self.basket, start) {
            Ok(cut) => self.cost(&start.after(&offer.template, &cut)),
            Err(_) => i64::MAX,
        };
        let mut ranked: Vec<(i64, usize)> = layer.iter().enumerate().map(|(n, offer)| (price(offer), n)).collect();
        ranked.sort_unstable();
        ranked.truncate(LAYER_WIDTH);
        ranked.sort_unstable_by_key(|(_, place)| *place);
        *layer = ranked.into_iter().map(|(_, place)| layer[place]).collect();
    }

    /// Member price and points, as steps; what is paid for each line.
    fn finish(&self, running: &Running, steps: &mut Vec<Step>) -> Goods {
        let member = running.member_cuts(self.basket);
        let mut payable: Vec<i64> = running.goods.iter().zip(&member).map(|(left, cut)| left - cut).collect();
        let (points, amount) = self.points.map_or((0, 0), |points| points.of(payable.iter().sum()));
        let paid = allocate(amount, &payable);
        for (payable, cut) in payable.iter_mut().zip(&paid) {
            *payable -= cut;
        }
        for (kind, cuts) in [(Kind::MemberPrice, member), (Kind::Points, paid)] {
            if cuts.iter().any(|cut| *cut > 0) {
                let applied_to = (0..cuts.len()).filter(|index| cuts[*index] > 0).collect();
                let (template_id, coupon_id) = (String::new(), String::new());
                let (layer, funders, gift, freight_cut) = (None, Vec::new(), None, 0);
                steps.push(Step { kind, layer, template_id, coupon_id, cuts, freight_cut, funders, gift, applied_to });
            }
        }
        Goods { payable, points }
    }
}

/// Tries the combinations layer by layer, so that those with the same beginning share its work.
struct Search<'s, 'o> {
    till: &'s Till<'s>,
    layers: &'s [Vec<&'o Offer>; 4],
    path: Vec<Applied<'o>>,
    best: Option<(Judged, Vec<Applied<'o>>)>,
}

impl Search<'_, '_> {
    fn from(&mut self, running: &Running, layer: usize, gifts: usize) {
        let layers = self.layers;
        let Some(offers) = layers.get(layer) else {
            let judged = (self.till.cost(running), Reverse(gifts), self.path.len());
            if self.best.as_ref().is_none_or(|(best, _)| judged < *best) {
                self.best = Some((judged, self.path.clone()));
            }
            return;
        };
        for offer in offers {
            let Ok(cut) = cut(&offer.template, self.till.basket, running) else { continue };
            let after = running.after(&offer.template, &cut);
            let gifts = gifts + usize::from(cut.gift.is_some());
            self.path.push(Applied { offer, cut, before: running.clone(), after: after.clone() });
            self.from(&after, layer + 1, gifts);
            self.path.pop();
        }
        self.from(running, layer + 1, gifts);
    }
}

fn unused(
    basket: &Basket,
    start: &Running,
    coupons: &[Offer],
    used: &[Applied<'_>],
    refused: &[(String, WhyNot)],
) -> Vec<(String, Hindrance)> {
    let left_out = coupons.iter().filter(|offer| used.iter().all(|used| used.offer.coupon_id != offer.coupon_id));
    let why = |offer: &Offer| match cut(&offer.template, basket, start) {
        Ok(_) => WhyNot::Outdone.into(),
        Err(hindrance) => hindrance,
    };
    let mut unused: Vec<_> = left_out.map(|offer| (offer.coupon_id.clone(), why(offer))).collect();
    unused.extend(refused.iter().map(|(id, why_not)| (id.clone(), Hindrance::from(*why_not))));
    unused.sort_by(|a, b| a.0.cmp(&b.0));
    unused
}

type Stage<'a, 'o> = (&'a Running, &'o [Offer], &'a Vec<Applied<'o>>);

fn next_steps(basket: &Basket, stages: [Stage<'_, '_>; 2]) -> Vec<NextStep> {
    let mut next = Vec::new();
    for (start, offers, applied) in stages {
        for offer in offers {
            let own = applied.iter().find(|applied| std::ptr::eq(applied.offer, offer));
            let seen = own.map_or(start, |applied| &applied.before);
            let twin = |it: &NextStep| it.template_id == offer.template.template_id;
            if next.iter().any(twin) {
                continue;
            }
            if let Some(short) = next_step(&offer.template, basket, seen) {
                let (template_id, coupon_id) = (offer.template.template_id.clone(), offer.coupon_id.clone());
                next.push(NextStep { template_id, coupon_id, short });
            }
        }
    }
    next
}

/// The list total of each line, in the basket's order.
pub fn list_totals(basket: &Basket) -> Vec<i64> {
    basket.lines().iter().map(Line::list_total).collect()
}
