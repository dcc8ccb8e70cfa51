-- What every schema starts with. Runs as the owner of the schema; names of roles follow from the schema's name.

-- The service's own role for the schema that a table lives in.
create function app_role(rel regclass) returns text
language sql stable as $$
    select 'banyan_' || n.nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = rel
$$;

-- Holds a table to one tenant per transaction. Forced, so that it binds the owner too: a migration that changes rows of
-- a protected table sees none of them until it says `alter table … no force row level security`, and forces it again.
-- A partition that is read directly needs a call of its own. `banyan.tenant` unset is an error or matches nothing.
create function protect(rel regclass) returns void
language plpgsql as $$
begin
    execute format('alter table %s enable row level security', rel);
    execute format('alter table %s force row level security', rel);
    execute format(
        'create policy tenant on %s to %I using (tenant_id = current_setting(''banyan.tenant''))',
        rel, app_role(rel)
    );
end
$$;

-- Opens a protected table to the system role as well, which works across tenants. The condition holds back a service
-- role that somebody let inherit from the system role: only a transaction that became the system role passes.
create function share(rel regclass) returns void
language plpgsql as $$
begin
    execute format(
        'create policy system on %s to %I using (current_user = %L)',
        rel, app_role(rel) || '_system', app_role(rel) || '_system'
    );
    execute format('grant select, insert, update, delete on %s to %I', rel, app_role(rel) || '_system');
end
$$;
