-- The level that set a grant off, while it may still be undone: empty where none did, and once the user fell below it. A
-- grant whose level was undone is taken back.
alter table campaign_grant
    add column level_scheme_id text collate "C" not null default '',
    add column level_rank integer not null default 0,
    add column undone boolean not null default false;
create index campaign_grant_level on campaign_grant (tenant_id, user_id, level_scheme_id, level_rank)
    where level_scheme_id <> '';
