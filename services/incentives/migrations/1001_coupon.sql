-- What operators define, and the coupons that users hold. Codes are the numbers of the contract's enums
-- (banyan.incentives.v1).

-- The tenants that have coupons or checkouts: what timers go through, so it is open to the system role. Holds nothing else.
create table coupon_tenant (
    tenant_id text collate "C" primary key
);
select protect('coupon_tenant');
select share('coupon_tenant');

-- All versions stay: a held coupon keeps the one under which it was issued.
create table coupon_template (
    tenant_id text collate "C" not null,
    template_id text collate "C" not null,
    version integer not null check (version >= 1),
    definition jsonb not null,
    constraint coupon_template_pkey primary key (tenant_id, template_id, version)
);
select protect('coupon_template');

-- The newest version of each template, and coupons ever issued over all versions: the row that issuing is serialised on.
-- Version 0: about to be published for the first time.
create table coupon_stock (
    tenant_id text collate "C" not null,
    template_id text collate "C" not null,
    version integer not null check (version >= 0),
    distribution smallint not null check (distribution between 1 and 3),
    issued bigint not null default 0 check (issued >= 0),
    constraint coupon_stock_pkey primary key (tenant_id, template_id)
) with (fillfactor = 50);
create index coupon_stock_distribution on coupon_stock (tenant_id, distribution, template_id);
select protect('coupon_stock');

-- Coupons of a template that a user ever got. Written under the template's row of coupon_stock.
create table coupon_count (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    template_id text collate "C" not null,
    claimed integer not null check (claimed >= 0),
    constraint coupon_count_pkey primary key (tenant_id, user_id, template_id)
) with (fillfactor = 80);
select protect('coupon_count');

-- No foreign key to the template: versions are never deleted, and every coupon would lock the version's row.
create table held_coupon (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    coupon_id text collate "C" not null,
    template_id text collate "C" not null,
    template_version integer not null,
    state smallint not null check (state between 1 and 5),
    claimed_at timestamptz not null,
    valid_from timestamptz not null,
    valid_until timestamptz not null,
    campaign_id text collate "C" not null,
    source_event_id text collate "C" not null,
    checkout_id text collate "C" not null,
    reserved_until timestamptz,
    order_id text collate "C" not null,
    revoked boolean not null,
    constraint held_coupon_pkey primary key (tenant_id, user_id, coupon_id),
    constraint held_coupon_reserved check ((state = 2) = (reserved_until is not null))
) with (fillfactor = 80);
-- One coupon per campaign, user and event.
create unique index held_coupon_source on held_coupon (tenant_id, user_id, campaign_id, source_event_id)
    where campaign_id <> '';
create index held_coupon_validity on held_coupon (tenant_id, user_id, valid_until, coupon_id);
-- What timers look for: coupons that nobody used in time.
create index held_coupon_due on held_coupon (tenant_id, valid_until) where state = 1;
select protect('held_coupon');
