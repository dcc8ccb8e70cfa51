//! A consumer killed after each statement of a batch's transaction, one after the other.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use eventlog::{ApplyError, Consume, Consumer, ConsumerSettings, Draft, Log, LogSettings};
use ids::TenantId;
use pg::{Db, Tx};
use proto::events::v1::Event;
use sqlx::{Executor, Row};
use testkit::{eventually, eventually_within};

use crate::checker::{Faults, check};
use crate::stage::{Book, Direct, Running, Stage, n_of, settings, twin, visit};
use crate::wire::Wire;

/// Writes down what it is given, and tells its own log of each.
#[derive(Clone, Default)]
struct Teller {
    book: Book,
    /// Writes it down in a transaction of its own: what a consumer must not do.
    aside: Option<Db>,
}

impl From<Book> for Teller {
    fn from(book: Book) -> Self {
        Self { book, aside: None }
    }
}

impl Consume for Teller {
    fn name(&self) -> &'static str {
        self.book.name()
    }

    fn source(&self) -> &'static str {
        self.book.source()
    }

    fn types(&self) -> &'static [&'static str] {
        self.book.types()
    }

    async fn apply(&self, tx: &mut Tx, tenant: &TenantId, events: &[Event]) -> Result<Vec<Draft>, ApplyError> {
        match &self.aside {
            None => drop(self.book.apply(tx, tenant, events).await?),
            Some(db) => {
                let mut aside = db.begin(tenant).await?;
                self.book.apply(&mut aside, tenant, events).await?;
                aside.commit().await?;
            }
        }
        Ok(events.iter().map(|event| visit(&event.user_id, n_of(event))).collect())
    }
}

/// Users of two tenants on one partition: a batch has them all.
struct Crowd {
    stage: Stage,
    twin: String,
    committed: BTreeSet<(String, i32)>,
}

impl Crowd {
    async fn new() -> Self {
        Self { stage: Stage::new().await, twin: twin("shop", "u", "other"), committed: BTreeSet::new() }
    }

    async fn come(&mut self, n: i32) {
        self.stage.visit("shop", &[("u", n)]).await;
        self.stage.visit("other", &[(&self.twin, n)]).await;
        self.committed.extend([("u".to_owned(), n), (self.twin.clone(), n)]);
    }

    fn start(&self, log: &Arc<Log>, teller: Teller) -> Running {
        // a lease of a consumer that was killed runs out soon
        let settings = ConsumerSettings { lease_ms: 200, ..settings() };
        Running::start(Consumer::with_settings(log.clone(), teller, Direct::new(&self.stage.profiles), settings))
    }

    /// A consumer whose connections break; whether one did before everything was applied.
    async fn killed_after(&self, statements: usize, teller: Teller) -> bool {
        let mut pool = self.stage.db.settings("levels");
        let wire = Wire::to(&pool.url, statements).await;
        pool.url = wire.url(&pool.url);
        let log = Log::new(Db::connect(&pool, "levels").await.unwrap(), None, LogSettings::default());
        let running = self.start(&log, teller);
        eventually(|| async { wire.broken() || self.stage.quiet().await }).await;
        running.kill().await;
        wire.broken()
    }

    /// Every event's effect, and what the log was told of it: (user, n).
    async fn effects(&self) -> [Vec<(String, i32)>; 2] {
        let applied = self.stage.applied().await.into_iter().map(|(_, user, _, n)| (user, n)).collect();
        let mut admin = self.stage.db.admin("levels").await;
        let rows = admin.fetch_all("select user_id, event_id from event order by partition, seq").await.unwrap();
        let told = rows.iter().map(|row| {
            let (user, id): (String, String) = (row.get(0), row.get(1));
            let n = id.rsplit_once('-').unwrap().1.parse().unwrap();
            (user, n)
        });
        [applied, told.collect()]
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_killed_after_any_statement_of_a_batch_applies_it_once() {
    let mut crowd = Crowd::new().await;
    let mut statements = 0;
    loop {
        statements += 1;
        crowd.come(statements).await;
        if !crowd.killed_after(statements as usize, Teller::default()).await {
            break; // the transaction has fewer
        }
        let running = crowd.start(&crowd.stage.levels, Teller::default());
        eventually_within(Duration::from_secs(60), || crowd.stage.quiet()).await;
        running.end().await;
        for effects in crowd.effects().await {
            assert_eq!(check(&crowd.committed, &effects), Faults::NONE, "killed after statement {statements}");
        }
    }
    // begin, cursor, those set aside; for two tenants: enter, apply; take the log; for two tenants: enter, append; commit
    assert!(statements > 3 + 2 * 2 + 1 + 2 * 2 + 1, "only {statements} statements were reached");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_killed_after_any_statement_of_setting_an_event_aside_does_it_once() {
    let mut crowd = Crowd::new().await;
    let mut statements = 0;
    loop {
        statements += 1;
        crowd.come(statements).await;
        // one tenant's event is at fault each time, so it and all later ones of its user are set aside
        let faulty = Teller::from(Book { fails_of: Some(crowd.twin.clone()), ..Book::default() });
        if !crowd.killed_after(statements as usize, faulty.clone()).await {
            break;
        }
        let running = crowd.start(&crowd.stage.levels, faulty);
        eventually_within(Duration::from_secs(60), || crowd.stage.quiet()).await;
        running.end().await;
        let committed = crowd.committed.iter().filter(|(user, _)| user == "u").cloned().collect();
        for effects in crowd.effects().await {
            assert_eq!(check(&committed, &effects), Faults::NONE, "killed after statement {statements}");
        }
        assert_eq!(crowd.stage.count("select count(*) from dead_letter").await, i64::from(statements));
    }
    assert!(statements > 10, "only {statements} statements");
}

/// The tests above can fail: effects that are not of the transaction that moves the cursor are doubled.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_that_writes_in_a_transaction_of_its_own_doubles_what_it_was_killed_over() {
    let mut crowd = Crowd::new().await;
    let hasty = Teller { aside: Some(crowd.stage.db.db("levels").await), ..Teller::default() };
    for n in 1.. {
        crowd.come(n).await;
        assert!(crowd.killed_after(n as usize, hasty.clone()).await, "the tests above prove nothing");
        let running = crowd.start(&crowd.stage.levels, hasty.clone());
        eventually_within(Duration::from_secs(60), || crowd.stage.quiet()).await;
        running.end().await;
        if check(&crowd.committed, &crowd.effects().await[0]).doubled > 0 {
            break;
        }
    }
}
