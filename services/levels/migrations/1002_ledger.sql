-- Points. An account is one row with its lots inside; entries are never changed.

-- The three lot arrays run in parallel, soonest expiry first, never-expiring (null) last. Debt is kept apart, and while
-- there is debt there are no lots. Sum of entries = sum of lot_points - debt, lapsed lots not yet booked included.
-- No foreign key to point_type: point types are never deleted, and every new account would lock the type's row.
create table account (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    point_type_id text collate "C" not null,
    lot_expires_at timestamptz[] not null default '{}',
    lot_origin text[] not null default '{}',
    lot_points bigint[] not null default '{}',
    debt bigint not null default 0 check (debt >= 0),
    growth bigint not null default 0 check (growth >= 0),
    entry_seq bigint not null default 0,
    next_expiry timestamptz,
    last_decided_at timestamptz,
    constraint account_pkey primary key (tenant_id, user_id, point_type_id),
    constraint account_lots check (
        cardinality(lot_points) = cardinality(lot_expires_at) and cardinality(lot_points) = cardinality(lot_origin)
    ),
    constraint account_debt_or_lots check (debt = 0 or cardinality(lot_points) = 0)
) with (fillfactor = 70);
-- The one column here that an index covers changes once per lot, not once per entry: other updates stay in their page.
create index account_next_expiry on account (tenant_id, next_expiry) where next_expiry is not null;
select protect('account');

create table entry (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    point_type_id text collate "C" not null,
    entry_seq bigint not null check (entry_seq >= 1),
    kind smallint not null check (kind between 1 and 5),
    amount bigint not null,
    balance_after bigint not null,
    growth_change bigint not null,
    contra text not null,
    reason text not null,
    rule_id text collate "C" not null,
    order_id text collate "C" not null,
    lot_expires_at timestamptz[] not null,
    lot_origin text[] not null,
    lot_points bigint[] not null,
    shortfall bigint not null check (shortfall >= 0),
    occurred_at timestamptz not null,
    recorded_at timestamptz not null,
    constraint entry_pkey primary key (tenant_id, user_id, point_type_id, entry_seq)
);
-- Lapses by the time at which they happened, for balances as of a past time: kind 3 is EXPIRE.
create index entry_lapse on entry (tenant_id, point_type_id, occurred_at) where kind = 3;
select protect('entry');

create function entry_is_immutable() returns trigger
language plpgsql as $$
begin
    raise exception 'an entry is never changed or deleted' using errcode = 'restrict_violation';
end
$$;
create trigger entry_immutable before update or delete on entry
    for each row execute function entry_is_immutable();
create trigger entry_not_truncated before truncate on entry
    for each statement execute function entry_is_immutable();
do $$ begin
    execute format('revoke update, delete, truncate on entry from %I', app_role('entry'));
end $$;

-- What stands against all entries of a partition's users, so that a tenant's totals are a sum of few rows and writers of
-- different partitions never wait for each other. `amount` is positive; `accounts` counts those that got their first entry.
create table point_total (
    tenant_id text collate "C" not null,
    point_type_id text collate "C" not null,
    partition smallint not null check (partition between 0 and 31),
    contra text not null,
    amount bigint not null default 0,
    accounts bigint not null default 0,
    constraint point_total_pkey primary key (tenant_id, point_type_id, partition, contra)
) with (fillfactor = 50);
select protect('point_total');
