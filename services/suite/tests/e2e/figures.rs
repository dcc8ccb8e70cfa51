//! What the demo reports.

use serde_json::json;

use crate::run::Site;

#[tokio::test]
async fn a_second_replay_changes_nothing() {
    let site = Site::new("twice", &testkit::redis_url()).await;
    let year = ["--users", "5000", "--until", "2026-10-31", "--days", "5"];
    let first = site.run(&year).await;
    let second = site.run(&year).await;
    let (events, replayed) = (&first.report["input"]["events"], &second.measured["replay"]["replayed"]);
    assert_eq!((&first.measured["replay"]["taken"], replayed), (events, events));
    assert_eq!(first.report["refused"], json!([]));
    assert_eq!(first.text, second.text);
}

#[tokio::test]
async fn the_figures_of_a_file_are_what_its_rows_say() {
    let site = Site::new("file", &testkit::redis_url()).await;
    let file = site.write(
        "shop.csv",
        "who,when,paid,pieces\n\
         a,2026-01-05,10.00,1\n\
         a,2026-01-05,10.00,1\n\
         a,2026-02-28,5.50,2\n\
         b,2026-01-31 23:59,199.99,3\n\
         b,nonsense,1.00,1\n\
         c,2026-03-01,0,1\n\
         d,2026-02-01,12,1\n\
         d,2026-03-31,12,1\n",
    );
    let columns =
        ["--user-column", "who", "--time-column", "when", "--amount-column", "paid", "--quantity-column", "pieces"];
    let file = file.display().to_string();
    let report = site.run(&[&["--orders", &file][..], &columns].concat()).await.report;

    assert_eq!(report["tenant"]["tenant_id"], "shop");
    assert_eq!(report["input"]["rows"], 8);
    assert_eq!(report["bad_lines"], json!([{"line": 6, "reason": "the time has no known form"}]));
    let sales = &report["sales"];
    assert_eq!((&sales["orders"], &sales["users"], &sales["buyers"]), (&json!(7), &json!(4), &json!(4)));
    assert_eq!((&sales["repeat_buyers"], &sales["repurchase_rate_bp"]), (&json!(2), &json!(5000)));
    assert_eq!(sales["revenue"], json!({"minor": 24_949, "text": "249.49 USD"}));
    assert_eq!(sales["pieces"], 10);
    let cohorts: Vec<_> =
        report["cohorts"].as_array().unwrap().iter().map(|c| (&c["month"], &c["users"], &c["returned"])).collect();
    assert_eq!(
        cohorts,
        [
            (&json!("2026-01"), &json!(2), &json!([1, 0])),
            (&json!("2026-02"), &json!(1), &json!([1])),
            (&json!("2026-03"), &json!(1), &json!([])),
        ]
    );
    // 10 + 10 + 5 + 199 + 0 + 12 + 12, each order rounded down
    assert_eq!((&report["points"][0]["issued"], &report["points"][1]["issued"]), (&json!(248), &json!(248)));
    let members: Vec<_> =
        report["levels"].as_array().unwrap().iter().map(|level| level["members"].as_i64().unwrap()).collect();
    assert_eq!(members, [2, 1, 0, 0]);
}
