-- How users' growth is spread, counted by the review from time to time.

-- The least growth of the best share of users: place n, from 1, is the growth that at least n thousandths of the users of the
-- type do not exceed.
create table growth_quantile (
    tenant_id text collate "C" not null,
    point_type_id text collate "C" not null,
    growth bigint[] not null check (cardinality(growth) = 999),
    constraint growth_quantile_pkey primary key (tenant_id, point_type_id)
);
select protect('growth_quantile');

-- When that was, and how many users have an account of any type.
create table growth_count (
    tenant_id text collate "C" not null,
    users bigint not null,
    counted_at timestamptz not null,
    constraint growth_count_pkey primary key (tenant_id)
);
select protect('growth_count');
