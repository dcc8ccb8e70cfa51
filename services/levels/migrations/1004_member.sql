-- Levels. A member's row is guarded by the lock on the account of the scheme's point type.

create table member (
    tenant_id text collate "C" not null,
    scheme_id text collate "C" not null,
    user_id text collate "C" not null,
    rank smallint not null check (rank between 0 and 99),
    since timestamptz not null,
    valid_until timestamptz,
    scheme_version integer not null,
    move_seq bigint not null,
    constraint member_pkey primary key (tenant_id, scheme_id, user_id)
) with (fillfactor = 70);
create index member_valid_until on member (tenant_id, scheme_id, valid_until) where valid_until is not null;
create index member_rank on member (tenant_id, scheme_id, rank);
select protect('member');

create table level_move (
    tenant_id text collate "C" not null,
    scheme_id text collate "C" not null,
    user_id text collate "C" not null,
    move_seq bigint not null check (move_seq >= 1),
    from_rank smallint not null,
    to_rank smallint not null,
    cause smallint not null check (cause between 1 and 4),
    growth bigint not null,
    scheme_version integer not null,
    moved_at timestamptz not null,
    recorded_at timestamptz not null,
    valid_until timestamptz,
    constraint level_move_pkey primary key (tenant_id, scheme_id, user_id, move_seq)
);
select protect('level_move');

-- Ids that mean another user, as profiles tells: resolved on every call.
create table level_alias (
    tenant_id text collate "C" not null,
    alias text collate "C" not null,
    user_id text collate "C" not null,
    constraint level_alias_pkey primary key (tenant_id, alias)
);
-- For an alias of an alias: all that meant the one user mean the other from then on.
create index level_alias_user on level_alias (tenant_id, user_id);
select protect('level_alias');
