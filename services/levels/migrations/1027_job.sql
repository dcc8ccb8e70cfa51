-- Points of many users at once. Codes are the numbers of the contract's enums.

-- Kind 1: earn; 2: adjust; 3: void; 4: opening. State 1: draft; 2: awaits approval; 3: running; 4: finished; 5: cancelled;
-- 6: rejected; 7: recalling; 8: recalled. `resumes` is the state that it was cancelled in. The counts are of its lines.
create table points_job (
    tenant_id text collate "C" not null,
    job_id text collate "C" not null,
    kind smallint not null check (kind between 1 and 4),
    title text not null,
    reason text not null,
    cost_centre text collate "C" not null,
    funder integer not null,
    controls jsonb not null,
    state smallint not null check (state between 1 and 8),
    resumes smallint check (resumes between 1 and 3),
    lines bigint not null check (lines >= 0),
    done bigint not null check (done >= 0),
    failed bigint not null check (failed >= 0),
    recalled bigint not null check (recalled >= 0),
    recall_failed bigint not null check (recall_failed >= 0),
    created_by text not null,
    submitted_by text not null,
    needs_approval boolean not null,
    decided_by text not null,
    note text not null,
    changes bigint not null,
    created_at timestamptz not null,
    started_at timestamptz,
    ended_at timestamptz,
    constraint points_job_pkey primary key (tenant_id, job_id),
    constraint points_job_counted check (done + failed + recalled + recall_failed <= lines)
) with (fillfactor = 70);
-- Newest first, of all states or of one.
create index points_job_newest on points_job (tenant_id, created_at, job_id);
create index points_job_state on points_job (tenant_id, state, created_at, job_id);
select protect('points_job');

-- Jobs that run, of all tenants: what the timer goes through. The row of a job is locked by whoever does its next batch.
create table points_job_run (
    tenant_id text collate "C" not null,
    job_id text collate "C" not null,
    since timestamptz not null,
    constraint points_job_run_pkey primary key (tenant_id, job_id)
);
select protect('points_job_run');
select share('points_job_run');

-- State 1: waiting; 2: done; 3: failed; 4: recalled; 5: recall failed. What came of a line is written with its entry. `moved`
-- and `cut` are what the entry moved and what caps left out; `recalled` is how much of it was taken back.
create table points_job_line (
    tenant_id text collate "C" not null,
    job_id text collate "C" not null,
    line_no bigint not null check (line_no >= 1),
    user_id text collate "C" not null,
    point_type_id text collate "C" not null,
    amount bigint not null,
    expires_at timestamptz,
    void_scope smallint check (void_scope between 1 and 3),
    occurred_at timestamptz,
    activates_at timestamptz,
    growth bigint not null check (growth >= 0),
    level_rank integer check (level_rank >= 0),
    level_since timestamptz,
    level_until timestamptz,
    state smallint not null check (state between 1 and 5),
    account_user text collate "C" not null,
    entry_seq bigint not null,
    moved bigint not null,
    cut bigint not null,
    recalled bigint not null,
    refusal jsonb,
    constraint points_job_line_pkey primary key (tenant_id, job_id, line_no),
    constraint points_job_line_level check ((level_rank is null) = (level_since is null))
) with (fillfactor = 80);
-- The lines that are next, and those of a state.
create index points_job_line_state on points_job_line (tenant_id, job_id, state, line_no);
select protect('points_job_line');

-- Kind 12: opened with what the user had elsewhere.
alter table entry
    drop constraint entry_kind_check,
    add constraint entry_kind_check check (kind between 1 and 15);

-- Accounts that were opened with what users had elsewhere, and by which job. Guarded by the lock on the account.
create table points_opening (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    point_type_id text collate "C" not null,
    job_id text collate "C" not null,
    constraint points_opening_pkey primary key (tenant_id, user_id, point_type_id)
);
select protect('points_opening');
