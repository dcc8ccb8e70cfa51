-- What an account was at a past instant. Entries tell most of it; what was held they don't.

-- What was set aside when the hold was opened, written once, and when it ended first: a late capture comes after that.
alter table hold
    add column kept_expires_at timestamptz[] not null default '{}',
    add column kept_points bigint[] not null default '{}',
    add column ended_at timestamptz;

-- The number of an account's last entry that was booked by `at`, among its first `upto`; 0: none. Numbers have no gaps and
-- entries are booked in the order of time, so it is found by halving: in some twenty looks at the key for a million entries.
create function entry_booked_by(tenant text, account_user text, account_type text, at timestamptz, upto bigint)
returns bigint language plpgsql stable as $$
declare
    low bigint := 0;
    high bigint := upto;
    middle bigint;
    booked timestamptz;
begin
    while low < high loop
        middle := (low + high + 1) / 2;
        select e.recorded_at into strict booked from entry e
        where e.tenant_id = tenant and e.user_id = account_user and e.point_type_id = account_type and e.entry_seq = middle;
        if booked <= at then
            low := middle;
        else
            high := middle - 1;
        end if;
    end loop;
    return low;
end
$$;

-- When an entry took effect on what the user has. What falls due by itself is booked later, with the time at which it
-- happened: lapses, ends of levels, what comes free of a hold that timed out, and what was pending until a time. Everything
-- else counts from when it was booked, whatever it says of when it happened in the world.
create function entry_effective_at(kind smallint, order_id text, hold_id text, occurred_at timestamptz, recorded_at timestamptz)
returns timestamptz language sql immutable as $$
    select case
        when kind in (3, 5, 7) or kind = 8 and order_id = '' or kind = 4 and hold_id <> '' then occurred_at
        else recorded_at
    end
$$;
