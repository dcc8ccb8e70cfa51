//! The kinds of definitions that a programme is made of. One table says of each all that planning and applying have to
//! know; nothing else in this service treats one kind unlike another, but for the lifecycle models, which are its own.

/// What kind of thing is defined, in the order in which a programme is published: each kind may name earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A point type.
    PointType,
    /// An earning rule.
    EarningRule,
    /// The scheme of levels.
    Scheme,
    /// A benefit.
    Benefit,
    /// A badge.
    Badge,
    /// A quest.
    Quest,
    /// A streak.
    Streak,
    /// A leaderboard.
    Leaderboard,
    /// The stage and RFM models.
    LifecycleModels,
    /// A coupon template.
    CouponTemplate,
    /// What holds for all campaigns: before them, so that no campaign starts under the settings of yesterday.
    CampaignSettings,
    /// A campaign.
    Campaign,
    /// An action of the catalogue.
    Action,
    /// A case type.
    CaseType,
    /// The SLA policy.
    SlaPolicy,
    /// The classification.
    Classification,
}

/// What becomes of a definition that is in force and no longer wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unwanted {
    /// It is published once more with `paused` set.
    PausedByField,
    /// It is held up, and goes on when it is wanted again, by methods of its own: the first and the second.
    Turned(&'static str, &'static str),
    /// It stays: there is no way to take it back.
    Kept,
    /// The default takes its place: there always is one.
    Default,
}

/// How a definition that is in force is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changing {
    /// It is published once more.
    Anew,
    /// By a method of its own, which says what the change touches where it is only asked.
    By(&'static str),
}

/// What is to be known of a kind.
#[derive(Debug)]
pub struct Shape {
    /// The kind.
    pub kind: Kind,
    /// Its name in refusals and request ids.
    pub name: &'static str,
    /// Its field in the bundle.
    pub field: &'static str,
    /// The field with its id; empty: it has none, and there is one.
    pub id: &'static str,
    /// Fields that its owner writes and that are ignored as input.
    pub output: &'static [&'static str],
    /// Fields that name definitions of other kinds.
    pub names: &'static [(&'static str, Kind)],
    /// What becomes of one that is no longer wanted.
    pub unwanted: Unwanted,
    /// How one is changed.
    pub changing: Changing,
    /// Fields that stay as they are once it is there.
    pub fixed: &'static [&'static str],
    /// The owner's methods that publish one, and that answer what is in force; empty: this service is the owner.
    pub methods: (&'static str, &'static str),
}

impl Shape {
    /// Whether a bundle holds several.
    pub fn is_list(&self) -> bool {
        !self.id.is_empty() && self.kind != Kind::Scheme
    }
}

const POINT_TYPE: (&str, Kind) = ("point_type_id", Kind::PointType);
const PUBLISHED: &[&str] = &["version", "publish_time"];

/// All kinds, in the order in which a programme is published.
pub const KINDS: [Shape; 16] = [
    Shape {
        kind: Kind::PointType,
        name: "point_type",
        field: "point_types",
        id: "point_type_id",
        output: &["create_time", "update_time", "etag"],
        names: &[],
        unwanted: Unwanted::Kept,
        changing: Changing::By("levels.v1.PointsService/UpdatePointType"),
        fixed: &["zone", "spendable"],
        methods: ("levels.v1.PointsService/CreatePointType", "levels.v1.PointsService/ListPointTypes"),
    },
    Shape {
        kind: Kind::EarningRule,
        name: "earning_rule",
        field: "earning_rules",
        id: "rule_id",
        output: PUBLISHED,
        names: &[POINT_TYPE],
        unwanted: Unwanted::PausedByField,
        changing: Changing::Anew,
        fixed: &[],
        methods: ("levels.v1.EarningRuleService/PublishEarningRule", "levels.v1.EarningRuleService/ListEarningRules"),
    },
    Shape {
        kind: Kind::Scheme,
        name: "scheme",
        field: "scheme",
        id: "scheme_id",
        output: PUBLISHED,
        names: &[POINT_TYPE],
        unwanted: Unwanted::Kept,
        changing: Changing::Anew,
        fixed: &[],
        methods: ("levels.v1.LevelService/PublishScheme", "levels.v1.LevelService/ListSchemes"),
    },
    Shape {
        kind: Kind::Benefit,
        name: "benefit",
        field: "benefits",
        id: "benefit_id",
        output: PUBLISHED,
        names: &[("scheme_id", Kind::Scheme)],
        unwanted: Unwanted::PausedByField,
        changing: Changing::Anew,
        fixed: &[],
        methods: ("levels.v1.BenefitService/PublishBenefit", "levels.v1.BenefitService/ListBenefits"),
    },
    Shape {
        kind: Kind::Badge,
        name: "badge",
        field: "badges",
        id: "badge_id",
        output: PUBLISHED,
        names: &[],
        unwanted: Unwanted::Kept,
        changing: Changing::Anew,
        fixed: &[],
        methods: ("levels.v1.BadgeService/PublishBadge", "levels.v1.BadgeService/ListBadges"),
    },
    Shape {
        kind: Kind::Quest,
        name: "quest",
        field: "quests",
        id: "quest_id",
        output: &["version", "create_time", "publish_time"],
        names: &[
            ("scheme_id", Kind::Scheme),
            ("bonus.points.point_type_id", Kind::PointType),
            ("bonus.badge_id", Kind::Badge),
        ],
        unwanted: Unwanted::PausedByField,
        changing: Changing::Anew,
        fixed: &[
            "steps",
            "in_order",
            "period",
            "zone",
            "recurrence",
            "start",
            "valid_from",
            "scheme_id",
            "first_rank",
            "last_rank",
        ],
        methods: ("levels.v1.QuestService/PublishQuest", "levels.v1.QuestService/ListQuests"),
    },
    Shape {
        kind: Kind::Streak,
        name: "streak",
        field: "streaks",
        id: "streak_id",
        output: PUBLISHED,
        names: &[
            ("milestones.bonus.points.point_type_id", Kind::PointType),
            ("milestones.bonus.badge_id", Kind::Badge),
        ],
        unwanted: Unwanted::PausedByField,
        changing: Changing::Anew,
        fixed: &[],
        methods: ("levels.v1.StreakService/PublishStreak", "levels.v1.StreakService/ListStreaks"),
    },
    Shape {
        kind: Kind::Leaderboard,
        name: "leaderboard",
        field: "leaderboards",
        id: "leaderboard_id",
        output: PUBLISHED,
        names: &[("prizes[].point_type_id", Kind::PointType)],
        unwanted: Unwanted::Kept,
        changing: Changing::Anew,
        fixed: &["score_rule", "score_order", "season_rule", "zone"],
        methods: ("levels.v1.LeaderboardService/PublishLeaderboard", "levels.v1.LeaderboardService/ListLeaderboards"),
    },
    Shape {
        kind: Kind::LifecycleModels,
        name: "lifecycle_models",
        field: "lifecycle_models",
        id: "",
        output: &["etag"],
        names: &[],
        unwanted: Unwanted::Default,
        changing: Changing::Anew,
        fixed: &[],
        methods: ("", ""),
    },
    Shape {
        kind: Kind::CouponTemplate,
        name: "coupon_template",
        field: "coupon_templates",
        id: "template_id",
        output: &["version", "publish_time", "issued"],
        names: &[],
        unwanted: Unwanted::PausedByField,
        changing: Changing::Anew,
        fixed: &[],
        methods: (
            "incentives.v1.CouponService/PublishCouponTemplate",
            "incentives.v1.CouponService/ListCouponTemplates",
        ),
    },
    Shape {
        kind: Kind::CampaignSettings,
        name: "campaign_settings",
        field: "campaign_settings",
        id: "",
        output: &["etag"],
        names: &[],
        unwanted: Unwanted::Default,
        changing: Changing::Anew,
        fixed: &[],
        methods: (
            "incentives.v1.CampaignService/UpdateCampaignSettings",
            "incentives.v1.CampaignService/GetCampaignSettings",
        ),
    },
    Shape {
        kind: Kind::Campaign,
        name: "campaign",
        field: "campaigns",
        id: "campaign_id",
        output: &["state", "version", "approved_version", "author", "save_time", "etag"],
        names: &[
            ("coupon.template_id", Kind::CouponTemplate),
            ("points.point_type_id", Kind::PointType),
            ("random_points.point_type_id", Kind::PointType),
        ],
        unwanted: Unwanted::Turned(
            "incentives.v1.CampaignService/PauseCampaign",
            "incentives.v1.CampaignService/ResumeCampaign",
        ),
        changing: Changing::Anew,
        fixed: &[],
        methods: ("incentives.v1.CampaignService/SaveCampaign", "incentives.v1.CampaignService/ListCampaigns"),
    },
    Shape {
        kind: Kind::Action,
        name: "action",
        field: "actions",
        id: "action_id",
        output: &["etag"],
        names: &[],
        unwanted: Unwanted::Kept,
        changing: Changing::Anew,
        fixed: &[],
        methods: ("incentives.v1.ActionService/PutAction", "incentives.v1.ActionService/ListActions"),
    },
    Shape {
        kind: Kind::CaseType,
        name: "case_type",
        field: "case_types",
        id: "case_type_id",
        output: PUBLISHED,
        names: &[],
        unwanted: Unwanted::Kept,
        changing: Changing::Anew,
        fixed: &[],
        methods: ("feedback.v1.CaseTypeService/PublishCaseType", "feedback.v1.CaseTypeService/ListCaseTypes"),
    },
    Shape {
        kind: Kind::SlaPolicy,
        name: "sla_policy",
        field: "sla_policy",
        id: "",
        output: PUBLISHED,
        names: &[],
        unwanted: Unwanted::Kept,
        changing: Changing::Anew,
        fixed: &[],
        methods: ("feedback.v1.DeskService/PublishSlaPolicy", "feedback.v1.DeskService/GetSlaPolicy"),
    },
    Shape {
        kind: Kind::Classification,
        name: "classification",
        field: "classification",
        id: "",
        output: PUBLISHED,
        names: &[("rules[].case_type_id", Kind::CaseType)],
        unwanted: Unwanted::Default,
        changing: Changing::Anew,
        fixed: &[],
        methods: ("feedback.v1.DeskService/PublishClassification", "feedback.v1.DeskService/GetClassification"),
    },
];

impl Kind {
    /// What is to be known of it.
    pub fn shape(self) -> &'static Shape {
        &KINDS[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_stand_in_their_order_and_name_earlier_ones_only() {
        for (place, shape) in KINDS.iter().enumerate() {
            assert_eq!(shape.kind as usize, place, "{}", shape.name);
            assert!(shape.names.iter().all(|(_, named)| *named < shape.kind), "{}", shape.name);
        }
    }
}
