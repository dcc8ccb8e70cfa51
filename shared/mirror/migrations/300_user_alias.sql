-- Ids that mean another user, as profiles tells: resolved on every call.
create table user_alias (
    tenant_id text collate "C" not null,
    alias text collate "C" not null,
    user_id text collate "C" not null,
    constraint user_alias_pkey primary key (tenant_id, alias)
);
-- For an alias of an alias: all that meant the one user mean the other from then on.
create index user_alias_user on user_alias (tenant_id, user_id);
select protect('user_alias');
