//! What is killed or lost in the middle of a replay changes no figure.

use testkit::OwnRedis;

use crate::run::{Site, figures};

const YEAR: [&str; 4] = ["--users", "150", "--until", "2026-10-31"];

#[tokio::test]
async fn a_suite_killed_in_the_middle_loses_and_doubles_nothing() {
    let site = Site::new("kill", &testkit::redis_url()).await;
    let calm = site.run(&[&YEAR[..], &["--tenant", "calm"]].concat()).await;
    let mut running = site.start(&[&YEAR[..], &["--tenant", "killed"]].concat());
    for tenths in [2, 6] {
        running.until_sent(tenths).await;
        running.kill_suite();
    }
    let killed = running.report().await;
    assert!(killed["replay"]["reconnects"].as_u64().unwrap() > 0, "nothing was killed while it was at work");
    assert_eq!(figures(killed), figures(calm));
}

#[tokio::test]
async fn a_redis_that_is_flushed_and_stopped_in_the_middle_changes_nothing() {
    let redis = OwnRedis::start();
    let site = Site::new("redis", redis.url()).await;
    let calm = site.run(&[&YEAR[..], &["--tenant", "calm"]].concat()).await;
    let mut running = site.start(&[&YEAR[..], &["--tenant", "stopped"]].concat());
    running.until_sent(2).await;
    flush_all(redis.url());
    running.until_sent(4).await;
    redis.stop();
    let stopped = running.report().await;
    assert_eq!(figures(stopped), figures(calm));
}

fn flush_all(url: &str) {
    let mut connection = redis::Client::open(url).unwrap().get_connection().unwrap();
    redis::cmd("FLUSHALL").exec(&mut connection).unwrap();
}
