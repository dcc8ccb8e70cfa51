-- Point types that change, with more ways to lapse, overdraft, adjustments by hand and transfers; entries that are taken back.

-- Expiry 6: end of the quarter; 7: end of the half-year; 8: days without activity. Rounding 1 to 4: month, quarter, half-year,
-- year. Limits of 0: nothing (an overdraft, a transfer), or not without approval (an adjustment).
alter table point_type
    add column expiry_rounding smallint not null default 0 check (expiry_rounding between 0 and 4),
    add column overdraft bigint not null default 0 check (overdraft >= 0),
    add column adjustment_limit bigint not null default 0 check (adjustment_limit >= 0),
    add column transfer_max bigint not null default 0 check (transfer_max >= 0),
    add column transfer_per_day bigint not null default 0 check (transfer_per_day >= transfer_max),
    add column version integer not null default 1 check (version >= 1),
    add column update_time timestamptz,
    drop constraint point_type_expiry_policy_check,
    add constraint point_type_expiry_policy_check check (expiry_policy between 1 and 8);

-- Kind 9: by hand; 10: to another user; 11: from another user.
alter table entry
    add column reverses_seq bigint not null default 0,
    add column adjustment_id text collate "C" not null default '',
    add column counterpart text collate "C" not null default '',
    drop constraint entry_kind_check,
    add constraint entry_kind_check check (kind between 1 and 11);
-- What a user moved to others in a day.
create index entry_sent on entry (tenant_id, user_id, point_type_id, recorded_at) where kind = 10;

-- How much of an entry by call was taken back. Guarded by the lock on its account.
create table entry_reversal (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    point_type_id text collate "C" not null,
    entry_seq bigint not null,
    reversed bigint not null check (reversed > 0),
    constraint entry_reversal_pkey primary key (tenant_id, user_id, point_type_id, entry_seq)
);
select protect('entry_reversal');

-- Corrections by hand. State 1: proposed; 2: applied; 3: rejected.
create table adjustment (
    tenant_id text collate "C" not null,
    adjustment_id text collate "C" not null,
    user_id text collate "C" not null,
    point_type_id text collate "C" not null,
    amount bigint not null check (amount <> 0),
    reason text not null,
    state smallint not null check (state between 1 and 3),
    requested_by text not null,
    decided_by text not null,
    note text not null,
    entry_seq bigint not null,
    created_at timestamptz not null,
    decided_at timestamptz,
    constraint adjustment_pkey primary key (tenant_id, adjustment_id),
    constraint adjustment_decided check ((state = 1) = (decided_at is null)),
    constraint adjustment_applied check ((state = 2) = (entry_seq > 0))
);
-- Newest first, of all states or of one.
create index adjustment_newest on adjustment (tenant_id, created_at, adjustment_id);
create index adjustment_state on adjustment (tenant_id, state, created_at, adjustment_id);
select protect('adjustment');
