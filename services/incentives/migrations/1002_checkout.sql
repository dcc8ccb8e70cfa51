-- Purchases, from their reservation on. What was bought and what it costs never changes once it is reserved.
create table checkout (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    checkout_id text collate "C" not null,
    state smallint not null check (state between 1 and 4),
    order_id text collate "C" not null,
    basket jsonb not null,
    quote jsonb not null,
    point_type_id text collate "C" not null,
    hold_id text collate "C" not null,
    create_time timestamptz not null,
    expire_time timestamptz not null,
    constraint checkout_pkey primary key (tenant_id, user_id, checkout_id)
) with (fillfactor = 80);
-- What timers look for: checkouts that were not confirmed in time.
create index checkout_due on checkout (tenant_id, expire_time) where state = 1;
select protect('checkout');

-- What is known to have come back of an order, and the checkout that was confirmed for it; empty: none yet. A refund that
-- is known before the confirmation stands here until then. Whoever confirms or returns holds this row first, so neither
-- misses the other.
create table checkout_order (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    order_id text collate "C" not null,
    checkout_id text collate "C" not null,
    returns jsonb not null,
    constraint checkout_order_pkey primary key (tenant_id, user_id, order_id)
) with (fillfactor = 80);
select protect('checkout_order');
