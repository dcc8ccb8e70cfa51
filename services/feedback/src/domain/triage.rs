//! What a case is, and where it stands on the two axes: urgency, and importance, which is impact times user value.

use super::coded::coded;

coded! {
    /// What a case is.
    CaseKind {
        /// How something could be better.
        Suggestion = 1 "suggestion",
        /// Something went wrong for the user.
        Complaint = 2 "complaint",
        /// Something the user wants to know.
        Question = 3 "question",
        /// Something the user likes.
        Praise = 4 "praise",
        /// The product does not do what it should.
        Bug = 5 "bug",
        /// About another user.
        UserReport = 6 "user_report",
        /// Nobody said anything: behaviour tells of it.
        Inferred = 7 "inferred",
    }
}

coded! {
    /// How much time matters.
    Urgency {
        /// It can wait.
        Low = 1 "low",
        /// As usual.
        Normal = 2 "normal",
        /// Every hour makes it worse.
        High = 3 "high",
    }
}

coded! {
    /// How much harm or good is in it for the user.
    Impact {
        /// An inconvenience.
        Low = 1 "low",
        /// As usual.
        Normal = 2 "normal",
        /// The user can't go on, or loses money.
        High = 3 "high",
    }
}

coded! {
    /// Where a case stands; decides its targets.
    Quadrant {
        /// Urgent and important.
        UrgentImportant = 1 "urgent_important",
        /// Important, not urgent.
        Important = 2 "important",
        /// Urgent, not important.
        Urgent = 3 "urgent",
        /// Neither.
        Neither = 4 "neither",
    }
}

coded! {
    /// The user's mood.
    Emotion {
        /// Nothing that stands out.
        Calm = 1 "calm",
        /// Upset, angry or in distress.
        Upset = 2 "upset",
    }
}

/// Impact times user value: 1 to 9.
pub fn importance(impact: Impact, user_value: i16) -> i16 {
    impact.code() * user_value.clamp(1, 3)
}

impl Quadrant {
    /// Urgent: only HIGH is. Important: from `important_from` on.
    pub fn of(urgency: Urgency, importance: i16, important_from: i16) -> Self {
        match (urgency == Urgency::High, importance >= important_from) {
            (true, true) => Self::UrgentImportant,
            (false, true) => Self::Important,
            (true, false) => Self::Urgent,
            (false, false) => Self::Neither,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn importance_is_impact_times_what_the_user_is_worth() {
        let all: Vec<i16> =
            Impact::ALL.iter().flat_map(|impact| (1..=3).map(|value| importance(*impact, value))).collect();
        assert_eq!(all, [1, 2, 3, 2, 4, 6, 3, 6, 9]);
    }

    #[test]
    fn the_two_axes_make_four_quadrants_and_a_threshold_met_exactly_is_important() {
        let of = |urgency, importance| Quadrant::of(urgency, importance, 3);
        assert_eq!(of(Urgency::High, 3), Quadrant::UrgentImportant);
        assert_eq!(of(Urgency::Normal, 3), Quadrant::Important);
        assert_eq!(of(Urgency::High, 2), Quadrant::Urgent);
        assert_eq!(of(Urgency::Low, 2), Quadrant::Neither);
    }

    #[test]
    fn numbers_are_those_of_the_contract() {
        assert!(Quadrant::ALL.iter().all(|it| Quadrant::from_code(it.code()) == Some(*it)));
        assert_eq!(CaseKind::from_code(0), None);
    }
}
