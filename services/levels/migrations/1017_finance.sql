-- Who pays for what: the finance statement by month, cost centre and funder. Funder is the contract's number; 0: not said.
alter table entry
    add column cost_centre text collate "C" not null default '',
    add column funder integer not null default 0;

-- Totals by month of the point type's zone, such as 2026-03, and by who pays. What was booked before this, or is by a process
-- that does not know it yet, has no month, and counts before the first. `pending` is the change of what is pending.
alter table point_total
    add column month text collate "C" not null default '',
    add column cost_centre text collate "C" not null default '',
    add column funder integer not null default 0,
    add column pending bigint not null default 0,
    drop constraint point_total_pkey,
    add constraint point_total_pkey
        primary key (tenant_id, point_type_id, month, cost_centre, funder, partition, contra);

-- What is pending already. Both tables are protected, also from their owner.
alter table account no force row level security;
alter table point_total no force row level security;
insert into point_total (tenant_id, point_type_id, partition, contra, pending)
select a.tenant_id, a.point_type_id, 0, 'issued', sum(p.points)
from account a, lateral unnest(a.pending_points) p(points)
group by a.tenant_id, a.point_type_id
on conflict on constraint point_total_pkey do update set pending = excluded.pending;
alter table account force row level security;
alter table point_total force row level security;

-- What has happened by `at` and is not booked yet, as its entry will count: by contra account, when, the amount, and the
-- change of what is pending. Lots that came too late to be used lapsed when they came. What a hold keeps lapses when the hold
-- ends, or at its date where that is later; of what comes free then, debt takes its part first, then reversals that found
-- too little, those that lapse first first.
create function unbooked(tenant text, account_type text, at timestamptz)
returns table (contra text, happened_at timestamptz, amount bigint, pending bigint) language sql stable as $$
    select 'expired', greatest(l.expires_at, a.last_decided_at), l.points, 0::bigint
    from account a, lateral unnest(a.lot_expires_at, a.lot_points) l(expires_at, points)
    where a.tenant_id = tenant and a.point_type_id = account_type and a.next_expiry <= at and l.expires_at <= at
        and (a.last_decided_at is null or a.last_decided_at <= at)
    union all
    select 'adjusted', p.until, 0, -p.points
    from account a, lateral unnest(a.pending_until, a.pending_points) p(until, points)
    where a.tenant_id = tenant and a.point_type_id = account_type and a.next_expiry <= at and p.until <= at
    union all
    select c.contra, c.happened_at, c.amount, 0
    from (
        select l.expires_at, h.expires_at as ended_at, coalesce(l.expires_at <= h.expires_at, false) as within, l.points,
            a.debt, a.debt + a.claimed as owed,
            (sum(l.points) filter (where l.expires_at > h.expires_at or l.expires_at is null) over (
                partition by h.user_id order by h.expires_at, h.hold_id, l.expires_at nulls last, l.place
                rows unbounded preceding
            ))::bigint as freed
        from hold h
        join account a on a.tenant_id = h.tenant_id and a.user_id = h.user_id and a.point_type_id = h.point_type_id,
        lateral unnest(h.lot_expires_at, h.lot_points) with ordinality l(expires_at, points, place)
        where h.tenant_id = tenant and h.point_type_id = account_type and h.state = 1 and h.expires_at <= at
    ) f
    cross join lateral (
        select 'expired', f.ended_at, f.points where f.within
        union all
        select 'expired', f.expires_at, greatest(f.freed - f.owed, 0) - greatest(f.freed - f.points - f.owed, 0)
        where not f.within and f.expires_at <= at
        union all
        select 'reversed', f.ended_at, least(greatest(f.freed, f.debt), f.owed)
            - least(greatest(f.freed - f.points, f.debt), f.owed)
        where not f.within
    ) c(contra, happened_at, amount)
$$;

-- The feed of what lapses soon: by date, then user.
create index account_expiring on account (tenant_id, point_type_id, next_expiry, user_id) where next_expiry is not null;
