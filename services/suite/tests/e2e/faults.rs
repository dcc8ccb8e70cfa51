//! What is killed or lost in the middle changes no byte of the report.

use serde_json::json;
use testkit::OwnRedis;

use crate::run::{Site, Written};

/// Ten busy days of a growing shop: about a hundred users with as many orders.
const TEN_DAYS: [&str; 6] = ["--users", "5000", "--days", "10", "--until", "2026-10-31"];
/// A whole year of few users.
const YEAR: [&str; 6] = ["--users", "100", "--days", "365", "--until", "2026-10-31"];

/// Two years go by in tenants of the same name, each in a database of its own, and the suite of the second is killed after so
/// many tenths.
async fn calm_and_killed(name: &str, year: &[&str], kills: &[u64]) -> (Written, Written) {
    let calm = async {
        let site = Site::new(&format!("{name}-calm"), &testkit::redis_url()).await;
        site.run(year).await
    };
    let killed = async {
        let site = Site::new(&format!("{name}-killed"), &testkit::redis_url()).await;
        let mut running = site.start(year);
        for tenths in kills {
            running.until_done(*tenths).await;
            running.kill_suite();
        }
        running.end().await
    };
    tokio::join!(calm, killed)
}

/// Sums of a part of the year's figures.
fn sum(written: &Written, part: &str, key: &str) -> i64 {
    let rows = written.report["year"][part].as_array().unwrap().iter();
    rows.map(|row| row[key].as_i64().unwrap()).sum()
}

#[tokio::test]
async fn ten_busy_days_make_the_same_report_byte_for_byte_also_with_the_suite_killed_three_times() {
    let (calm, killed) = calm_and_killed("ten-days", &TEN_DAYS, &[2, 5, 8]).await;
    assert_eq!(calm.text, killed.text);
    assert_eq!(calm.report["refused"], json!([]));
    assert_eq!(calm.report["ledger"]["mismatches"], json!([]));
    for (part, key) in [("coupons", "used"), ("campaigns", "granted"), ("cases", "resolved")] {
        assert!(sum(&calm, part, key) > 0, "no {part} {key}");
    }
}

#[tokio::test]
#[ignore = "takes minutes; see services/suite/README.md"]
async fn alone_a_whole_year_makes_the_same_report_byte_for_byte_also_with_the_suite_killed_five_times() {
    let (calm, killed) = calm_and_killed("year", &YEAR, &[1, 3, 5, 7, 9]).await;
    assert_eq!(calm.text, killed.text);
    assert_eq!(calm.report["ledger"]["mismatches"], json!([]));
    let happened = [
        ("coupons", "used"),
        ("coupons", "returned"),
        ("coupons", "expired"),
        ("campaigns", "granted"),
        ("campaigns", "held_out"),
        ("months", "points_spent"),
        ("months", "points_expired"),
        ("months", "points_reversed"),
        ("cases", "resolved"),
        ("cases", "reopened_bp"),
        ("cases", "ratings"),
    ];
    for (part, key) in happened {
        assert!(sum(&calm, part, key) > 0, "no {part} {key}");
    }
    assert!(calm.report["year"]["penalties"].as_i64().unwrap() > 0);
}

#[tokio::test]
async fn a_redis_that_is_flushed_and_stopped_in_the_middle_changes_nothing() {
    const SHORT: [&str; 6] = ["--users", "5000", "--until", "2026-10-31", "--days", "4"];
    let redis = OwnRedis::start();
    let site = Site::new("redis", redis.url()).await;
    let calm = site.run(&[&SHORT[..], &["--tenant", "calm"]].concat()).await;
    let mut running = site.start(&[&SHORT[..], &["--tenant", "stopped"]].concat());
    running.until_done(2).await;
    flush_all(redis.url());
    running.until_done(5).await;
    redis.stop();
    let stopped = running.end().await;
    // holdouts and draws hang on the tenant's name: only what does not is compared
    for part in ["sales", "months", "cohorts", "stages", "levels"] {
        assert_eq!(stopped.report[part], calm.report[part], "{part}");
    }
}

fn flush_all(url: &str) {
    let mut connection = redis::Client::open(url).unwrap().get_connection().unwrap();
    redis::cmd("FLUSHALL").exec(&mut connection).unwrap();
}
