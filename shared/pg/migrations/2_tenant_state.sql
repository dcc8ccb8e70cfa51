-- What the service knows of its tenants: profiles tells of them. A sandbox tenant may have a manual clock, which decides
-- in the place of the real one.
create table tenant_state (
    tenant_id text collate "C" primary key,
    suspended boolean not null default false,
    sandbox_at timestamptz
);
select protect('tenant_state');
