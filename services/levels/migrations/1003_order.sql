-- What events earned, so that each earns once and an order's refunds take back what the order gave. Written by the
-- consumer alone, whose cursor puts a user's events in order.

create table earning (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    rule_id text collate "C" not null,
    source_event_id text collate "C" not null,
    rule_version integer not null,
    point_type_id text collate "C" not null,
    order_id text collate "C" not null,
    earned bigint not null check (earned > 0),
    taken_back bigint not null check (taken_back between 0 and earned),
    lot_expires_at timestamptz,
    lot_origin text collate "C" not null,
    constraint earning_pkey primary key (tenant_id, user_id, source_event_id, rule_id)
);
-- One rule earns once per order, whichever of its versions and events came first. Empty: not about an order.
create unique index earning_order on earning (tenant_id, user_id, order_id, rule_id) where order_id <> '';
select protect('earning');

-- How much of an order was given back so far. Stands before any earning does: a refund known before its order's
-- completion takes its share when the points are earned.
create table order_reversal (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    order_id text collate "C" not null,
    refunded_minor bigint not null check (refunded_minor >= 0),
    total_minor bigint not null check (total_minor >= 0),
    cancelled boolean not null,
    constraint order_reversal_pkey primary key (tenant_id, user_id, order_id)
);
select protect('order_reversal');
