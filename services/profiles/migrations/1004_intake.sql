-- Every event ever taken or refused, by its user and the reporter's id: the answer to a repeat. Kept for ever. Where it
-- was not refused, `partition` and `seq` say where the log tells of it.
create table intake_event (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    event_id text collate "C" not null,
    body bytea not null check (length(body) = 32),
    partition smallint not null,
    seq bigint not null,
    refusal jsonb,
    primary key (tenant_id, user_id, event_id)
);
select protect('intake_event');
