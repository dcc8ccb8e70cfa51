//! Taking in a case: what is given counts, then what the rules say, then the type's defaults.

use std::collections::{BTreeMap, BTreeSet};

use ids::{Key, UserId};
use time::OffsetDateTime;

use super::case::{Case, CaseKey, CaseState, Dealing, Dealt, Origin, Triage};
use super::case_type::CaseType;
use super::classification::{Classification, Verdict};
use super::clock::Clock;
use super::entry::{Message, What};
use super::refusal::Refusal;
use super::rulebook::Rulebook;
use super::sla_policy::Policies;
use super::standing::Standing;
use super::triage::{CaseKind, Emotion, Impact, Quadrant, Urgency, importance};

/// What a caller says of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The user; canonical once resolved.
    pub user: UserId,
    /// The case's id.
    pub case_id: Key,
    /// What it is.
    pub kind: CaseKind,
    /// How it came in.
    pub origin: Origin,
    /// What the user says.
    pub message: Message,
    /// Its type; empty: by rules.
    pub case_type: String,
    /// Who shall handle it; empty: by rules and type.
    pub department: String,
    /// How much time matters; `None`: by rules and type.
    pub urgency: Option<Urgency>,
}

impl Submission {
    /// What its case will be found by.
    pub fn key(&self) -> CaseKey {
        (self.user.clone(), self.case_id.clone())
    }

    /// What the rules say of it. A given type counts instead of theirs.
    pub fn verdict(&self, classification: &Classification) -> Verdict {
        let mut verdict = classification.verdict(self.kind, &self.origin.site, &self.message.text);
        if !self.case_type.is_empty() {
            verdict.case_type.clone_from(&self.case_type);
        }
        verdict
    }

    fn triage(
        &self,
        verdict: Verdict,
        case_type: Option<&CaseType>,
        classification: &Classification,
        user: &Standing,
    ) -> Triage {
        let first_of =
            |texts: [&str; 3]| texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default().to_owned();
        let of_type = case_type.map_or("", |it| it.department.as_str());
        let urgency = self.urgency.or(verdict.urgency).or(case_type.and_then(|it| it.urgency));
        let urgency = urgency.unwrap_or(Urgency::Normal);
        let impact = case_type.and_then(|it| it.impact).unwrap_or(Impact::Normal);
        let user_value = classification.user_value.value(user);
        let importance = importance(impact, user_value);
        Triage {
            department: first_of([&self.department, &verdict.department, of_type]),
            case_type: verdict.case_type,
            urgency,
            impact,
            user_value,
            importance,
            quadrant: Quadrant::of(urgency, importance, classification.important_from),
            emotion: verdict.emotion.unwrap_or(Emotion::Calm),
            answer_within_minutes: case_type.map_or(0, |it| it.answer_within_minutes),
        }
    }
}

/// What decides on the cases that come in together.
#[derive(Debug)]
pub struct Desk<'a> {
    /// What operators published.
    pub rules: &'a Rulebook,
    /// What is known of users.
    pub standings: BTreeMap<UserId, Standing>,
    /// Cases that there are already, of those that come in.
    pub taken: BTreeSet<CaseKey>,
}

impl Desk<'_> {
    /// Takes in a case at a time.
    pub fn submit(&mut self, submission: &Submission, at: OffsetDateTime) -> Result<Dealt, Refusal> {
        let Rulebook { classification, case_types, policies } = self.rules;
        let verdict = submission.verdict(classification);
        let case_type = case_types.get(&verdict.case_type);
        if case_type.is_none() && !verdict.case_type.is_empty() {
            return Err(Refusal::CaseTypeNotFound { case_type_id: verdict.case_type });
        }
        if !self.taken.insert(submission.key()) {
            return Err(Refusal::CaseExists { case_id: submission.case_id.to_string() });
        }
        let unknown = Standing::default();
        let user = self.standings.get(&submission.user).unwrap_or(&unknown);
        let triage = submission.triage(verdict, case_type, classification, user);
        let mut dealing = Dealing::begin(opened(policies, submission, triage, at), policies);
        dealing.happened(What::Submitted, submission.message.clone(), at);
        Ok(dealing.close())
    }
}

fn opened(policies: &Policies, submission: &Submission, triage: Triage, at: OffsetDateTime) -> Case {
    let sla_version = policies.version();
    let plan = policies.plan(sla_version, triage.quadrant, triage.answer_within_minutes);
    Case {
        user: submission.user.clone(),
        id: submission.case_id.clone(),
        kind: submission.kind,
        origin: submission.origin.clone(),
        triage,
        assignee: String::new(),
        state: CaseState::New,
        attempt: 1,
        first_response: Clock::started(plan.calendar, plan.first_response_minutes, at),
        resolution: Clock::started(plan.calendar, plan.resolution_minutes, at),
        promise: None,
        sla_version,
        submitted_at: at,
        first_answered_at: None,
        ending: None,
        entry_seq: 0,
        decided_at: at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::classification::ClassificationRule;
    use crate::domain::stage::{at, case_type, complaint};

    fn by_rules(submission: &Submission, rule: ClassificationRule, case_type: Option<CaseType>) -> Triage {
        let user = Standing { rank: 3, ..Standing::default() };
        let rules = Rulebook {
            classification: Classification { rules: vec![rule], ..Classification::default() },
            case_types: case_type.into_iter().map(|it| (it.id.to_string(), it)).collect(),
            ..Rulebook::default()
        };
        let standings = [(submission.user.clone(), user)].into();
        let mut desk = Desk { rules: &rules, standings, taken: BTreeSet::new() };
        desk.submit(submission, at(0)).unwrap().0.triage
    }

    fn rule() -> ClassificationRule {
        ClassificationRule {
            any_keywords: vec!["退款".to_owned()],
            case_type: "refund".to_owned(),
            department: "finance".to_owned(),
            urgency: Some(Urgency::High),
            ..ClassificationRule::default()
        }
    }

    #[test]
    fn rules_decide_what_is_not_given_and_the_type_what_rules_leave_open() {
        let refund = CaseType { impact: Some(Impact::High), answer_within_minutes: 30, ..case_type("refund") };
        let triage = by_rules(&complaint("我要退款"), rule(), Some(refund));
        let want = Triage {
            case_type: "refund".to_owned(),
            department: "finance".to_owned(),
            urgency: Urgency::High,
            impact: Impact::High,
            user_value: 3,
            importance: 9,
            quadrant: Quadrant::UrgentImportant,
            emotion: Emotion::Calm,
            answer_within_minutes: 30,
        };
        assert_eq!(triage, want);
    }

    #[test]
    fn what_the_caller_says_counts_before_the_rules() {
        let given = Submission {
            case_type: "delivery".to_owned(),
            department: "logistics".to_owned(),
            urgency: Some(Urgency::Low),
            ..complaint("我要退款")
        };
        let triage = by_rules(&given, rule(), Some(case_type("delivery")));
        let decided = (triage.case_type.as_str(), triage.department.as_str(), triage.urgency);
        assert_eq!(decided, ("delivery", "logistics", Urgency::Low));
    }

    #[test]
    fn a_text_that_no_rule_knows_is_as_usual() {
        let triage = by_rules(&complaint("你好"), rule(), None);
        assert_eq!(
            (triage.urgency, triage.impact, triage.quadrant),
            (Urgency::Normal, Impact::Normal, Quadrant::Important)
        );
        assert_eq!((triage.case_type.as_str(), triage.department.as_str()), ("", ""));
    }

    #[test]
    fn of_two_cases_with_the_same_id_that_come_in_together_the_first_is_taken() {
        let rules = Rulebook::default();
        let mut desk = Desk { rules: &rules, standings: BTreeMap::new(), taken: BTreeSet::new() };
        let mut submit = |text: &str, id: &str| {
            let submission = Submission { case_id: Key::new(id).unwrap(), ..complaint(text) };
            desk.submit(&submission, at(0)).map(|(case, entries)| (case.id.to_string(), entries.len()))
        };
        assert_eq!(submit("first", "c"), Ok(("c".to_owned(), 1)));
        assert_eq!(submit("second", "c"), Err(Refusal::CaseExists { case_id: "c".to_owned() }));
        assert_eq!(submit("second", "d"), Ok(("d".to_owned(), 1)));
    }

    #[test]
    fn a_case_that_was_refused_leaves_its_id_free() {
        let rules = Rulebook::default();
        let mut desk = Desk { rules: &rules, standings: BTreeMap::new(), taken: BTreeSet::new() };
        let unknown = Submission { case_type: "unknown".to_owned(), ..complaint("text") };
        let refused = desk.submit(&unknown, at(0)).unwrap_err();
        assert_eq!(refused, Refusal::CaseTypeNotFound { case_type_id: "unknown".to_owned() });
        assert!(desk.submit(&complaint("text"), at(0)).is_ok());
    }
}
