-- Users and their aliases in one table, so that its primary key keeps an id from being both. A row with `alias_of` only
-- says whom the id means; its other columns are unused. Every event of a user updates the row (the running summary of
-- orders and visits), so pages keep room for that and no index covers what changes.
create table profile (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    alias_of text collate "C",
    locale text not null default '',
    zone text not null default '',
    channel text not null default '',
    registered_at timestamptz,
    attributes jsonb not null default '{}',
    orders bigint not null default 0 check (orders >= 0),
    net_spend_minor bigint not null default 0 check (net_spend_minor >= 0),
    first_order_at timestamptz,
    last_order_at timestamptz,
    last_visit_at timestamptz,
    version bigint not null default 1,
    create_time timestamptz not null,
    update_time timestamptz not null,
    primary key (tenant_id, user_id),
    check (alias_of <> user_id)
) with (fillfactor = 80);
create index profile_alias on profile (tenant_id, alias_of, user_id) where alias_of is not null;
select protect('profile');

-- How often a user came on a day of the tenant's zone.
create table visit_day (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    day date not null,
    visits bigint not null check (visits > 0),
    seconds bigint not null check (seconds >= 0),
    primary key (tenant_id, user_id, day)
);
select protect('visit_day');
