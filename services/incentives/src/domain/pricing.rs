//! What one template takes off a basket.

use super::allocation::allocate;
use super::basket::{Basket, Line};
use super::template::{Benefit, Template, ThresholdPrice, WHOLE};
use super::why_not::{Hindrance, WhyNot};

/// What a basket still costs, line by line in the basket's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// What is left of each line.
    pub goods: Vec<i64>,
    /// What is left of the freight.
    pub freight: i64,
    /// Lines that get no member price any more.
    pub no_member_price: Vec<bool>,
}

impl Running {
    /// At list prices.
    pub fn at_list(basket: &Basket) -> Self {
        Self {
            goods: basket.lines().iter().map(Line::list_total).collect(),
            freight: basket.freight(),
            no_member_price: vec![false; basket.lines().len()],
        }
    }

    /// After a template took something off.
    #[must_use]
    pub fn after(&self, template: &Template, cut: &Cut) -> Self {
        let mut after = self.clone();
        after.freight -= cut.freight;
        for (index, amount) in cut.lines.iter().enumerate() {
            after.goods[index] -= amount;
            after.no_member_price[index] |= template.excludes_member_price && *amount > 0;
        }
        after
    }

    /// What the member price takes off each line now, never below 0.
    pub fn member_cuts(&self, basket: &Basket) -> Vec<i64> {
        let lines = basket.lines().iter().zip(&self.goods).zip(&self.no_member_price);
        lines.map(|((line, left), none)| if *none { 0 } else { line.member_cut().min(*left) }).collect()
    }
}

/// What a template takes off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Off each line.
    pub lines: Vec<i64>,
    /// Off the freight.
    pub freight: i64,
    /// A gift and its pieces.
    pub gift: Option<(String, i64)>,
    /// The lines that it is for: those that it takes something off; for a gift or freight those in scope.
    pub applied_to: Vec<usize>,
}

impl Cut {
    /// Off goods and freight together.
    pub fn total(&self) -> i64 {
        self.lines.iter().sum::<i64>() + self.freight
    }
}

/// What the template takes off, or why nothing.
pub fn cut(template: &Template, basket: &Basket, running: &Running) -> Result<Cut, Hindrance> {
    let seen = Seen::new(template, basket, running)?;
    if let Some(short) = seen.short() {
        return Err(short);
    }
    let (mut lines, mut freight, mut gift) = (vec![0; running.goods.len()], 0, None);
    match &template.benefit {
        Benefit::AmountOff { amount } => lines = seen.share(*amount),
        Benefit::StepOff { every, amount, times_max } => {
            let times = limited(seen.base() / every, *times_max);
            lines = seen.share(amount.saturating_mul(times));
        }
        Benefit::PercentOff { basis_points, amount_max } => {
            let off = part(seen.left(), *basis_points, WHOLE);
            lines = seen.share(amount_max.map_or(off, |max| off.min(max)));
        }
        Benefit::FixedPrice { price, pieces_max } => lines = seen.fixed_price(*price, *pieces_max),
        Benefit::NthItemOff { nth, basis_points, times_max } => lines = seen.nth_item(*nth, *basis_points, *times_max),
        Benefit::Gift { sku, quantity } => gift = Some((sku.clone(), *quantity)),
        Benefit::FreightOff { amount_max } => {
            freight = amount_max.map_or(running.freight, |max| max.min(running.freight))
        }
    }
    let discounted: Vec<usize> = (0..lines.len()).filter(|index| lines[*index] > 0).collect();
    let applied_to = if discounted.is_empty() { seen.covered } else { discounted };
    let cut = Cut { lines, freight, gift, applied_to };
    if cut.total() == 0 && cut.gift.is_none() { Err(WhyNot::NoEffect.into()) } else { Ok(cut) }
}

/// What is missing to the condition, or to the next step of a benefit that has steps.
pub fn next_step(template: &Template, basket: &Basket, running: &Running) -> Option<Hindrance> {
    let seen = Seen::new(template, basket, running).ok()?;
    if let Some(short) = seen.short() {
        return Some(short);
    }
    match &template.benefit {
        Benefit::StepOff { every, times_max, .. } => {
            let more = *times_max == 0 || seen.base() / every < *times_max;
            more.then(|| amount_short(every - seen.base() % every))
        }
        Benefit::NthItemOff { nth, times_max, .. } => {
            let more = *times_max == 0 || seen.pieces() / nth < *times_max;
            more.then(|| quantity_short(nth - seen.pieces() % nth))
        }
        _ => None,
    }
}

fn amount_short(short: i64) -> Hindrance {
    Hindrance { why_not: WhyNot::AmountShort, amount_short: short, quantity_short: 0 }
}

fn quantity_short(short: i64) -> Hindrance {
    Hindrance { why_not: WhyNot::QuantityShort, amount_short: 0, quantity_short: short }
}

/// A limit of 0 is none.
fn limited(times: i64, max: i64) -> i64 {
    if max == 0 { times } else { times.min(max) }
}

/// `amount * of / whole`, rounded down.
fn part(amount: i64, of: i64, whole: i64) -> i64 {
    i64::try_from(i128::from(amount) * i128::from(of) / i128::from(whole)).unwrap_or(i64::MAX)
}

/// A basket as a template sees it: the lines that count, by index.
struct Seen<'a> {
    template: &'a Template,
    lines: &'a [Line],
    running: &'a Running,
    covered: Vec<usize>,
}

impl<'a> Seen<'a> {
    fn new(template: &'a Template, basket: &'a Basket, running: &'a Running) -> Result<Self, Hindrance> {
        if !template.currency.is_empty() && template.currency != basket.currency() {
            return Err(WhyNot::OtherCurrency.into());
        }
        let lines = basket.lines();
        let covered: Vec<usize> = (0..lines.len()).filter(|index| template.scope.covers(&lines[*index])).collect();
        if covered.is_empty() {
            return Err(WhyNot::OutOfScope.into());
        }
        Ok(Self { template, lines, running, covered })
    }

    /// What the condition lacks, and what a benefit lacks to do anything at all.
    fn short(&self) -> Option<Hindrance> {
        let template = self.template;
        let amount_min = match &template.benefit {
            Benefit::StepOff { every, .. } => template.amount_min.max(*every),
            _ => template.amount_min,
        };
        let quantity_min = match &template.benefit {
            Benefit::NthItemOff { nth, .. } => template.quantity_min.max(*nth),
            _ => template.quantity_min,
        };
        if self.pieces() < quantity_min {
            return Some(quantity_short(quantity_min - self.pieces()));
        }
        (self.base() < amount_min).then(|| amount_short(amount_min - self.base()))
    }

    fn pieces(&self) -> i64 {
        self.covered.iter().map(|index| self.lines[*index].quantity).sum()
    }

    /// What is left of the lines that count.
    fn left(&self) -> i64 {
        self.covered.iter().map(|index| self.running.goods[*index]).sum()
    }

    /// What the threshold sees.
    fn base(&self) -> i64 {
        match self.template.threshold_price {
            ThresholdPrice::List => self.covered.iter().map(|index| self.lines[*index].list_total()).sum(),
            ThresholdPrice::Running => self.left(),
        }
    }

    /// How much of a line may be taken off: what stands above the floor.
    fn room(&self, index: usize) -> i64 {
        let floor = self.template.floor_price.saturating_mul(self.lines[index].quantity);
        self.running.goods[index].saturating_sub(floor).max(0)
    }

    /// An amount over the lines that count, as far as there is room, in proportion to the room.
    fn share(&self, amount: i64) -> Vec<i64> {
        let mut room = vec![0; self.lines.len()];
        for index in &self.covered {
            room[*index] = self.room(*index);
        }
        allocate(amount.min(room.iter().sum()), &room)
    }

    /// The lines that count, dearest pieces first.
    fn dearest_first(&self) -> Vec<usize> {
        let mut order = self.covered.clone();
        // a/b > c/d without division
        let price = |a: usize, b: usize| i128::from(self.running.goods[a]) * i128::from(self.lines[b].quantity);
        order.sort_by(|a, b| price(*b, *a).cmp(&price(*a, *b)));
        order
    }

    fn fixed_price(&self, price: i64, pieces_max: i64) -> Vec<i64> {
        let mut cuts = vec![0; self.lines.len()];
        let mut pieces_left = if pieces_max == 0 { i64::MAX } else { pieces_max };
        for index in self.dearest_first() {
            let quantity = self.lines[index].quantity;
            let pieces = quantity.min(pieces_left);
            let off = part(self.running.goods[index], pieces, quantity) - price.saturating_mul(pieces);
            if off > 0 {
                cuts[index] = off.min(self.room(index));
                pieces_left -= pieces;
            }
        }
        cuts
    }

    fn nth_item(&self, nth: i64, basis_points: i64, times_max: i64) -> Vec<i64> {
        let mut cuts = vec![0; self.lines.len()];
        let (mut before, mut times_left) = (0, if times_max == 0 { i64::MAX } else { times_max });
        for index in self.dearest_first() {
            let quantity = self.lines[index].quantity;
            let times = ((before + quantity) / nth - before / nth).min(times_left);
            let off = part(self.running.goods[index], times * basis_points, quantity * WHOLE);
            cuts[index] = off.min(self.room(index));
            before += quantity;
            times_left -= times;
        }
        cuts
    }
}
