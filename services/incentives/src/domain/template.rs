//! What coupons are made from.

use std::collections::BTreeSet;

use ids::Key;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use units::zone::Zone;

use super::basket::Line;
use units::text::LocalizedText;

/// The whole, in basis points.
pub const WHOLE: i64 = 10_000;

/// A layer of coupons, in the order in which they apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// Single items.
    Item,
    /// A shop.
    Shop,
    /// The platform.
    Platform,
    /// A means of payment.
    Payment,
}

impl Layer {
    /// All, in order.
    pub const ALL: [Self; 4] = [Self::Item, Self::Shop, Self::Platform, Self::Payment];

    /// The contract's number.
    pub fn code(self) -> i32 {
        self as i32 + 1
    }

    /// The layer of a number.
    pub fn from_code(code: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|layer| layer.code() == code)
    }
}

/// Which price a threshold sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThresholdPrice {
    /// List prices.
    List,
    /// What is left after promotions and earlier layers.
    Running,
}

impl ThresholdPrice {
    /// The contract's number.
    pub fn code(self) -> i32 {
        self as i32 + 1
    }

    /// The price of a number.
    pub fn from_code(code: i32) -> Option<Self> {
        [Self::List, Self::Running].into_iter().find(|price| price.code() == code)
    }
}

/// How a template reaches baskets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distribution {
    /// Users claim it.
    Claimable,
    /// Only campaigns give it.
    Granted,
    /// A promotion that nobody holds.
    Automatic,
}

impl Distribution {
    const ALL: [Self; 3] = [Self::Claimable, Self::Granted, Self::Automatic];

    /// The contract's number.
    pub fn code(self) -> i16 {
        self as i16 + 1
    }

    /// The distribution of a number.
    pub fn from_code(code: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|it| i32::from(it.code()) == code)
    }
}

/// Who pays for a discount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Funder {
    /// The shop that sells.
    Shop,
    /// The platform.
    Platform,
    /// A partner or the brand.
    Partner,
}

impl Funder {
    const ALL: [Self; 3] = [Self::Shop, Self::Platform, Self::Partner];

    /// The number in profiles' contract.
    pub fn code(self) -> i32 {
        self as i32 + 1
    }

    /// The funder of a number.
    pub fn from_code(code: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|funder| funder.code() == code)
    }
}

/// How much of a discount one funder pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunderShare {
    /// Who.
    pub funder: Funder,
    /// In basis points; those of a template sum to [`WHOLE`].
    pub basis_points: i64,
}

/// What a template looks at: a line counts where it matches each list that is not empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// Items; empty: all.
    pub skus: BTreeSet<String>,
    /// Categories; empty: all.
    pub categories: BTreeSet<String>,
    /// Apps, shops or brands; empty: all.
    pub sites: BTreeSet<String>,
}

impl Scope {
    /// Whether a line counts.
    pub fn covers(&self, line: &Line) -> bool {
        let within = |wanted: &BTreeSet<String>, value: &str| wanted.is_empty() || wanted.contains(value);
        within(&self.skus, &line.sku) && within(&self.categories, &line.category) && within(&self.sites, &line.site)
    }
}

/// What the user gets. Amounts are minor units; a limit of 0 is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Benefit {
    /// 满减.
    AmountOff {
        /// Off, once.
        amount: i64,
    },
    /// 每满减.
    StepOff {
        /// A step.
        every: i64,
        /// Off for each step.
        amount: i64,
        /// Most steps.
        times_max: i64,
    },
    /// 打折.
    PercentOff {
        /// Off, in basis points.
        basis_points: i64,
        /// Most that is taken off; `None`: no limit.
        amount_max: Option<i64>,
    },
    /// 秒杀.
    FixedPrice {
        /// Of one piece.
        price: i64,
        /// Most pieces, dearest first.
        pieces_max: i64,
    },
    /// 第 n 件优惠.
    NthItemOff {
        /// Every which piece, counted from the dearest.
        nth: i64,
        /// Off that piece, in basis points.
        basis_points: i64,
        /// Most groups.
        times_max: i64,
    },
    /// 赠品.
    Gift {
        /// What.
        sku: String,
        /// Pieces.
        quantity: i64,
    },
    /// 包邮.
    FreightOff {
        /// Most that is taken off; `None`: no limit.
        amount_max: Option<i64>,
    },
}

/// How long a coupon lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Validity {
    /// Between two times.
    Fixed {
        /// From here on.
        #[serde(with = "time::serde::rfc3339")]
        from: OffsetDateTime,
        /// Up to here.
        #[serde(with = "time::serde::rfc3339")]
        until: OffsetDateTime,
    },
    /// To the end of the day that comes so many days after the claim.
    Relative {
        /// 0: the day of the claim.
        days: u32,
    },
}

/// A version of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// Chosen by the operator.
    pub template_id: String,
    /// 1, then one more with each publishing.
    pub version: i32,
    /// What users see.
    pub display_name: LocalizedText,
    /// Its layer.
    pub layer: Layer,
    /// What counts for it.
    pub scope: Scope,
    /// Of all its amounts; empty where it has none.
    pub currency: String,
    /// Least amount in scope; 0: none.
    pub amount_min: i64,
    /// Least pieces in scope; 0: none.
    pub quantity_min: i64,
    /// What `amount_min` and steps see.
    pub threshold_price: ThresholdPrice,
    /// What the user gets.
    pub benefit: Benefit,
    /// Who pays.
    pub funders: Vec<FunderShare>,
    /// No piece is brought below it.
    pub floor_price: i64,
    /// Lines that it takes something off get no member price on top.
    pub excludes_member_price: bool,
    /// How long a coupon lives.
    pub validity: Validity,
    /// The zone that decides days of a relative validity; UTC elsewhere.
    pub zone: String,
    /// Most coupons ever issued; 0: no limit.
    pub stock: i64,
    /// Most coupons of one user; 0: no limit.
    pub per_user_max: i32,
    /// How it reaches baskets.
    pub distribution: Distribution,
    /// Claims from here on.
    #[serde(with = "time::serde::rfc3339::option")]
    pub claim_from: Option<OffsetDateTime>,
    /// Claims up to here.
    #[serde(with = "time::serde::rfc3339::option")]
    pub claim_until: Option<OffsetDateTime>,
    /// No more are issued; an automatic one does not apply.
    pub paused: bool,
    /// When this version was published.
    #[serde(with = "time::serde::rfc3339")]
    pub publish_time: OffsetDateTime,
}

impl Template {
    /// The id as a key; it was one when the template was published.
    pub fn key(&self) -> Key {
        Key::new(self.template_id.as_str()).expect("a template is published under a key")
    }

    /// From when to when a coupon lives that is issued at a time.
    pub fn lifetime(&self, at: OffsetDateTime) -> (OffsetDateTime, OffsetDateTime) {
        match self.validity {
            Validity::Fixed { from, until } => (from, until),
            Validity::Relative { days } => {
                let zone = Zone::new(&self.zone).unwrap_or_else(|_| Zone::utc());
                (at, zone.add_days_end(at, days))
            }
        }
    }

    /// Whether a promotion applies to baskets at a time.
    pub fn applies(&self, at: OffsetDateTime) -> bool {
        let (from, until) = self.lifetime(at);
        self.distribution == Distribution::Automatic && !self.paused && from <= at && at < until
    }
}
