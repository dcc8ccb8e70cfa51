//! Points, levels and the ledger check.

use proto::levels::v1::{
    CountMembersRequest, GetCirculationRequest, GetPointTypeRequest, LedgerMismatch, LevelCount, VerifyLedgerRequest,
};

use super::Scope;
use crate::demo::calls::told;
use crate::demo::figures::{Ledger, Level, Mismatch, Points};
use crate::demo::preset::{GROWTH, POINTS, SCHEME};

/// Accounts per page of the ledger check.
const PAGE: i32 = 5000;

pub(super) async fn points(scope: &Scope<'_>) -> anyhow::Result<Vec<Points>> {
    let mut all = Vec::new();
    for id in [POINTS, GROWTH] {
        let get = || {
            let mut client = scope.calls.points();
            async move { client.get_point_type(GetPointTypeRequest { point_type_id: id.to_owned() }).await }
        };
        let point_type = told(scope.calls.patiently(get).await, "GetPointType")?.point_type.unwrap_or_default();
        let at = Some(units::time::to_proto(scope.end));
        let request = GetCirculationRequest { point_type_id: id.to_owned(), at, at_least: vec![] };
        let get = || {
            let (mut client, request) = (scope.calls.points(), request.clone());
            async move { client.get_circulation(request).await }
        };
        let totals = told(scope.calls.patiently(get).await, "GetCirculation")?;
        all.push(Points {
            point_type_id: id.to_owned(),
            label: scope.lang.of(point_type.display_name.as_ref()),
            issued: totals.issued,
            redeemed: totals.redeemed,
            expired: totals.expired,
            reversed: totals.reversed,
            adjusted: totals.adjusted,
            in_circulation: totals.in_circulation,
            accounts: totals.accounts,
        });
    }
    Ok(all)
}

pub(super) async fn levels(scope: &Scope<'_>) -> anyhow::Result<Vec<Level>> {
    let count = || {
        let mut client = scope.calls.levels();
        async move { client.count_members(CountMembersRequest { scheme_id: SCHEME.to_owned(), at_least: vec![] }).await }
    };
    let answer = told(scope.calls.patiently(count).await, "CountMembers")?;
    let level = |found: LevelCount| {
        let level = found.level.unwrap_or_default();
        Level {
            rank: level.rank,
            label: scope.lang.of(level.display_name.as_ref()),
            threshold: level.threshold,
            members: found.members,
        }
    };
    Ok(answer.levels.into_iter().map(level).collect())
}

pub(super) async fn ledger(scope: &Scope<'_>) -> anyhow::Result<Ledger> {
    let mut ledger = Ledger::default();
    let mut page_token = String::new();
    loop {
        let request = VerifyLedgerRequest { page_size: PAGE, page_token, at_least: vec![] };
        let verify = || {
            let (mut client, request) = (scope.calls.points(), request.clone());
            async move { client.verify_ledger(request).await }
        };
        let answer = told(scope.calls.patiently(verify).await, "VerifyLedger")?;
        ledger.accounts += answer.accounts;
        ledger.entries += answer.entries;
        ledger.mismatches.extend(answer.mismatches.into_iter().map(mismatch));
        if answer.next_page_token.is_empty() {
            return Ok(ledger);
        }
        page_token = answer.next_page_token;
    }
}

fn mismatch(found: LedgerMismatch) -> Mismatch {
    Mismatch {
        user_id: found.user_id,
        point_type_id: found.point_type_id,
        entries_sum: found.entries_sum,
        lots_sum: found.lots_sum,
        last_balance: found.last_balance,
    }
}
