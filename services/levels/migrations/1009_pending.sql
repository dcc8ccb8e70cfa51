-- Points that were earned and cannot be used yet: sum of entries = sum of lot_points + held + sum of pending_points - debt.

-- 1: at once; 2: days after earning; 3: with the completion of the order. Reversal policy 3 takes back what is pending.
alter table point_type
    add column activation_policy smallint not null default 1 check (activation_policy between 1 and 3),
    add column activation_count integer not null default 0 check (activation_count >= 0),
    drop constraint point_type_reversal_policy_check,
    add constraint point_type_reversal_policy_check check (reversal_policy between 1 and 3);

-- In parallel: what waits for a time, soonest first, then what waits for an order (pending_until is null). next_expiry is
-- when a lot lapses or something pending can be used, whichever comes first.
alter table account
    add column pending_until timestamptz[] not null default '{}',
    add column pending_order text[] not null default '{}',
    add column pending_origin text[] not null default '{}',
    add column pending_points bigint[] not null default '{}',
    add constraint account_pending check (
        cardinality(pending_points) = cardinality(pending_until) and cardinality(pending_points) = cardinality(pending_order)
        and cardinality(pending_points) = cardinality(pending_origin)
    );

-- Kind 8: what was pending can be used. `pending` is the change of what is pending.
alter table entry
    add column pending bigint not null default 0,
    add column activates_at timestamptz,
    drop constraint entry_kind_check,
    add constraint entry_kind_check check (kind between 1 and 8);

-- What earned points waited for: a time, their order, or nothing.
alter table earning
    add column activates_at timestamptz,
    add column awaits_order boolean not null default false;
alter table reward
    add column activates_at timestamptz,
    add column awaits_order boolean not null default false;

-- Kept where points can wait for it.
alter table order_reversal add column completed_at timestamptz;
