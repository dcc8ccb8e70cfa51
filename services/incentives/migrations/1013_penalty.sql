-- The catalogue of actions, and what users may not do.

create table user_action (
    tenant_id text collate "C" not null,
    action_id text collate "C" not null,
    display_name jsonb not null,
    event_type text not null,
    harmful boolean not null,
    value_note text not null,
    ladder jsonb,
    revision bigint not null,
    constraint user_action_pkey primary key (tenant_id, action_id)
);
select protect('user_action');

-- True by the clock when read; `told` says that the end was booked and told.
create table penalty (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    penalty_id text collate "C" not null,
    kind smallint not null check (kind between 1 and 2),
    restrictions text[] not null,
    action_id text collate "C",
    offence integer not null check (offence >= 0),
    imposed_at timestamptz not null,
    imposed_by text not null,
    until timestamptz,
    reason text not null,
    notice text not null,
    masked_name text not null,
    lifted_at timestamptz,
    lifted_by text,
    lift_reason text,
    told boolean not null,
    constraint penalty_pkey primary key (tenant_id, user_id, penalty_id),
    constraint penalty_lifted check ((lifted_at is null) = (lifted_by is null) and (lifted_at is null) = (lift_reason is null))
);
create index penalty_newest on penalty (tenant_id, user_id, imposed_at, penalty_id);
create index penalty_due on penalty (tenant_id, until) where until is not null and not told;
create index penalty_action on penalty (tenant_id, action_id) where action_id is not null;
create index penalty_notice on penalty (tenant_id, imposed_at, user_id, penalty_id) where notice <> '' and lifted_at is null;
select protect('penalty');
