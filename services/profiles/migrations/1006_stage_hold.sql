-- The stage that a user was last told to be on: moves are told from it. Guarded by the lock on the user's profile. `due_at`
-- is when time alone will move the user on; written at most once per user and day of activity.
create table stage_hold (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    stage smallint not null check (stage between 1 and 7),
    since timestamptz not null,
    due_at timestamptz,
    moves bigint not null check (moves >= 0),
    constraint stage_hold_pkey primary key (tenant_id, user_id)
) with (fillfactor = 80);
create index stage_hold_due on stage_hold (tenant_id, due_at) where due_at is not null;
select protect('stage_hold');

