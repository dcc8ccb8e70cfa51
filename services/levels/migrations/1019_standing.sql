-- Several schemes with measures and policies of their own, and members whose level is earned, granted or locked.
alter table scheme
    add column measures jsonb,
    add column any_measure boolean not null default false,
    add column validity_rounding smallint check (validity_rounding between 1 and 4),
    add column policy jsonb;

-- What is null is as before this: the rank is earned, and reviewed when the validity ends. `due_at` is when something of the
-- member falls due by itself; `rest` holds what few have: counts of the period, grants, a lock, a fall that is put off.
alter table member
    add column earned_rank smallint check (earned_rank between 0 and 99),
    add column earned_since timestamptz,
    add column supported_rank smallint check (supported_rank between 0 and 99),
    add column period_start timestamptz,
    add column review_at timestamptz,
    add column due_at timestamptz,
    add column rest jsonb;

alter table member no force row level security;
alter table level_move no force row level security;
update member m set
    due_at = m.valid_until,
    review_at = m.valid_until,
    period_start = (
        select max(l.moved_at) from level_move l
        where l.tenant_id = m.tenant_id and l.scheme_id = m.scheme_id and l.user_id = m.user_id and l.cause = 3
    );
alter table member force row level security;
alter table level_move force row level security;
drop index member_valid_until;
create index member_due on member (tenant_id, due_at) where due_at is not null;

alter table level_move
    drop constraint level_move_cause_check,
    add constraint level_move_cause_check check (cause between 1 and 10),
    add column earned_rank smallint,
    add column further_counts bigint[],
    add column grant_id text collate "C",
    add column review_at timestamptz;

-- What was granted and locked, by whom and why. `act_seq` counts the acts on a member from 1; never changed.
create table level_act (
    tenant_id text collate "C" not null,
    scheme_id text collate "C" not null,
    user_id text collate "C" not null,
    act_seq bigint not null check (act_seq >= 1),
    kind smallint not null check (kind between 1 and 4),
    grant_id text collate "C" not null,
    grant_kind smallint check (grant_kind between 1 and 4),
    rank smallint not null check (rank between 0 and 99),
    valid_from timestamptz not null,
    valid_until timestamptz,
    reason text not null,
    acted_by text not null,
    acted_at timestamptz not null,
    constraint level_act_pkey primary key (tenant_id, scheme_id, user_id, act_seq)
);
select protect('level_act');
