-- What a rule gives, in full; and how fractions of a point are rounded.

-- 1: down; 2: to the nearest, a half up; 3: up.
alter table point_type add column rounding smallint not null default 1 check (rounding between 1 and 3);

-- Versions that were published before keep their meaning: each division of their formula rounds towards zero (not exact).
-- multiplier_mix 1: product, 2: the greatest, 3: sum. group_choice 1: by priority, 2: the one that gives most.
alter table earning_rule
    add column exact boolean not null default false,
    add column line_rates jsonb not null default '[]',
    add column multipliers jsonb not null default '[]',
    add column multiplier_mix smallint not null default 1 check (multiplier_mix between 1 and 3),
    add column group_id text collate "C" not null default '',
    add column priority integer not null default 0,
    add column group_choice smallint not null default 1 check (group_choice between 1 and 2);
