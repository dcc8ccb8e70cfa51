//! Two tenants with the same user, order and rule ids: nothing of one is visible to the other, by any RPC.

use end_to_end::{contract, harness::Suite, samples::Names};

#[tokio::test]
async fn no_answer_to_one_tenant_holds_anything_of_another() {
    let suite = Suite::start().await;
    let mine = Names { tenant: "mine", user: "u1", ids: "a", canary: "canary-of-mine" };
    let theirs = Names { tenant: "theirs", user: "u1", ids: "b", canary: "canary-of-theirs" };
    suite.fill(&mine).await;
    suite.fill(&theirs).await;
    suite.quiet().await;

    let mut answers = 0;
    for method in contract::methods() {
        let path = contract::path(&method);
        if contract::access(&method).cross_tenant {
            continue;
        }
        // Once with one's own ids, once with those of the other tenant.
        for ids in [mine.ids, theirs.ids] {
            let request = suite.sample(&method, &Names { ids, ..mine });
            let answer = match suite.json(&method, "mine", &request).await {
                Ok(answer) => answer.to_string(),
                Err(status) => format!("{status:?}"),
            };
            assert!(!answer.contains(theirs.canary), "{path} told of another tenant: {answer}");
            answers += 1;
        }
    }
    assert!(answers > 50, "only {answers} answers were looked at");
}
