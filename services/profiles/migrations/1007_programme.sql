-- The versions of a tenant's programme, kept for ever: a few rows, written by people's decisions. At most one is under way
-- (state 1), which the lock on the tenant's row guards and the index proves. `bundle` is what was applied, `steps` what had
-- to be published for it, `changes` what the answer tells; all three are encoded messages of the contract.
-- `touched_at` is real time: who goes on with a version moves it.
create table programme_version (
    tenant_id text collate "C" not null,
    version integer not null check (version > 0),
    state smallint not null check (state between 1 and 3),
    bundle bytea not null,
    steps bytea not null,
    changes bytea not null,
    restored_version integer not null check (restored_version >= 0),
    author text not null,
    note text not null,
    failure text not null default '',
    request_method text not null,
    request_id text not null,
    request_body bytea not null,
    create_time timestamptz not null,
    apply_time timestamptz,
    touched_at timestamptz not null,
    constraint programme_version_pkey primary key (tenant_id, version),
    check ((state = 2) = (apply_time is not null))
);
create unique index programme_version_applying on programme_version (tenant_id) where state = 1;
select protect('programme_version');
