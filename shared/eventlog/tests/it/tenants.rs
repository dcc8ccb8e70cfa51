//! Batches that span tenants, against writers of one of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use eventlog::{ApplyError, Consume, Consumer, Draft, Log};
use ids::TenantId;
use pg::{StoreError, Tx};
use proto::events::v1::Event;
use sqlx::Executor;
use testkit::eventually;

use crate::stage::{Direct, Running, Stage, n_of, settings, twin, visit};

/// Counts events in a row of their tenant and tells the log of each.
#[derive(Clone)]
struct Counter {
    log: Arc<Log>,
    /// Appends by itself, tenant by tenant: what a consumer must not do.
    careless: bool,
    handed: Arc<AtomicUsize>,
}

impl Consume for Counter {
    fn name(&self) -> &'static str {
        "counter"
    }

    fn source(&self) -> &'static str {
        "profiles"
    }

    fn types(&self) -> &'static [&'static str] {
        &["user.visited"]
    }

    async fn apply(&self, tx: &mut Tx, tenant: &TenantId, events: &[Event]) -> Result<Vec<Draft>, ApplyError> {
        self.handed.fetch_add(events.len(), Ordering::SeqCst);
        count(tx, tenant).await?;
        let drafts: Vec<Draft> = events.iter().map(|event| visit(&event.user_id, n_of(event))).collect();
        if self.careless {
            self.log.append(tx, tenant, &drafts).await?;
            return Ok(Vec::new());
        }
        Ok(drafts)
    }
}

async fn count(tx: &mut Tx, tenant: &TenantId) -> Result<(), StoreError> {
    let update = sqlx::query("update counter set n = n + 1 where tenant_id = $1").bind(tenant.as_str());
    update.execute(&mut **tx).await?;
    Ok(())
}

/// A batch of two tenants meets a writer who holds the row of the second and then appends. Answers how many events were
/// handed over, two where nothing had to be tried again, and how the writer's append ended.
async fn meet(careless: bool) -> (usize, Result<(), StoreError>) {
    let stage = Stage::new().await;
    let mut admin = stage.db.admin("levels").await;
    let counters = "create table counter (tenant_id text primary key, n int);
         insert into counter values ('shop', 0), ('other', 0);
         grant all on counter to banyan_levels";
    admin.execute(counters).await.unwrap();
    let (user, other) = (twin("shop", "u", "other"), TenantId::new("other").unwrap());
    stage.visit("shop", &[("u", 1)]).await;
    stage.visit("other", &[(&user, 1)]).await;

    let mut tx = stage.db.db("levels").await.begin(&other).await.unwrap();
    count(&mut tx, &other).await.unwrap();
    let counter = Counter { log: stage.levels.clone(), careless, handed: Arc::default() };
    let (handed, source) = (Arc::clone(&counter.handed), Direct::new(&stage.profiles));
    let running = Running::start(Consumer::with_settings(stage.levels.clone(), counter, source, settings()));
    let waits = "select count(*) > 0 from pg_stat_activity
         where datname = current_database() and usename = 'banyan_levels' and wait_event_type = 'Lock'";
    let mut admin = stage.db.admin("levels").await;
    while !sqlx::query_scalar::<_, bool>(waits).fetch_one(&mut admin).await.unwrap() {
        tokio::task::yield_now().await;
    }
    let appended = stage.levels.append(&mut tx, &other, &[visit(&user, 2)]).await.map(drop);
    match appended {
        Ok(()) => tx.commit().await.unwrap(),
        Err(_) => tx.rollback().await.unwrap(),
    }
    eventually(|| stage.quiet()).await;
    running.end().await;
    let told = stage.count("select count(*) from event").await;
    assert_eq!(told, 2 + i64::from(appended.is_ok()));
    (handed.load(Ordering::SeqCst), appended)
}

#[tokio::test]
async fn a_batch_of_two_tenants_waits_for_a_writer_of_the_second_without_holding_the_log() {
    let (handed, appended) = meet(false).await;
    appended.unwrap();
    assert_eq!(handed, 2);
}

#[tokio::test]
async fn a_consumer_that_appends_by_itself_deadlocks_with_that_writer() {
    let (handed, appended) = meet(true).await;
    assert!(appended.is_err() || handed > 2, "the test above proves nothing");
}
