//! What a text is about, by the words in it.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::standing::UserValueScale;
use super::triage::{CaseKind, Emotion, Urgency};

/// Importance from which a case is important, where nothing else was published.
const IMPORTANT_FROM: i16 = 3;

/// What cases with these words are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassificationRule {
    /// Its id.
    pub id: String,
    /// At least one of these stands in the text; empty: no condition.
    pub any_keywords: Vec<String>,
    /// All of these stand in the text.
    pub all_keywords: Vec<String>,
    /// Only of these kinds; empty: of all.
    pub kinds: Vec<CaseKind>,
    /// Only of these sites; empty: of all.
    pub sites: Vec<String>,
    /// The type; empty: says nothing of it.
    pub case_type: String,
    /// Who handles it; empty: says nothing of it.
    pub department: String,
    /// How much time matters; `None`: says nothing of it.
    pub urgency: Option<Urgency>,
    /// The user's mood; `None`: says nothing of it.
    pub emotion: Option<Emotion>,
}

/// What goes where, and what is important. The default is what holds until one is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classification {
    /// In order: the first that says something of a field decides it.
    pub rules: Vec<ClassificationRule>,
    /// What users are worth.
    pub user_value: UserValueScale,
    /// Importance from which a case is important.
    pub important_from: i16,
    /// 1, then one more with each publishing; 0: the defaults.
    pub version: i32,
    /// When this version was published.
    pub publish_time: OffsetDateTime,
}

impl Default for Classification {
    fn default() -> Self {
        Self {
            rules: Vec::new(),
            user_value: UserValueScale::default(),
            important_from: IMPORTANT_FROM,
            version: 0,
            publish_time: OffsetDateTime::UNIX_EPOCH,
        }
    }
}

/// What the rules say of a text; what they say nothing of is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The type.
    pub case_type: String,
    /// Who handles it.
    pub department: String,
    /// How much time matters.
    pub urgency: Option<Urgency>,
    /// The user's mood.
    pub emotion: Option<Emotion>,
}

impl Classification {
    /// What the rules say of a text.
    pub fn verdict(&self, kind: CaseKind, site: &str, text: &str) -> Verdict {
        let text = fold(text);
        let mut verdict = Verdict::default();
        for rule in self.rules.iter().filter(|rule| rule.matches(kind, site, &text)) {
            if verdict.case_type.is_empty() {
                verdict.case_type.clone_from(&rule.case_type);
            }
            if verdict.department.is_empty() {
                verdict.department.clone_from(&rule.department);
            }
            verdict.urgency = verdict.urgency.or(rule.urgency);
            verdict.emotion = verdict.emotion.or(rule.emotion);
        }
        verdict
    }
}

impl ClassificationRule {
    /// Whether it speaks of a case with this folded text.
    fn matches(&self, kind: CaseKind, site: &str, text: &str) -> bool {
        (self.kinds.is_empty() || self.kinds.contains(&kind))
            && (self.sites.is_empty() || self.sites.iter().any(|it| it == site))
            && self.all_keywords.iter().all(|keyword| stands_in(text, keyword))
            && (self.any_keywords.is_empty() || self.any_keywords.iter().any(|keyword| stands_in(text, keyword)))
    }
}

/// A text in which upper and lower case, full and half width, and all kinds of space are the same.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.chars() {
        let half = match c {
            '\u{3000}' => ' ',
            '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
            _ => c,
        };
        if half.is_whitespace() {
            if !folded.ends_with(' ') {
                folded.push(' ');
            }
        } else {
            folded.extend(half.to_lowercase());
        }
    }
    folded
}

/// Whether a keyword stands in a folded text. Scripts that write spaces match whole words; others, such as Chinese, match
/// anywhere, and end a word of the former: "app闪退" holds the word "app".
fn stands_in(text: &str, keyword: &str) -> bool {
    let keyword = fold(keyword);
    let keyword = keyword.trim();
    let (Some(first), Some(last)) = (keyword.chars().next(), keyword.chars().next_back()) else { return false };
    text.match_indices(keyword).any(|(start, found)| {
        let before = text[..start].chars().next_back();
        let after = text[start + found.len()..].chars().next();
        let joins = |edge: char, beside: Option<char>| in_word(edge) && beside.is_some_and(in_word);
        !joins(first, before) && !joins(last, after)
    })
}

/// Letters of scripts that put spaces between words (Latin, Greek, Cyrillic, Armenian), and digits.
fn in_word(c: char) -> bool {
    c.is_alphanumeric() && c < '\u{590}'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(any: &[&str], all: &[&str], department: &str) -> ClassificationRule {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let (any_keywords, all_keywords) = (words(any), words(all));
        ClassificationRule { any_keywords, all_keywords, department: department.to_owned(), ..Default::default() }
    }

    #[test]
    fn a_chinese_keyword_matches_anywhere_and_a_latin_one_as_a_word() {
        let cases = [
            ("快递三天没到，我要退款！", "退款", true),
            ("ＡＰＰ闪退了", "app", true),
            ("the app crashes", "App", true),
            ("apply for a refund", "app", false),
            ("whatsapp", "app", false),
            ("debugging", "bug", false),
            ("a bug.", "bug", true),
            ("订单123号", "123", true),
            ("订单1234号", "123", false),
            ("late　delivery", "late delivery", true),
            ("Straße gesperrt", "straße", true),
            ("退 款", "退款", false),
            ("anything", " ", false),
        ];
        for (text, keyword, want) in cases {
            assert_eq!(stands_in(&fold(text), keyword), want, "{keyword:?} in {text:?}");
        }
    }

    #[test]
    fn all_and_any_keywords_kind_and_site_must_fit() {
        let both = rule(&["没到", "丢了"], &["快递"], "logistics");
        let only = ClassificationRule { kinds: vec![CaseKind::Bug], sites: vec!["shop".into()], ..both.clone() };
        let text = fold("快递丢了");
        assert!(both.matches(CaseKind::Complaint, "", &text));
        assert!(!both.matches(CaseKind::Complaint, "", &fold("快递很好")));
        assert!(!both.matches(CaseKind::Complaint, "", &fold("钱包丢了")));
        assert!(only.matches(CaseKind::Bug, "shop", &text));
        assert!(!only.matches(CaseKind::Bug, "app", &text));
        assert!(!only.matches(CaseKind::Complaint, "shop", &text));
    }

    #[test]
    fn each_field_is_decided_by_the_first_rule_that_says_something_of_it() {
        let urgent = ClassificationRule { urgency: Some(Urgency::High), ..rule(&["马上"], &[], "") };
        let upset = ClassificationRule { emotion: Some(Emotion::Upset), ..rule(&["骗子"], &[], "care") };
        let rules = vec![urgent, rule(&["退款"], &[], "finance"), upset];
        let classification = Classification { rules, ..Classification::default() };
        let verdict = classification.verdict(CaseKind::Complaint, "", "骗子！马上退款");
        let want = Verdict {
            case_type: String::new(),
            department: "finance".to_owned(),
            urgency: Some(Urgency::High),
            emotion: Some(Emotion::Upset),
        };
        assert_eq!(verdict, want);
        assert_eq!(classification.verdict(CaseKind::Praise, "", "很好"), Verdict::default());
    }
}
