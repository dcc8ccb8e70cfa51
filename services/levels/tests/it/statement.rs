//! The statement: which entries it shows, and what it says of them.

use levels::domain::entry::{EntryKind, Filter};
use proto::levels::v1 as pb;
use time::Duration;

use crate::api;
use crate::as_of::{START, shop};
use crate::consumer::server;
use crate::stage::{Stage, key, point_type, user};

impl Stage {
    async fn seqs(&self, filter: &Filter) -> Vec<i64> {
        let (account, mut before, mut seqs) = ((&user("u"), &key("points")), None, Vec::new());
        loop {
            let (page, _) = self.levels.list_entries(&self.tenant, account, filter, before, 2, &[]).await.unwrap();
            seqs.extend(page.rows.iter().map(|entry| entry.seq));
            before = page.next;
            if before.is_none() {
                return seqs;
            }
        }
    }
}

#[tokio::test]
async fn a_statement_shows_the_kinds_and_the_time_that_are_asked_for_on_all_its_pages() {
    let stage = shop(point_type("points")).await;
    let hours = |hours| START + Duration::hours(hours);
    for n in 1..=9 {
        stage.at(hours(n)).await;
        if n % 3 == 0 {
            stage.spend("u", 1, &n.to_string()).await.unwrap();
        } else {
            stage.earn("u", 5, &n.to_string()).await.unwrap();
        }
    }
    let spent = || Filter { kinds: vec![EntryKind::Spend], ..Filter::default() };
    let between = |from, until| Filter { from: Some(hours(from)), until: Some(hours(until)), ..Filter::default() };
    let table = [
        ("all", Filter::default(), vec![9, 8, 7, 6, 5, 4, 3, 2, 1]),
        ("one kind", spent(), vec![9, 6, 3]),
        ("two kinds", Filter { kinds: vec![EntryKind::Spend, EntryKind::Expire], ..Filter::default() }, vec![9, 6, 3]),
        ("from a time on, that time too", Filter { from: Some(hours(7)), ..Filter::default() }, vec![9, 8, 7]),
        ("before a time", Filter { until: Some(hours(3)), ..Filter::default() }, vec![2, 1]),
        ("between two", between(4, 7), vec![6, 5, 4]),
        ("of one kind between two", Filter { kinds: spent().kinds, ..between(4, 9) }, vec![6]),
        ("before all", between(-5, 1), vec![]),
        ("after all", between(10, 20), vec![]),
        ("the wrong way round", between(7, 4), vec![]),
    ];
    for (name, filter, want) in table {
        assert_eq!(stage.seqs(&filter).await, want, "{name}");
    }
}

#[tokio::test]
async fn an_entry_is_told_in_both_languages_with_who_pays_and_only_in_the_statement() {
    let server = server().await;
    server.points().create_point_type(api::point_type("points", true)).await.unwrap();
    let request = pb::EarnRequest {
        request_id: "1".into(),
        user_id: "u".into(),
        point_type_id: "points".into(),
        amount: 5,
        reason: "客诉补偿".into(),
        cost_centre: "care".into(),
        funder: 2,
        ..Default::default()
    };
    let earned = server.points().earn(request).await.unwrap().into_inner().entry.unwrap();
    assert_eq!((earned.cost_centre.as_str(), earned.funder, &earned.sentence), ("care", 2, &None));
    let list = pb::ListEntriesRequest { user_id: "u".into(), point_type_id: "points".into(), ..Default::default() };
    let entries = server.points().list_entries(list.clone()).await.unwrap().into_inner().entries;
    let texts = &entries[0].sentence.as_ref().unwrap().texts;
    assert_eq!((texts["zh"].as_str(), texts["en"].as_str()), ("获得 5：客诉补偿", "Earned 5: 客诉补偿"));
    let nothing = pb::ListEntriesRequest { kinds: vec![2], ..list };
    assert!(server.points().list_entries(nothing).await.unwrap().into_inner().entries.is_empty());
}
