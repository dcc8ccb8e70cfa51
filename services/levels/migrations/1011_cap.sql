-- Caps of what rules give, and what is used of them.

alter table earning_rule add column caps jsonb not null default '[]';

-- A row per period in which something was given that a cap counts; it only grows. `user_id` '': all users together.
-- Subject kind 1: an earning rule; 2: a point type. Period 5 never ends and starts in 1970. Rows of a user are guarded by
-- the lock on the user's account, those of all users by their own, which is taken after those on accounts.
create table cap_use (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    subject_kind smallint not null check (subject_kind between 1 and 2),
    subject_id text collate "C" not null,
    period smallint not null check (period between 1 and 5),
    starts_at timestamptz not null,
    points bigint not null default 0 check (points >= 0),
    times bigint not null default 0 check (times >= 0),
    constraint cap_use_pkey primary key (tenant_id, user_id, subject_kind, subject_id, period, starts_at)
) with (fillfactor = 50);
select protect('cap_use');

-- What a rule would have given, where caps left less; of what they cut altogether a row stays too, so that the decision
-- stands whatever else becomes known of the order.
alter table earning
    add column cut_from bigint,
    drop constraint earning_earned_check,
    add constraint earning_earned_check check (earned >= 0),
    add constraint earning_cut check (cut_from > earned);
