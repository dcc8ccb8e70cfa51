-- One row per write that took effect or was refused for what it found, in the transaction of that write.
create table request_record (
    tenant_id  text collate "C" not null,
    user_id    text collate "C" not null, -- as sent; empty where the method names no user
    method     text collate "C" not null, -- tail of the gRPC path: PointsService/Earn
    request_id text collate "C" not null,
    body_hash  bytea not null,            -- SHA-256 of the request's encoding
    refused    boolean not null,
    answer     bytea not null,            -- the response's encoding, or the refusal as JSON
    keep       boolean not null,          -- false: purged after 30 days
    created_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, user_id, method, request_id)
);

-- Only for the purge, and only over what it may delete.
create index request_record_purge on request_record (created_at) where not keep;

select protect('request_record');
select share('request_record');
