-- What levels entitle to, and what of it users have used. Codes are the numbers of the contract's enums.

-- All versions stay; the newest counts. No scheme: everybody holds it. `ranges` holds first and last rank and the quota.
create table benefit (
    tenant_id text collate "C" not null,
    benefit_id text collate "C" not null,
    version integer not null check (version >= 1),
    display_name jsonb not null,
    description jsonb,
    kind smallint not null check (kind between 1 and 3),
    scheme_id text collate "C",
    ranges jsonb not null,
    period smallint check (period between 1 and 6),
    zone text,
    valid_from timestamptz,
    valid_until timestamptz,
    paused boolean not null,
    cost_minor bigint not null check (cost_minor >= 0),
    publish_time timestamptz not null,
    constraint benefit_pkey primary key (tenant_id, benefit_id, version),
    constraint benefit_period check ((kind = 1) = (period is not null))
);
select protect('benefit');
select catalogue('benefit');

-- What a user has used of a benefit in the period that was the current one at the last use: the sum of `count - given_back`
-- of the uses since it began. Guarded, as the uses are, by an advisory lock on user and benefit.
create table benefit_count (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    benefit_id text collate "C" not null,
    period_start timestamptz not null,
    used bigint not null check (used >= 0),
    last_decided_at timestamptz not null,
    constraint benefit_count_pkey primary key (tenant_id, user_id, benefit_id)
) with (fillfactor = 70);
select protect('benefit_count');

create table benefit_use (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    use_id text collate "C" not null,
    benefit_id text collate "C" not null,
    benefit_version integer not null,
    rank smallint check (rank between 0 and 99),
    count integer not null check (count > 0),
    given_back integer not null check (given_back between 0 and count),
    cost_minor bigint not null,
    order_id text collate "C" not null,
    reason text not null,
    used_at timestamptz not null,
    constraint benefit_use_pkey primary key (tenant_id, user_id, use_id)
) with (fillfactor = 70);
create index benefit_use_newest on benefit_use (tenant_id, user_id, used_at, use_id);
-- What was used since a period began, where the count is of another one.
create index benefit_use_of_benefit on benefit_use (tenant_id, user_id, benefit_id, used_at);
select protect('benefit_use');
