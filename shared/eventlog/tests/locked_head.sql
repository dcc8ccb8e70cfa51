-- The other way to number a log, with the signature of log_take: a row per partition that every append locks and updates.
-- It is here to show what an old snapshot does to it.
create table log_head (partition smallint primary key, seq bigint not null) with (fillfactor = 50);
insert into log_head select p, 0 from generate_series(0, 31) p;

create function head_take(wanted smallint[])
returns table (partition smallint, seq bigint, recorded_at timestamptz)
language plpgsql volatile as $$
begin
    return query
    update log_head h set seq = h.seq + 1 where h.partition = any(wanted)
    returning h.partition, h.seq - 1, clock_timestamp();
end
$$;
alter function head_take(smallint[]) set plan_cache_mode = force_generic_plan;
