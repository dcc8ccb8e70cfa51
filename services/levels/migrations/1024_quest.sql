-- Quests, and how far users have come with them. Codes are the numbers of the contract's enums.

-- All versions stay; the newest counts. No scheme: all users have it.
create table quest (
    tenant_id text collate "C" not null,
    quest_id text collate "C" not null,
    version integer not null check (version >= 1),
    display_name jsonb not null,
    description jsonb,
    steps jsonb not null,
    in_order boolean not null,
    period smallint not null check (period between 1 and 5),
    period_days integer not null check (period_days between 0 and 366),
    zone text not null,
    recurrence smallint not null check (recurrence between 1 and 3),
    rounds_max integer not null check (rounds_max between 1 and 100),
    start_rule smallint not null check (start_rule between 1 and 3),
    valid_from timestamptz,
    valid_until timestamptz,
    scheme_id text collate "C",
    first_rank smallint not null check (first_rank between 0 and 99),
    last_rank smallint check (last_rank between 0 and 99),
    bonus jsonb not null,
    reversal smallint not null check (reversal between 1 and 2),
    cost_centre text not null,
    funder integer not null,
    paused boolean not null,
    create_time timestamptz not null,
    publish_time timestamptz not null,
    constraint quest_pkey primary key (tenant_id, quest_id, version),
    constraint quest_days check ((period = 5) = (period_days > 0)),
    constraint quest_rounds check (recurrence = 3 or rounds_max = 1)
);
select protect('quest');
select catalogue('quest');

-- A period of a quest for a user: what each step has counted, refunds taken off, and how often that completed it. Guarded by
-- an advisory lock on the user, as all of the following.
create table quest_round (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    quest_id text collate "C" not null,
    starts_at timestamptz not null,
    ends_at timestamptz,
    counted bigint[] not null check (cardinality(counted) between 1 and 10),
    completions integer not null check (completions between 0 and 100),
    completed_at timestamptz,
    constraint quest_round_pkey primary key (tenant_id, user_id, quest_id, starts_at)
) with (fillfactor = 70);
-- What a user completed in a time.
create index quest_round_completed on quest_round (tenant_id, user_id, completed_at) where completions > 0;
select protect('quest_round');

-- What steps counted for events, each once, and orders once: `source` is `order/` or `event/` and an id. `lowered` is what
-- refunds took off.
create table quest_count (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    source text collate "C" not null,
    quest_id text collate "C" not null,
    step smallint not null check (step between 0 and 9),
    starts_at timestamptz not null,
    amount bigint not null check (amount > 0),
    lowered bigint not null check (lowered between 0 and amount),
    constraint quest_count_pkey primary key (tenant_id, user_id, source, quest_id, step)
) with (fillfactor = 80);
select protect('quest_count');

-- How much of an order was given back so far, as the consumer of quests knows it: a refund known before its order lowers what
-- the order counts.
create table quest_order (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    order_id text collate "C" not null,
    refunded_minor bigint not null check (refunded_minor >= 0),
    total_minor bigint not null check (total_minor >= 0),
    cancelled boolean not null,
    constraint quest_order_pkey primary key (tenant_id, user_id, order_id)
);
select protect('quest_order');

-- Points that completions gave, where they went, and whether they were taken back. No entry: the account had no room.
create table quest_bonus (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    quest_id text collate "C" not null,
    starts_at timestamptz not null,
    round integer not null check (round between 1 and 100),
    point_type_id text collate "C" not null,
    points bigint not null check (points > 0),
    given boolean not null,
    entry_seq bigint,
    lot_expires_at timestamptz,
    lot_origin text collate "C",
    activates_at timestamptz,
    cost_centre text not null,
    funder integer not null,
    constraint quest_bonus_pkey primary key (tenant_id, user_id, quest_id, starts_at, round, point_type_id),
    constraint quest_bonus_given check (not given or entry_seq is not null and lot_origin is not null)
) with (fillfactor = 80);
select protect('quest_bonus');
