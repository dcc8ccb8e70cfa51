-- The tenants of the installation. Each is a row of its own tenant; only the list of all goes across.
create table tenant (
    tenant_id text collate "C" primary key,
    display_name text not null,
    zone text not null,
    currency text not null,
    sandbox boolean not null,
    suspended boolean not null,
    version bigint not null,
    create_time timestamptz not null,
    update_time timestamptz not null
);
select protect('tenant');
select share('tenant');

-- Thresholds that differ from the defaults; a tenant without a row has the defaults.
create table lifecycle_model (
    tenant_id text collate "C" primary key,
    loyal_orders integer not null,
    dormant_after_days integer not null,
    lost_after_days integer not null check (lost_after_days > dormant_after_days),
    quintiles boolean not null,
    window_days integer not null,
    recency_days integer[] not null check (cardinality(recency_days) = 4),
    frequency_orders integer[] not null check (cardinality(frequency_orders) = 4),
    monetary_minor bigint[] not null check (cardinality(monetary_minor) = 4),
    version bigint not null
);
select protect('lifecycle_model');
