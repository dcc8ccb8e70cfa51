-- What campaigns gave to users. Rows of a campaign are written by whoever holds its row of campaign_figures.

create table campaign_grant (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    campaign_id text collate "C" not null,
    source_event_id text collate "C" not null,
    version integer not null,
    order_id text collate "C" not null,
    coupon boolean not null,
    gift text collate "C" not null,
    gift_id text collate "C" not null,
    amount bigint not null check (amount > 0),
    reserved bigint not null check (reserved >= cost),
    cost bigint not null check (cost >= 0),
    taken_back bigint not null check (taken_back between 0 and amount),
    fate smallint not null check (fate between 1 and 4),
    buckets text[] not null,
    returns smallint not null check (returns between 1 and 4),
    occurred_at timestamptz not null,
    granted_at timestamptz not null,
    constraint campaign_grant_pkey primary key (tenant_id, user_id, campaign_id, source_event_id)
) with (fillfactor = 80);
create index campaign_grant_order on campaign_grant (tenant_id, user_id, order_id) where order_id <> '';
create unique index campaign_grant_gift on campaign_grant (tenant_id, gift_id);
select protect('campaign_grant');

-- Standing grants of a user by the calendar bucket of a limit.
create table campaign_use (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    campaign_id text collate "C" not null,
    bucket text collate "C" not null,
    used bigint not null check (used >= 0),
    constraint campaign_use_pkey primary key (tenant_id, user_id, campaign_id, bucket)
) with (fillfactor = 70);
select protect('campaign_use');

-- How a campaign met a user first, and what the user bought since: what treated and held-out users are compared by.
create table campaign_exposure (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    campaign_id text collate "C" not null,
    arm smallint not null check (arm between 1 and 2),
    exposed_at timestamptz not null,
    orders bigint not null,
    spend_minor bigint not null,
    constraint campaign_exposure_pkey primary key (tenant_id, user_id, campaign_id)
) with (fillfactor = 80);
create index campaign_exposure_arm on campaign_exposure (tenant_id, campaign_id, arm);
select protect('campaign_exposure');

-- How much of an order was given back so far. Stands before any grant does: a refund known before the event that sets a
-- campaign off takes its share when the reward is granted.
create table order_return (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    order_id text collate "C" not null,
    refunded_minor bigint not null check (refunded_minor >= 0),
    total_minor bigint not null check (total_minor >= 0),
    cancelled boolean not null,
    constraint order_return_pkey primary key (tenant_id, user_id, order_id)
);
select protect('order_return');

create table decision (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    campaign_id text collate "C" not null,
    source_event_id text collate "C" not null,
    version integer not null,
    event_type text not null,
    outcome smallint not null check (outcome between 1 and 12),
    amount bigint not null,
    used bigint not null,
    allowed bigint not null,
    period smallint check (period between 1 and 4),
    resumes_at timestamptz,
    other text not null,
    coupon boolean not null,
    zone text not null,
    occurred_at timestamptz not null,
    decided_at timestamptz not null,
    constraint decision_pkey primary key (tenant_id, user_id, campaign_id, source_event_id)
);
create index decision_newest on decision (tenant_id, user_id, decided_at, campaign_id, source_event_id);
create index decision_decided on decision (tenant_id, decided_at);
select protect('decision');

-- What campaigns saw of an event of which a decision is stored, so that the others' conditions can be worked out again.
create table decision_input (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    source_event_id text collate "C" not null,
    event_type text not null,
    inputs jsonb not null,
    occurred_at timestamptz not null,
    recorded_at timestamptz not null,
    constraint decision_input_pkey primary key (tenant_id, user_id, source_event_id)
);
create index decision_input_recorded on decision_input (tenant_id, recorded_at);
select protect('decision_input');
