-- Rewards that incentives grants, each carried out once. Written by the consumer of incentives' log alone.

-- State 1: revoked before it was granted, which the grant will find; the grant's columns are empty until then. 2: its
-- points were given. 3: it cannot be carried out.
create table reward (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    reward_id text collate "C" not null,
    state smallint not null check (state between 1 and 3),
    point_type_id text collate "C",
    amount bigint,
    reason text not null,
    campaign_id text collate "C" not null,
    funder integer not null,
    cost_centre text not null,
    order_id text collate "C" not null,
    refusal text,
    entry_seq bigint,
    lot_expires_at timestamptz,
    lot_origin text collate "C",
    revoked bigint not null check (revoked >= 0),
    taken_back bigint not null check (taken_back >= 0),
    constraint reward_pkey primary key (tenant_id, user_id, reward_id),
    constraint reward_granted check ((state = 1) = (point_type_id is null) and (state = 1) = (amount is null)),
    constraint reward_refused check ((state = 3) = (refusal is not null)),
    constraint reward_fulfilled check ((state = 2) = (entry_seq is not null) and (state = 2) = (lot_origin is not null))
);
select protect('reward');
