-- What operators define, and from when on it holds. Codes are the numbers of the contract's enums (banyan.incentives.v1).

-- The newest version of a campaign and its last turn.
create table campaign (
    tenant_id text collate "C" not null,
    campaign_id text collate "C" not null,
    version integer not null check (version >= 1),
    turn integer not null check (turn >= 0),
    constraint campaign_pkey primary key (tenant_id, campaign_id)
);
select protect('campaign');

-- All versions stay: what an event sets off is decided by the version of its time.
create table campaign_version (
    tenant_id text collate "C" not null,
    campaign_id text collate "C" not null,
    version integer not null check (version >= 1),
    definition jsonb not null,
    author text not null,
    save_time timestamptz not null,
    constraint campaign_version_pkey primary key (tenant_id, campaign_id, version),
    constraint campaign_version_campaign_fkey foreign key (tenant_id, campaign_id) references campaign
);
select protect('campaign_version');

-- From `at` until the next turn this version is in force (standing 1), held up (2) or over (3).
create table campaign_turn (
    tenant_id text collate "C" not null,
    campaign_id text collate "C" not null,
    turn integer not null check (turn >= 1),
    version integer not null,
    standing smallint not null check (standing between 1 and 3),
    by_subject text not null,
    at timestamptz not null,
    constraint campaign_turn_pkey primary key (tenant_id, campaign_id, turn),
    constraint campaign_turn_version_fkey foreign key (tenant_id, campaign_id, version) references campaign_version
);
select protect('campaign_turn');

create table campaign_setting (
    tenant_id text collate "C" not null,
    global_holdout_bp integer not null check (global_holdout_bp between 0 and 1500),
    self_approval boolean not null,
    revision bigint not null,
    constraint campaign_setting_pkey primary key (tenant_id)
);
select protect('campaign_setting');

-- Always the sum over the campaign's grants. Whoever changes a grant or a count of the campaign holds this row first, so
-- that what is read after it is what is decided on.
create table campaign_figures (
    tenant_id text collate "C" not null,
    campaign_id text collate "C" not null,
    granted bigint not null default 0,
    standing bigint not null default 0 check (standing >= 0),
    refused bigint not null default 0,
    committed bigint not null default 0,
    released bigint not null default 0 check (released <= committed),
    spent bigint not null default 0 check (spent >= 0),
    coupons bigint not null default 0,
    coupons_used bigint not null default 0 check (coupons_used >= 0),
    constraint campaign_figures_pkey primary key (tenant_id, campaign_id)
) with (fillfactor = 50);
select protect('campaign_figures');

create table campaign_tally (
    tenant_id text collate "C" not null,
    campaign_id text collate "C" not null,
    outcome smallint not null check (outcome between 1 and 12),
    times bigint not null,
    constraint campaign_tally_pkey primary key (tenant_id, campaign_id, outcome)
) with (fillfactor = 50);
select protect('campaign_tally');
