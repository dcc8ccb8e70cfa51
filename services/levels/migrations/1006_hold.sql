-- Points set aside. What open holds keep stands with them, not among the lots of the account:
-- sum of entries = sum of lot_points + held - debt.

-- `held` is the sum of the lots of the account's open holds. `claimed`: what reversals found missing while it was held, to
-- be taken from what comes free of holds.
alter table account
    add column held bigint not null default 0 check (held >= 0),
    add column claimed bigint not null default 0,
    add constraint account_claimed check (claimed between 0 and held);

-- Kind 6 gives captured points back, kind 7 fills debt with points that came free of a hold.
alter table entry
    add column hold_id text collate "C" not null default '',
    add column reward_id text collate "C" not null default '',
    drop constraint entry_kind_check,
    add constraint entry_kind_check check (kind between 1 and 7);

-- The lots are kept while the hold is open (state 1); once it is captured (2) they are what was used, and what was captured
-- beyond them became debt. `due_back` is what is to be given back of it, also where that is known before it is captured.
create table hold (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    hold_id text collate "C" not null,
    point_type_id text collate "C" not null,
    amount bigint not null check (amount > 0),
    state smallint not null check (state between 1 and 4),
    lot_expires_at timestamptz[] not null,
    lot_origin text[] not null,
    lot_points bigint[] not null,
    captured bigint not null check (captured between 0 and amount),
    given_back bigint not null check (given_back between 0 and captured),
    due_back bigint not null check (due_back >= given_back),
    late boolean not null,
    reason text not null,
    order_id text collate "C" not null,
    opened_at timestamptz not null,
    expires_at timestamptz not null,
    resolved_at timestamptz,
    constraint hold_pkey primary key (tenant_id, user_id, hold_id),
    constraint hold_lots check (
        cardinality(lot_points) = cardinality(lot_expires_at) and cardinality(lot_points) = cardinality(lot_origin)
    ),
    constraint hold_resolved check ((state = 1) = (resolved_at is null))
) with (fillfactor = 70);
-- What an account's writes look for, and what the review looks for.
create index hold_open on hold (tenant_id, user_id, point_type_id) where state = 1;
create index hold_timing_out on hold (tenant_id, expires_at) where state = 1;
create index hold_newest on hold (tenant_id, user_id, opened_at, hold_id);
select protect('hold');
