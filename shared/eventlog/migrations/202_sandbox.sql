-- The manual clock of a sandbox tenant when the event was recorded: what consumers decide as of. `recorded_at` stays the
-- real time, by which the log is kept and dropped.
alter table event add column sandbox_at timestamptz;

-- As in 200_event.sql, with the new column.
create or replace function log_add_days(ahead int) returns int
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
                     must_understand, mode, site, sandbox_at
             )
             insert into %I (partition, seq, recorded_at, tenant_id, user_id, event_id, type, payload, facts,
                 root_event_id, cause_source, cause_partition, cause_seq, hops, occurred_at, traceparent,
                 must_understand, mode, site, sandbox_at)
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
