-- Amounts are minor units of the tenant's currency. `state`: 1 created, 2 paid, 3 completed, 4 cancelled.
create table customer_order (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    order_id text collate "C" not null,
    parent_order_id text not null,
    state smallint not null check (state between 1 and 4),
    total_minor bigint not null check (total_minor >= 0),
    freight_minor bigint check (freight_minor >= 0),
    deposit_minor bigint check (deposit_minor >= 0),
    balance_minor bigint check (balance_minor >= 0),
    refunded_minor bigint not null check (refunded_minor between 0 and total_minor),
    line_count integer not null,
    pieces bigint not null,
    first_order boolean not null,
    created_at timestamptz not null,
    paid_at timestamptz check (paid_at is not null or state in (1, 4)),
    completed_at timestamptz check (completed_at is null = (state <> 3)),
    cancelled_at timestamptz check (cancelled_at is null = (state <> 4)),
    site text not null,
    primary key (tenant_id, user_id, order_id)
);
-- a user's orders, newest first
create index customer_order_list on customer_order (tenant_id, user_id, created_at, order_id);
-- reports over a span of time
create index customer_order_paid on customer_order (tenant_id, paid_at) where paid_at is not null;
select protect('customer_order');

-- Written once, with its order.
create table order_line (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    order_id text collate "C" not null,
    line_no integer not null,
    line_id text not null,
    sku text not null,
    category text not null,
    quantity bigint not null check (quantity > 0),
    list_price_minor bigint check (list_price_minor >= 0),
    paid_minor bigint not null check (paid_minor >= 0),
    discounts jsonb not null,
    primary key (tenant_id, user_id, order_id, line_no)
);
select protect('order_line');

-- A refund may stand here before its order, then parked (`applied` false). What its report said of itself is kept for
-- the day when it is applied and the log tells of it.
create table order_refund (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    order_id text collate "C" not null,
    refund_id text collate "C" not null,
    arrival integer not null,
    amount_minor bigint not null check (amount_minor > 0),
    freight_minor bigint check (freight_minor >= 0),
    lines jsonb not null,
    applied boolean not null,
    event_id text not null,
    occurred_at timestamptz not null,
    mode smallint not null,
    site text not null,
    primary key (tenant_id, user_id, order_id, refund_id)
);
select protect('order_refund');
