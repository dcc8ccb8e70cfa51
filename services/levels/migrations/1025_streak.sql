-- Check-ins and their streaks.

-- All versions stay; the newest counts.
create table streak (
    tenant_id text collate "C" not null,
    streak_id text collate "C" not null,
    version integer not null check (version >= 1),
    display_name jsonb not null,
    description jsonb,
    zone text not null,
    forgiven_days integer not null check (forgiven_days between 0 and 30),
    make_ups_per_month integer not null check (make_ups_per_month between 0 and 31),
    make_up_days integer not null check (make_up_days between 0 and 31),
    milestones jsonb not null,
    valid_from timestamptz,
    valid_until timestamptz,
    paused boolean not null,
    publish_time timestamptz not null,
    constraint streak_pkey primary key (tenant_id, streak_id, version)
);
select protect('streak');
select catalogue('streak');

-- Days checked in, or made up for. `zone` decided the day. Guarded by an advisory lock on the user, as all of the following.
create table check_in (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    streak_id text collate "C" not null,
    day date not null,
    made_up boolean not null,
    checked_in_at timestamptz not null,
    zone text not null,
    constraint check_in_pkey primary key (tenant_id, user_id, streak_id, day)
);
-- What was made up for in a month.
create index check_in_made_up on check_in (tenant_id, user_id, streak_id, checked_in_at) where made_up;
select protect('check_in');

-- Days in a row, with the missed ones between them that are forgiven.
create table streak_run (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    streak_id text collate "C" not null,
    first_day date not null,
    last_day date not null,
    length integer not null check (length >= 1),
    forgiven integer not null check (forgiven >= 0),
    constraint streak_run_pkey primary key (tenant_id, user_id, streak_id, first_day),
    constraint streak_run_days check (last_day - first_day + 1 >= length + forgiven)
) with (fillfactor = 80);
-- The longest of all.
create index streak_run_length on streak_run (tenant_id, user_id, streak_id, length);
select protect('streak_run');

-- The last check-in, made up ones left out: another one needs a later day both in its zone and in that of the call.
create table streak_user (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    streak_id text collate "C" not null,
    last_day date not null,
    last_at timestamptz not null,
    last_zone text not null,
    total_days integer not null check (total_days >= 1),
    last_decided_at timestamptz not null,
    constraint streak_user_pkey primary key (tenant_id, user_id, streak_id)
) with (fillfactor = 70);
select protect('streak_user');
