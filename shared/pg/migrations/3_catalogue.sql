-- What operators publish changes seldom and is read by every call, so processes keep it in memory. This number says whether
-- what they keep is still what is stored: it rises with every change of a table that is part of the catalogue, whoever
-- makes it.
alter table tenant_state add column catalogue_version bigint not null default 0;

-- With the schema's own path, so that a repair by hand may name its table from wherever it is made.
create function catalogue_changed() returns trigger
language plpgsql set search_path from current as $$
begin
    -- a tenant that is not known here yet has published nothing
    update tenant_state set catalogue_version = catalogue_version + 1
    where tenant_id = coalesce(new.tenant_id, old.tenant_id);
    return null;
end
$$;

-- Makes a table part of its tenants' catalogues.
create function catalogue(rel regclass) returns void
language plpgsql as $$
begin
    execute format(
        'create trigger catalogue_changed after insert or update or delete on %s
         for each row execute function catalogue_changed()', rel
    );
end
$$;
