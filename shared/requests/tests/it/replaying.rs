use futures::future::join_all;

use crate::{PayError, Refusal, balance_of, database, paid, pay, with_balance};

#[tokio::test]
async fn a_replay_gets_the_first_answer_and_has_no_effect() {
    let test = database().await;
    let db = test.db("till").await;
    let shop = with_balance(&db, "shop", 100).await;
    assert_eq!(paid(&db, &shop, &[pay("r1", 30)]).await, [Ok(70)]);
    assert_eq!(paid(&db, &shop, &[pay("r2", 30)]).await, [Ok(40)]);
    assert_eq!(paid(&db, &shop, &[pay("r1", 30)]).await, [Ok(70)]);
    assert_eq!(balance_of(&db, &shop).await, 40);
}

#[tokio::test]
async fn the_same_id_with_another_body_is_refused_without_an_effect() {
    let test = database().await;
    let db = test.db("till").await;
    let shop = with_balance(&db, "shop", 100).await;
    assert_eq!(paid(&db, &shop, &[pay("r1", 30)]).await, [Ok(70)]);
    assert_eq!(paid(&db, &shop, &[pay("r1", 31)]).await, [Err(PayError::Reused)]);
    assert_eq!(balance_of(&db, &shop).await, 70);
}

#[tokio::test]
async fn a_refusal_stays_one_even_when_it_would_succeed_later() {
    let test = database().await;
    let db = test.db("till").await;
    let shop = with_balance(&db, "shop", 10).await;
    let refused = [Err(PayError::Refused(Refusal::Short { available: 10 }))];
    assert_eq!(paid(&db, &shop, &[pay("r1", 30)]).await, refused);
    assert_eq!(paid(&db, &shop, &[pay("top-up", -90)]).await, [Ok(100)]);
    assert_eq!(paid(&db, &shop, &[pay("r1", 30)]).await, refused);
    assert_eq!(balance_of(&db, &shop).await, 100);
}

#[tokio::test]
async fn an_id_is_free_for_another_tenant_user_and_method() {
    let test = database().await;
    let db = test.db("till").await;
    let shop = with_balance(&db, "shop", 100).await;
    let other = with_balance(&db, "other", 1_000).await;
    assert_eq!(paid(&db, &shop, &[pay("r1", 30)]).await, [Ok(70)]);
    assert_eq!(paid(&db, &other, &[pay("r1", 31)]).await, [Ok(969)]);

    let (mut by_user, amount) = pay("r1", 1);
    by_user.user = String::new();
    assert_eq!(paid(&db, &shop, &[(by_user, amount)]).await, [Ok(69)]);
    let (mut by_method, amount) = pay("r1", 1);
    by_method.method = "TillService/PayOut";
    assert_eq!(paid(&db, &shop, &[(by_method, amount)]).await, [Ok(68)]);
}

#[tokio::test]
async fn items_of_a_batch_have_outcomes_of_their_own_in_their_order() {
    let test = database().await;
    let db = test.db("till").await;
    let shop = with_balance(&db, "shop", 100).await;
    paid(&db, &shop, &[pay("old", 10)]).await;
    let batch = [pay("a", 50), pay("old", 10), pay("b", 50), pay("old", 11), pay("c", 40)];
    let short = Err(PayError::Refused(Refusal::Short { available: 40 }));
    let want = [Ok(40), Ok(90), short, Err(PayError::Reused), Ok(0)];
    assert_eq!(paid(&db, &shop, &batch).await, want);
    assert_eq!(paid(&db, &shop, &batch).await, want);
}

#[tokio::test]
async fn an_id_twice_in_one_batch_takes_effect_once() {
    let test = database().await;
    let db = test.db("till").await;
    let shop = with_balance(&db, "shop", 100).await;
    let batch = [pay("a", 30), pay("a", 30), pay("a", 31), pay("b", 1)];
    let want = [Ok(70), Ok(70), Err(PayError::Reused), Ok(69)];
    assert_eq!(paid(&db, &shop, &batch).await, want);
    assert_eq!(paid(&db, &shop, &batch).await, want);
    assert_eq!(balance_of(&db, &shop).await, 69);
}

#[tokio::test]
async fn of_fifty_callers_with_one_id_and_two_bodies_exactly_one_body_takes_effect() {
    let test = database().await;
    let db = test.db("till").await;
    let shop = with_balance(&db, "shop", 100).await;
    let mut bodies_that_won = [0, 0];
    for round in 0..10 {
        let before = balance_of(&db, &shop).await;
        let id = format!("r{round}");
        let callers = (0..50).map(|caller| {
            let (db, shop, id) = (&db, &shop, &id);
            async move { (caller % 2, paid(db, shop, &[pay(id, 1 + caller % 2)]).await.remove(0)) }
        });
        let outcomes = join_all(callers).await;

        let after = balance_of(&db, &shop).await;
        let winner = before - after - 1;
        assert!(winner == 0 || winner == 1, "{before} became {after}");
        for (body, outcome) in outcomes {
            let want = if body == winner { Ok(after) } else { Err(PayError::Reused) };
            assert_eq!(outcome, want, "round {round}");
        }
        bodies_that_won[usize::try_from(winner).unwrap()] += 1;
    }
    assert_eq!(bodies_that_won.iter().sum::<i32>(), 10);
}
