//! Taking in a case: what is given counts, then what the rules say, then the type's defaults.

use ids::{Key, UserId};
use time::OffsetDateTime;

use super::case::{Case, CaseState, Dealing, Origin, Triage};
use super::case_type::CaseType;
use super::classification::{Classification, Verdict};
use super::clock::Clock;
use super::entry::{Message, What};
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

/// Takes in a case at a time. `case_type` is the verdict's, where it names one.
pub fn submit<'a>(
    submission: &Submission,
    verdict: Verdict,
    case_type: Option<&CaseType>,
    (classification, user): (&Classification, &Standing),
    policies: &'a Policies,
    at: OffsetDateTime,
) -> Dealing<'a> {
    let triage = submission.triage(verdict, case_type, classification, user);
    let sla_version = policies.version();
    let plan = policies.plan(sla_version, triage.quadrant, triage.answer_within_minutes);
    let case = Case {
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
    };
    let mut dealing = Dealing::begin(case, policies);
    dealing.happened(What::Submitted, submission.message.clone(), at);
    dealing
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::classification::ClassificationRule;
    use crate::domain::stage::{at, case_type, complaint};

    fn by_rules(submission: &Submission, rule: ClassificationRule, case_type: Option<&CaseType>) -> Triage {
        let classification = Classification { rules: vec![rule], ..Classification::default() };
        let verdict = submission.verdict(&classification);
        let user = Standing { rank: 3, ..Standing::default() };
        let policies = Policies::default();
        submit(submission, verdict, case_type, (&classification, &user), &policies, at(0)).close().0.triage
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
        let triage = by_rules(&complaint("我要退款"), rule(), Some(&refund));
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
        let triage = by_rules(&given, rule(), Some(&case_type("delivery")));
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
}
