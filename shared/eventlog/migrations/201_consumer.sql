-- How far each consumer of this service has applied each source's log. Moved in the transaction that applies.
create table consumer_cursor (
    consumer text collate "C" not null,
    source text collate "C" not null,
    partition smallint not null check (partition between 0 and 31),
    -- the source's epoch; 0 until something was read
    epoch bigint not null default 0,
    seq bigint not null default 0,
    -- the source's newest event when the cursor moved last
    head bigint not null default 0,
    primary key (consumer, source, partition)
) with (fillfactor = 50);

-- The replicas of a consumer that are alive.
create table consumer_replica (
    consumer text collate "C" not null,
    source text collate "C" not null,
    replica text collate "C" not null,
    until timestamptz not null,
    primary key (consumer, source, replica)
) with (fillfactor = 50);

-- Which replica reads a partition. Only saves double work: the cursor's compare-and-set decides.
create table consumer_lease (
    consumer text collate "C" not null,
    source text collate "C" not null,
    partition smallint not null check (partition between 0 and 31),
    replica text collate "C" not null,
    until timestamptz not null,
    primary key (consumer, source, partition)
) with (fillfactor = 50);

-- Why a consumer stands still: as a whole (partition -1) or in one partition. Absent while it runs.
create table consumer_state (
    consumer text collate "C" not null,
    source text collate "C" not null,
    partition smallint not null check (partition between -1 and 31),
    reason text not null,
    since timestamptz not null,
    primary key (consumer, source, partition)
);

-- Events that a consumer could not apply, and later events of their users.
create table dead_letter (
    consumer text collate "C" not null,
    source text collate "C" not null,
    partition smallint not null check (partition between 0 and 31),
    seq bigint not null,
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    event_id text collate "C" not null,
    root_event_id text collate "C" not null,
    -- the whole envelope as it was read
    event bytea not null,
    reason text not null,
    -- 0 for an event that was never tried because one before it is set aside
    attempts int not null,
    parked_at timestamptz not null,
    primary key (consumer, source, partition, seq)
);
create index dead_letter_by_user on dead_letter (consumer, source, tenant_id, user_id, seq);
create index dead_letter_by_event on dead_letter (tenant_id, event_id);
create index dead_letter_by_root on dead_letter (tenant_id, root_event_id);
select protect('dead_letter'), share('dead_letter');

do $$
begin
    execute format(
        'grant select, insert, update, delete
         on consumer_cursor, consumer_replica, consumer_lease, consumer_state, reader_cursor to %I',
        app_role('event') || '_system'
    );
end
$$;
