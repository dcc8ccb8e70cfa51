//! What users say: when, about what, and in which words.

use proto::feedback::v1::CaseKind;
use rand::{RngExt, rngs::StdRng};
use time::OffsetDateTime;

use super::person::{History, days};
use super::{Frame, phrases};
use crate::demo::deed::{Act, Basket};
use crate::demo::words::Lang;

/// Share of orders about which a user complains, asks, and is pleased.
const OF_ORDERS: (f64, f64, f64) = (0.05, 0.04, 0.025);
/// Share of orders given back about which a user complains.
const OF_RETURNS: f64 = 0.4;
/// Share of visits after which a user has an idea, and tells of something that does not work.
const OF_VISITS: (f64, f64) = (0.008, 0.008);
/// Share of visits after which a user reports another one.
const REPORTS: f64 = 0.006;
/// One in so many users is a nuisance to others: user 6, 46, 86 and so on.
const NUISANCE: (u32, u32) = (40, 5);
/// Ways in which cases come in.
const CHANNELS: [&str; 3] = ["app", "wechat", "phone"];

/// Something that a user tells the shop.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Saying {
    /// The user.
    pub user_id: String,
    /// When.
    pub at: OffsetDateTime,
    /// The id of its case.
    pub case_id: String,
    /// What it is.
    pub kind: CaseKind,
    /// In which language.
    pub lang: Lang,
    /// The words.
    pub text: String,
    /// How it comes in.
    pub channel: &'static str,
    /// The order that it is about; may be empty.
    pub order_id: String,
    /// Whom a report is about; else empty.
    pub about: String,
    /// Decides what is random in how it is handled.
    pub seed: u64,
}

/// What a user says in a year, about the orders and visits of it.
pub(super) fn speak(
    user_id: &str,
    index: u32,
    lang: Lang,
    history: &History,
    frame: &Frame,
    rng: &mut StdRng,
) -> Vec<Saying> {
    let mut voice = Voice { user_id, lang, frame, sayings: Vec::new() };
    for deed in &history.deeds {
        match &deed.act {
            Act::Paid(basket) => voice.of_order(deed.at, basket, rng),
            Act::Returned { order_id, .. } | Act::Refunded { order_id, .. } if rng.random_bool(OF_RETURNS) => {
                let at = deed.at - days(rng.random_range(0.5..2.0));
                voice.say(at, CaseKind::Complaint, ("", order_id), rng);
            }
            Act::Visited { .. } => voice.of_visit(deed.at, index, rng),
            _ => {}
        }
    }
    voice.sayings
}

struct Voice<'a> {
    user_id: &'a str,
    lang: Lang,
    frame: &'a Frame,
    sayings: Vec<Saying>,
}

impl Voice<'_> {
    fn of_order(&mut self, paid_at: OffsetDateTime, basket: &Basket, rng: &mut StdRng) {
        let shares = [
            (OF_ORDERS.0, CaseKind::Complaint, 2.0..9.0),
            (OF_ORDERS.1, CaseKind::Question, 0.1..4.0),
            (OF_ORDERS.2, CaseKind::Praise, 4.0..12.0),
        ];
        let category = basket.lines.first().map_or("", |line| line.category.as_str());
        for (share, kind, after) in shares {
            if rng.random_bool(share) {
                self.say(paid_at + days(rng.random_range(after)), kind, (category, &basket.order_id), rng);
            }
        }
    }

    fn of_visit(&mut self, at: OffsetDateTime, index: u32, rng: &mut StdRng) {
        if rng.random_bool(OF_VISITS.0) {
            self.say(at, CaseKind::Suggestion, ("", ""), rng);
        }
        if rng.random_bool(OF_VISITS.1) {
            self.say(at, CaseKind::Bug, ("", ""), rng);
        }
        if rng.random_bool(REPORTS) && index > NUISANCE.1 {
            // one who came before, so that a larger year contains the smaller one's reports
            let nearest = (index - NUISANCE.1 - 1) / NUISANCE.0;
            let about = rng.random_range(0..=nearest) * NUISANCE.0 + NUISANCE.1 + 1;
            self.say(at, CaseKind::UserReport, ("", ""), rng);
            self.sayings.iter_mut().last().into_iter().for_each(|saying| saying.about = format!("user-{about:05}"));
        }
    }

    fn say(&mut self, at: OffsetDateTime, kind: CaseKind, (category, order_id): (&str, &str), rng: &mut StdRng) {
        let at = self.frame.users_stop(at);
        let saying = Saying {
            user_id: self.user_id.to_owned(),
            at,
            case_id: format!("{}-k{}", self.user_id, self.sayings.len() + 1),
            kind,
            lang: self.lang,
            text: phrases::opening(kind, self.lang, category, order_id, rng),
            channel: CHANNELS[rng.random_range(0..CHANNELS.len())],
            order_id: order_id.to_owned(),
            about: String::new(),
            seed: rng.random(),
        };
        if at < self.frame.end {
            self.sayings.push(saying);
        }
    }
}
