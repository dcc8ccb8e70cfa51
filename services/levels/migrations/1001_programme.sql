-- What operators define. Codes are the numbers of the contract's enums (banyan.levels.v1).

-- The tenants that have a programme: what timers go through, so it is open to the system role. Holds nothing else.
create table programme_tenant (
    tenant_id text collate "C" primary key
);
select protect('programme_tenant');
select share('programme_tenant');

create table point_type (
    tenant_id text collate "C" not null,
    point_type_id text collate "C" not null,
    display_name jsonb not null,
    spendable boolean not null,
    expiry_policy smallint not null check (expiry_policy between 1 and 5),
    expiry_count integer not null check (expiry_count >= 0),
    reversal_policy smallint not null check (reversal_policy between 1 and 2),
    zone text not null,
    create_time timestamptz not null,
    constraint point_type_pkey primary key (tenant_id, point_type_id)
);
select protect('point_type');

-- All versions stay: what a past event earned is decided by the version of its time.
create table earning_rule (
    tenant_id text collate "C" not null,
    rule_id text collate "C" not null,
    version integer not null check (version >= 1),
    point_type_id text collate "C" not null,
    event_type text not null,
    condition jsonb not null,
    formula text not null,
    valid_from timestamptz,
    valid_until timestamptz,
    paused boolean not null,
    publish_time timestamptz not null,
    constraint earning_rule_pkey primary key (tenant_id, rule_id, version),
    constraint earning_rule_point_type_fkey foreign key (tenant_id, point_type_id) references point_type
);
select protect('earning_rule');

create table scheme (
    tenant_id text collate "C" not null,
    scheme_id text collate "C" not null,
    version integer not null check (version >= 1),
    display_name jsonb not null,
    point_type_id text collate "C" not null,
    levels jsonb not null,
    validity_months integer not null check (validity_months between 0 and 120),
    period_end smallint check (period_end between 1 and 4),
    publish_time timestamptz not null,
    constraint scheme_pkey primary key (tenant_id, scheme_id, version),
    constraint scheme_point_type_fkey foreign key (tenant_id, point_type_id) references point_type
);
select protect('scheme');
