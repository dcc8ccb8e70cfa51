//! Why a user is on a level, in the words of the user.

use time::{Duration, OffsetDateTime};
use units::text::LocalizedText;
use units::zone::Zone;

use super::book::Programme;
use super::member::{LevelGrant, LevelMove, Member, MoveCause};
use super::scheme::{Basis, Figures, Scheme};

/// What a sentence is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Which level is held, since when, and what decided it last.
    Held,
    /// A lock keeps the level.
    Locked,
    /// A grant gives the level, or will.
    Granted,
    /// Which level is earned below the one that is held.
    Earned,
    /// When the earned level is reviewed, and what is to be there then.
    Review,
    /// A fall is put off.
    Fall,
    /// What is missing to the next level.
    Next,
    /// There is no higher level to earn.
    Highest,
}

/// Whom the explanation is about.
#[derive(Debug)]
pub struct Subject<'a> {
    /// The programme.
    pub programme: &'a Programme,
    /// A scheme of it.
    pub scheme: &'a Scheme,
    /// The standing; `None`: a user never seen.
    pub member: Option<&'a Member>,
    /// What the measures see.
    pub figures: &'a [Figures],
    /// The move that decided the level last.
    pub last_move: Option<&'a LevelMove>,
}

/// The sentences, in the order in which one would tell them.
pub fn explain(it: &Subject<'_>) -> Vec<(Reason, LocalizedText)> {
    let utc = Zone::utc();
    let zone = it.programme.types.get(it.scheme.guard()).map_or(&utc, |point_type| &point_type.zone);
    let told = Told { it, zone };
    let mut statements = vec![(Reason::Held, told.held())];
    if let Some(member) = it.member {
        if let Some(lock) = &member.lock {
            statements.push((Reason::Locked, told.locked(lock.rank, lock.until)));
        }
        statements.extend(member.grants.iter().map(|grant| (Reason::Granted, told.granted(grant))));
        if member.rank != member.earned.rank {
            statements.push((Reason::Earned, told.earned(member.earned.rank)));
        }
        if let Some(fall) = member.earned.fall {
            statements.push((Reason::Fall, told.fall(member.earned.rank, fall.at)));
        }
        if let Some(at) = member.earned.review_at {
            statements.push((Reason::Review, told.review(member.earned.rank, at)));
        }
    }
    statements.push(told.next());
    statements.into_iter().map(|(reason, (zh, en))| (reason, both(zh, en))).collect()
}

fn both(zh: String, en: String) -> LocalizedText {
    LocalizedText { texts: [("zh".to_owned(), zh), ("en".to_owned(), en)].into(), fallback: "en".to_owned() }
}

struct Told<'a> {
    it: &'a Subject<'a>,
    zone: &'a Zone,
}

impl Told<'_> {
    fn name(&self, rank: usize, locale: &str) -> &str {
        let level = self.it.scheme.levels.get(rank).or(self.it.scheme.levels.last());
        level.map_or("", |level| level.display_name.closest(locale))
    }

    fn counts(&self) -> Vec<i64> {
        let bases = self.it.member.map_or(&[][..], |member| &member.earned.bases);
        self.it.scheme.counts(self.it.figures, bases)
    }

    /// The last day before a time.
    fn last_day(&self, until: OffsetDateTime) -> String {
        self.zone.day_of(until - Duration::NANOSECOND)
    }

    fn held(&self) -> (String, String) {
        let Some(member) = self.it.member else {
            let (zh, en) = (self.name(0, "zh"), self.name(0, "en"));
            return (format!("还没有记录，等级为「{zh}」"), format!("Nothing is known yet: the level is “{en}”"));
        };
        let (zh, en) = (self.name(member.rank, "zh"), self.name(member.rank, "en"));
        let day = self.zone.day_of(member.since);
        let (zh_why, en_why) = self.it.last_move.map_or(("首次有记录", "first seen"), |moved| why(moved.cause));
        (
            format!("自 {day} 起为「{zh}」，最近一次变动：{zh_why}"),
            format!("“{en}” since {day}; what decided it last: {en_why}"),
        )
    }

    fn locked(&self, rank: usize, until: Option<OffsetDateTime>) -> (String, String) {
        let (zh, en) = (self.name(rank, "zh"), self.name(rank, "en"));
        match until.map(|until| self.last_day(until)) {
            Some(day) => (format!("锁定在「{zh}」，至 {day}"), format!("Locked on “{en}” up to {day}")),
            None => (format!("锁定在「{zh}」，直到解除"), format!("Locked on “{en}” until that is ended")),
        }
    }

    fn granted(&self, grant: &LevelGrant) -> (String, String) {
        let (zh, en) = (self.name(grant.rank, "zh"), self.name(grant.rank, "en"));
        let (zh_end, en_end) = match grant.until.map(|until| self.last_day(until)) {
            Some(day) => (format!("至 {day}"), format!("up to {day}")),
            None => ("不限期".to_owned(), "without an end".to_owned()),
        };
        if grant.started {
            return (format!("授予「{zh}」，{zh_end}"), format!("“{en}” is granted {en_end}"));
        }
        let from = self.zone.day_of(grant.from);
        (format!("自 {from} 起授予「{zh}」，{zh_end}"), format!("“{en}” is granted from {from}, {en_end}"))
    }

    fn earned(&self, rank: usize) -> (String, String) {
        (
            format!("按成长获得的等级为「{}」", self.name(rank, "zh")),
            format!("The level that is earned is “{}”", self.name(rank, "en")),
        )
    }

    fn fall(&self, rank: usize, at: OffsetDateTime) -> (String, String) {
        let (zh, en, day) = (self.name(rank, "zh"), self.name(rank, "en"), self.last_day(at));
        let (zh_missing, en_missing) = self.missing(rank);
        (
            format!("未达到「{zh}」，保留至 {day}；在此之前{zh_missing}即可保级"),
            format!("“{en}” is no longer reached and kept up to {day}; to stay on it until then: {en_missing}"),
        )
    }

    fn review(&self, rank: usize, at: OffsetDateTime) -> (String, String) {
        let (zh, en, day) = (self.name(rank, "zh"), self.name(rank, "en"), self.zone.day_of(at));
        if rank == 0 || self.it.scheme.levels.get(rank).is_some_and(|level| self.meets(level)) {
            return (
                format!("{day} 评估等级，目前达到「{zh}」"),
                format!("Reviewed on {day}; “{en}” is reached by now"),
            );
        }
        let (zh_missing, en_missing) = self.missing(rank);
        (
            format!("{day} 评估等级，保持「{zh}」{zh_missing}"),
            format!("Reviewed on {day}; to keep “{en}”: {en_missing}"),
        )
    }

    fn next(&self) -> (Reason, (String, String)) {
        // also below a level that is granted: it will end
        let earned = self.it.member.map_or(0, |member| member.earned.rank);
        let Some(next) = self.it.scheme.next_earned(earned) else {
            let highest =
                ("已是可获得的最高等级".to_owned(), "This is the highest level that can be earned".to_owned());
            return (Reason::Highest, highest);
        };
        let (zh_missing, en_missing) = self.missing(next);
        let (zh, en) = (self.name(next, "zh"), self.name(next, "en"));
        (Reason::Next, (format!("升至「{zh}」{zh_missing}"), format!("To reach “{en}”: {en_missing}")))
    }

    fn meets(&self, level: &super::scheme::level::Level) -> bool {
        level.reached_by(&self.counts(), self.it.scheme.any)
    }

    /// What is missing to a level, measure by measure.
    fn missing(&self, rank: usize) -> (String, String) {
        let (scheme, counts) = (self.it.scheme, self.counts());
        let missing = scheme.measures.iter().enumerate().filter_map(|(n, measure)| {
            let missing = scheme.threshold(rank, n) - counts[n];
            let point_type = self.it.programme.types.get(&measure.point_type)?;
            let (zh, en) = (point_type.display_name.closest("zh"), point_type.display_name.closest("en"));
            let (zh_of, en_of) = match measure.basis {
                Basis::Growth => ("累计", ""),
                Basis::Unexpired => ("有效期内", " that last"),
                Basis::Period => ("本期", " in this period"),
            };
            (missing > 0).then(|| (format!("{zh_of}{zh} {missing}"), format!("{missing} more {en}{en_of}")))
        });
        let (zh, en): (Vec<String>, Vec<String>) = missing.unzip();
        if zh.is_empty() {
            return ("已满足条件".to_owned(), "nothing is missing".to_owned());
        }
        let (zh_or, en_or) = if scheme.any { ("，或", ", or ") } else { ("，且", ", and ") };
        (format!("还差{}", zh.join(zh_or)), en.join(en_or))
    }
}

fn why(cause: MoveCause) -> (&'static str, &'static str) {
    match cause {
        MoveCause::Earned => ("达到门槛", "the threshold was reached"),
        MoveCause::Reversed => ("退款等冲回后低于门槛", "what had counted was taken back"),
        MoveCause::PeriodEnd => ("有效期结束后的评估", "the review of its validity"),
        MoveCause::SchemeChanged => ("等级体系调整", "the scheme changed"),
        MoveCause::Lapsed => ("过期后低于门槛", "what counted lapsed below the threshold"),
        MoveCause::GraceEnd => ("宽限期结束", "the grace ended"),
        MoveCause::Granted => ("人工或付费授予", "it was granted"),
        MoveCause::GrantEnded => ("授予结束", "a grant ended"),
        MoveCause::Locked => ("锁定", "it was locked"),
        MoveCause::Unlocked => ("解除锁定", "a lock ended"),
    }
}
