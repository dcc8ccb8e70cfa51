//! Requests of the feedback service.

use serde_json::{Value, json};

use super::{Names, request_id, text};

/// What a desk works by.
pub(super) fn desk_writes(names: &Names<'_>) -> Vec<(&'static str, Value)> {
    let frames = json!([{"startMinute": 540, "endMinute": 720}, {"startMinute": 780, "endMinute": 1080}]);
    let calendar = json!({"calendarId": "desk", "zone": "Asia/Shanghai",
        "week": [{"weekday": "WEEKDAY_MONDAY", "frames": frames}, {"weekday": "WEEKDAY_FRIDAY", "frames": frames}],
        "specialDays": [{"date": "2026-10-01"}, {"date": "2026-10-10", "frames": frames}]});
    let target = json!({"quadrant": "QUADRANT_URGENT_IMPORTANT", "calendarId": "desk", "firstResponseMinutes": 30,
        "resolutionMinutes": 240});
    let rule = json!({"ruleId": "late", "anyKeywords": [names.canary, "没到"], "allKeywords": ["快递"],
        "kinds": ["CASE_KIND_COMPLAINT"], "sites": [names.canary], "caseTypeId": "delivery", "department": "logistics",
        "urgency": "URGENCY_HIGH", "emotion": "EMOTION_UPSET"});
    let scale = json!({"middleSpendMinor": "10000", "highSpendMinor": "50000", "middleRank": 1, "highRank": 3,
        "middleStages": ["repeat"], "highStages": ["loyal"]});
    vec![
        (
            "/banyan.feedback.v1.CaseTypeService/PublishCaseType",
            json!({
                "requestId": request_id(names, "case-type"),
                "caseType": {"caseTypeId": "delivery", "productId": "app", "displayName": text(names),
                    "department": "logistics", "urgency": "URGENCY_NORMAL", "impact": "IMPACT_HIGH",
                    "answerWithinMinutes": 60},
            }),
        ),
        (
            "/banyan.feedback.v1.DeskService/PublishSlaPolicy",
            json!({"requestId": request_id(names, "sla"),
                "slaPolicy": {"calendars": [calendar], "targets": [target], "reopenWithinDays": 14}}),
        ),
        (
            "/banyan.feedback.v1.DeskService/PublishClassification",
            json!({"requestId": request_id(names, "classification"),
                "classification": {"rules": [rule], "userValue": scale, "importantFrom": 3}}),
        ),
    ]
}

/// A case from its beginning to its reopening.
pub(super) fn writes(names: &Names<'_>) -> Vec<(&'static str, Value)> {
    let case_id = format!("case-{}", names.ids);
    let files = json!([{"reference": names.canary, "mediaType": "image/png", "name": names.canary}]);
    let about = |what: &str, more: Value| {
        let mut call = json!({"requestId": request_id(names, what), "userId": names.user, "caseId": case_id});
        let fields = more.as_object().expect("fields are an object").clone();
        call.as_object_mut().expect("a call is an object").extend(fields);
        call
    };
    let says = |words: &str| json!({"text": format!("{words} {}", names.canary), "attachments": files});
    let written = |words: &str| {
        let mut message = says(words);
        message["agentId"] = json!(names.canary);
        message
    };
    let with = |mut message: Value, field: &str, value: Value| {
        message[field] = value;
        message
    };
    let submit = json!({"kind": "CASE_KIND_COMPLAINT", "text": format!("快递没到 {}", names.canary), "site": names.canary,
        "channel": names.canary, "externalReference": names.canary, "attachments": files, "caseTypeId": "delivery"});
    let correct = json!({"agentId": names.canary, "urgency": "URGENCY_HIGH", "importance": 9, "department": "care",
        "caseTypeId": "delivery", "emotion": "EMOTION_UPSET", "reason": names.canary});
    let assign = json!({"agentId": names.canary, "assigneeId": names.canary, "department": "logistics"});
    let promise = with(written("明天"), "promisedUntil", json!("2999-01-01T00:00:00Z"));
    vec![
        ("/banyan.feedback.v1.CaseService/SubmitCase", about("submit", submit)),
        ("/banyan.feedback.v1.CaseService/CorrectCase", about("correct", correct)),
        ("/banyan.feedback.v1.CaseService/AssignCase", about("assign", assign)),
        ("/banyan.feedback.v1.CaseService/AddNote", about("note", written("备注"))),
        ("/banyan.feedback.v1.CaseService/AnswerCase", about("answer", written("马上查"))),
        ("/banyan.feedback.v1.CaseService/PromiseAnswer", about("promise", promise)),
        ("/banyan.feedback.v1.CaseService/AwaitUser", about("await", written("订单号?"))),
        ("/banyan.feedback.v1.CaseService/ReplyToCase", about("reply", says("A-17"))),
        (
            "/banyan.feedback.v1.CaseService/ResolveCase",
            about("resolve", with(written("已补发"), "resolution", json!("RESOLUTION_SOLVED"))),
        ),
        ("/banyan.feedback.v1.CaseService/RateCase", about("rate", json!({"score": 5, "comment": names.canary}))),
        ("/banyan.feedback.v1.CaseService/ReopenCase", about("reopen", says("还是没到"))),
    ]
}

/// The reads of cases.
pub(super) fn reads(names: &Names<'_>) -> Vec<(&'static str, Value)> {
    let case = json!({"userId": names.user, "caseId": format!("case-{}", names.ids)});
    vec![
        ("/banyan.feedback.v1.CaseService/GetCase", case.clone()),
        ("/banyan.feedback.v1.CaseService/ListCases", json!({"userId": names.user})),
        ("/banyan.feedback.v1.CaseService/ListQueue", json!({})),
        ("/banyan.feedback.v1.CaseService/GetCaseTimeline", case),
        ("/banyan.feedback.v1.CaseTypeService/GetCaseType", json!({"caseTypeId": "delivery"})),
        ("/banyan.feedback.v1.CaseTypeService/ListCaseTypes", json!({})),
        ("/banyan.feedback.v1.DeskService/GetSlaPolicy", json!({})),
        ("/banyan.feedback.v1.DeskService/GetClassification", json!({})),
        ("/banyan.feedback.v1.CaseInsightService/GetCaseFigures", json!({})),
    ]
}
