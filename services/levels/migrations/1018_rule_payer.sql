-- Who pays for what rules give, and so for what is taken back of it.
alter table earning_rule
    add column cost_centre text collate "C" not null default '',
    add column funder integer not null default 0;
alter table earning
    add column cost_centre text collate "C" not null default '',
    add column funder integer not null default 0;
