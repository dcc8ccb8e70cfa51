-- Cases. What users and operators write stands in case_entry alone.

-- The two clocks have the same five columns each: working time measured before `since` in microseconds, since when it runs
-- (null: it stands still), target, deadline and whether it passed. `queue_at` and `alarm_at` follow from the others: the
-- nearest deadline (the end of the calendar where there is none), and the nearest that nobody was told of.
create table feedback_case (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    case_id text collate "C" not null,
    kind smallint not null check (kind between 1 and 7),
    site text not null,
    channel text not null,
    external_reference text not null,
    reported_user_id text collate "C" not null,
    case_type_id text collate "C" not null,
    department text collate "C" not null,
    urgency smallint not null check (urgency between 1 and 3),
    impact smallint not null check (impact between 1 and 3),
    user_value smallint not null check (user_value between 1 and 3),
    importance smallint not null check (importance between 1 and 9),
    quadrant smallint not null check (quadrant between 1 and 4),
    emotion smallint not null check (emotion between 1 and 2),
    answer_within_minutes integer not null,
    assignee_id text collate "C" not null,
    state smallint not null check (state between 1 and 4),
    attempt integer not null check (attempt >= 1),
    first_elapsed_us bigint not null check (first_elapsed_us >= 0),
    first_since timestamptz,
    first_target_minutes integer not null,
    first_deadline timestamptz,
    first_breached boolean not null,
    resolution_elapsed_us bigint not null check (resolution_elapsed_us >= 0),
    resolution_since timestamptz,
    resolution_target_minutes integer not null,
    resolution_deadline timestamptz,
    resolution_breached boolean not null,
    promise_until timestamptz,
    promise_overdue boolean not null,
    sla_version integer not null check (sla_version >= 0),
    submitted_at timestamptz not null,
    first_answered_at timestamptz,
    resolved_at timestamptz,
    resolution smallint check (resolution between 1 and 8),
    reopen_until timestamptz,
    score smallint check (score between 1 and 5),
    entry_seq bigint not null check (entry_seq >= 1),
    decided_at timestamptz not null,
    queue_at timestamptz not null,
    alarm_at timestamptz,
    constraint feedback_case_pkey primary key (tenant_id, user_id, case_id),
    constraint feedback_case_ending check (
        (state = 4) = (resolved_at is not null) and (state = 4) = (resolution is not null)
        and (state = 4) = (reopen_until is not null)
    )
) with (fillfactor = 80);
create index feedback_case_user on feedback_case (tenant_id, user_id, submitted_at, case_id);
create index feedback_case_submitted on feedback_case (tenant_id, submitted_at);
-- the three ways to look at a queue: all of it, a department's, an operator's
create index feedback_case_queue on feedback_case (tenant_id, queue_at, user_id, case_id) where state <> 4;
create index feedback_case_department on feedback_case (tenant_id, department, queue_at, user_id, case_id) where state <> 4;
create index feedback_case_assignee on feedback_case (tenant_id, assignee_id, queue_at, user_id, case_id) where state <> 4;
create index feedback_case_alarm on feedback_case (tenant_id, alarm_at) where alarm_at is not null;
create index feedback_case_sla on feedback_case (tenant_id, sla_version) where state <> 4;
select protect('feedback_case');

-- The log of a case. The keys that refer to the case follow it when its user turns out to be an alias of another.
create table case_entry (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    case_id text collate "C" not null,
    entry_seq bigint not null check (entry_seq >= 1),
    kind smallint not null check (kind between 1 and 13),
    what jsonb not null,
    visible boolean not null,
    agent_id text not null,
    text text not null,
    attachments jsonb not null,
    state smallint not null,
    quadrant smallint not null,
    occurred_at timestamptz not null,
    recorded_at timestamptz not null,
    constraint case_entry_pkey primary key (tenant_id, user_id, case_id, entry_seq),
    constraint case_entry_case_fkey foreign key (tenant_id, user_id, case_id) references feedback_case on update cascade
);
create index case_entry_message on case_entry (tenant_id, user_id, case_id, entry_seq) where visible;
select protect('case_entry');

-- One answer per resolution: the key refuses a second.
create table case_rating (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    case_id text collate "C" not null,
    attempt integer not null check (attempt >= 1),
    score smallint not null check (score between 1 and 5),
    rated_at timestamptz not null,
    constraint case_rating_pkey primary key (tenant_id, user_id, case_id, attempt),
    constraint case_rating_case_fkey foreign key (tenant_id, user_id, case_id) references feedback_case on update cascade
);
select protect('case_rating');
