-- The event log of the service that owns the schema.
create table event (
    partition smallint not null check (partition between 0 and 31),
    -- gapless within the partition, in commit order
    seq bigint not null check (seq > 0),
    -- never falls within the partition, so that a place in the log bounds the days to look at
    recorded_at timestamptz not null,
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    event_id text collate "C" not null,
    type text collate "C" not null,
    payload bytea not null,
    facts bytea not null,
    root_event_id text collate "C" not null,
    cause_source text collate "C",
    cause_partition smallint,
    cause_seq bigint,
    hops smallint not null check (hops between 0 and 7),
    occurred_at timestamptz not null,
    traceparent text not null,
    must_understand boolean not null,
    mode smallint not null,
    site text not null,
    primary key (partition, seq, recorded_at),
    constraint event_cause_whole check (num_nonnulls(cause_source, cause_partition, cause_seq) in (0, 3))
) partition by range (recorded_at);

create index event_by_id on event (tenant_id, event_id);
create index event_by_root on event (tenant_id, root_event_id);

-- An event never lacks a place: what comes while its day has no table stays here until `log_add_days` moves it.
create table event_default partition of event default;

select protect('event'), share('event'), protect('event_default');

-- The functions below run as the owner, which reads heads across tenants and moves rows between its own tables.
create policy owner on event for select to current_user using (true);
create policy owner on event_default to current_user using (true) with check (true);

-- Events up to the floor are gone. A partition that is absent has lost none.
create table event_floor (
    partition smallint primary key check (partition between 0 and 31),
    floor bigint not null
);

-- Which life of the log this is. A restore from a backup begins another (`log_begin_epoch`).
create table log_epoch (
    single boolean primary key default true check (single),
    epoch bigint not null
);
insert into log_epoch (epoch) values (extract(epoch from clock_timestamp())::bigint);

-- Where partitions end: seq 0 and no time in one that never had an event. `since` must not lie after the time of the last
-- event; the nearer, the fewer days are read.
create function log_heads(wanted smallint[], since timestamptz[])
returns table (partition smallint, seq bigint, recorded_at timestamptz)
language plpgsql stable security definer as $$
declare
    -- says nothing that the conditions per partition do not, but is known before the days are opened
    oldest timestamptz := (select min(s) from unnest(since) s);
begin
    return query
    select w.partition, coalesce(h.seq, f.floor, 0), h.recorded_at
    from unnest(wanted, since) with ordinality w(partition, since, ord)
    left join lateral (
        select e.seq, e.recorded_at from event e
        where e.partition = w.partition and e.recorded_at >= w.since and e.recorded_at >= oldest
        order by e.seq desc limit 1
    ) h on true
    left join event_floor f on f.partition = w.partition
    order by w.ord;
end
$$;

-- Takes partitions of the log until the end of the transaction, and says where each continues. The locks are taken in
-- one statement and the heads read by later ones, so that they are read as the transactions before left them.
create function log_take(wanted smallint[])
returns table (partition smallint, seq bigint, recorded_at timestamptz)
language plpgsql volatile security definer as $$
declare
    recent timestamptz;
begin
    perform pg_advisory_xact_lock(hashtext(current_schema() || '.event'), p)
    from (select distinct u.p from unnest(wanted) u(p) order by u.p) s;
    recent := clock_timestamp() - interval '1 hour';
    for partition, seq, recorded_at in
        select w.partition, h.seq, h.recorded_at
        from unnest(wanted) w(partition)
        left join lateral (
            select e.seq, e.recorded_at from event e
            where e.partition = w.partition and e.recorded_at >= recent
            order by e.seq desc limit 1
        ) h on true
    loop
        if seq is null then
            select h.seq, h.recorded_at into seq, recorded_at
            from log_heads(array[partition], array['-infinity']::timestamptz[]) h;
        end if;
        recorded_at := greatest(clock_timestamp(), recorded_at);
        return next;
    end loop;
end
$$;

-- Makes the tables of the days from today (UTC) to `ahead` days later, and of every day that has rows in the default
-- table, which are moved. Answers how many were made. Attaching, unlike `create … partition of`, lets writers go on.
create function log_add_days(ahead int) returns int
language plpgsql security definer as $$
declare
    day date;
    name text;
    made int := 0;
begin
    perform pg_advisory_xact_lock(hashtext(current_schema() || '.event days'));
    for day in
        select (clock_timestamp() at time zone 'UTC')::date + i from generate_series(0, ahead) i
        union
        select distinct (recorded_at at time zone 'UTC')::date from event_default
    loop
        name := 'event_' || to_char(day, 'YYYYMMDD');
        continue when to_regclass(name) is not null;
        lock table event_default in access exclusive mode; -- attaching takes it anyway, but after our look at its rows
        execute format('create table %I (like event including all)', name);
        execute format(
            'with moved as (
                 delete from event_default where recorded_at >= %L and recorded_at < %L
                 returning partition, seq, recorded_at, tenant_id, user_id, event_id, type, payload, facts,
                     root_event_id, cause_source, cause_partition, cause_seq, hops, occurred_at, traceparent,
                     must_understand, mode, site
             )
             insert into %I (partition, seq, recorded_at, tenant_id, user_id, event_id, type, payload, facts,
                 root_event_id, cause_source, cause_partition, cause_seq, hops, occurred_at, traceparent,
                 must_understand, mode, site)
             table moved',
            log_day(day), log_day(day + 1), name
        );
        execute format(
            'alter table event attach partition %I for values from (%L) to (%L)', name, log_day(day), log_day(day + 1)
        );
        perform protect(name);
        execute format('revoke all on %I from %I', name, app_role('event')); -- reached through the parent only
        made := made + 1;
    end loop;
    return made;
end
$$;

-- The instant at which a day begins.
create function log_day(day date) returns timestamptz
language sql stable as $$ select day::timestamp at time zone 'UTC' $$;

-- Drops the oldest day if it ended before `before` and every reader in `readers` has read it, and moves the floor past
-- it. Answers the dropped table's name, or null where none may go. The day is not dropped while it holds the last event
-- of a partition that a reader has not reached.
create function log_drop_day(before timestamptz, reader_idle interval) returns text
language plpgsql security definer as $$
declare
    name text;
    day date;
begin
    perform pg_advisory_xact_lock(hashtext(current_schema() || '.event days'));
    select c.relname, to_date(right(c.relname, 8), 'YYYYMMDD') into name, day
    from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'event'::regclass and c.relname ~ '^event_\d{8}$'
    order by c.relname limit 1;
    if name is null or log_day(day + 1) > before then
        return null;
    end if;
    if exists (
        select 1
        from reader_cursor r
        cross join lateral (
            select e.seq from event e
            where e.partition = r.partition and e.recorded_at >= log_day(day) and e.recorded_at < log_day(day + 1)
            order by e.seq desc limit 1
        ) last
        where r.seen_at > clock_timestamp() - reader_idle and r.seq < last.seq
    ) then
        return null;
    end if;
    insert into event_floor (partition, floor)
    select p, last.seq
    from generate_series(0, 31) p
    cross join lateral (
        select e.seq from event e
        where e.partition = p and e.recorded_at >= log_day(day) and e.recorded_at < log_day(day + 1)
        order by e.seq desc limit 1
    ) last
    on conflict (partition) do update set floor = greatest(event_floor.floor, excluded.floor);
    execute format('drop table %I', name);
    return name;
end
$$;

-- Begins another life of the log, after a restore: consumers whose cursors are of the former one stop.
create function log_begin_epoch() returns bigint
language sql security definer as $$
    update log_epoch set epoch = greatest(epoch + 1, extract(epoch from clock_timestamp())::bigint) returning epoch
$$;

-- How far the service identities have read, which holds back dropping days. Written rarely, behind the reads.
create table reader_cursor (
    reader text collate "C" not null,
    partition smallint not null,
    seq bigint not null,
    seen_at timestamptz not null,
    primary key (reader, partition)
);

-- A function that runs as the owner must not look into a schema of its caller's making. Every plan is the same whatever
-- the arguments, and to plan anew each time would cost more than the query.
do $$
declare
    fn regprocedure;
begin
    foreach fn in array array[
        'log_take(smallint[])', 'log_heads(smallint[], timestamptz[])', 'log_add_days(int)',
        'log_drop_day(timestamptz, interval)', 'log_begin_epoch()'
    ]::regprocedure[]
    loop
        execute format('alter function %s set search_path = %I, pg_temp', fn, current_schema());
        execute format('revoke execute on function %s from public', fn);
        execute format('grant execute on function %s to %I, %I', fn, app_role('event'), app_role('event') || '_system');
    end loop;
    execute format('revoke execute on function log_begin_epoch() from %I, %I', app_role('event'), app_role('event') || '_system');
    execute format('grant select on event_floor, log_epoch to %I', app_role('event') || '_system');
    execute format('revoke update, delete on event from %I, %I', app_role('event'), app_role('event') || '_system');
    execute format('revoke all on event_default from %I', app_role('event'));
    execute format('revoke insert, update, delete on event_floor, log_epoch from %I', app_role('event'));
end
$$;
alter function log_take(smallint[]) set plan_cache_mode = force_generic_plan;
alter function log_heads(smallint[], timestamptz[]) set plan_cache_mode = force_generic_plan;

select log_add_days(3);
