-- Badges, and who holds them on which grounds.

-- All versions stay; the newest counts. `tiers` holds names and pictures, none for a badge with one.
create table badge (
    tenant_id text collate "C" not null,
    badge_id text collate "C" not null,
    version integer not null check (version >= 1),
    display_name jsonb not null,
    description jsonb,
    icon_url text not null,
    tiers jsonb not null,
    hidden boolean not null,
    publish_time timestamptz not null,
    constraint badge_pkey primary key (tenant_id, badge_id, version)
);
select protect('badge');
select catalogue('badge');

-- What a user holds a badge for. `ground` is `quest/`, `streak/` or `call/` and what tells it from others of its kind. Guarded,
-- as all that users work towards, by an advisory lock on the user.
create table badge_ground (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    badge_id text collate "C" not null,
    ground text collate "C" not null,
    tier smallint not null check (tier between 1 and 10),
    stands boolean not null,
    constraint badge_ground_pkey primary key (tenant_id, user_id, badge_id, ground)
) with (fillfactor = 80);
select protect('badge_ground');

-- How many grounds of each tier stand, lowest tier first. `tier` is the highest that one gives; 0: the badge is not held.
create table user_badge (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    badge_id text collate "C" not null,
    grounds integer[] not null check (cardinality(grounds) between 1 and 10),
    tier smallint not null check (tier between 0 and 10),
    reason text not null,
    awarded_at timestamptz not null,
    constraint user_badge_pkey primary key (tenant_id, user_id, badge_id)
) with (fillfactor = 80);
select protect('user_badge');

-- How many users hold a badge. Per partition, so that users seldom wait for each other.
create table badge_holder (
    tenant_id text collate "C" not null,
    badge_id text collate "C" not null,
    partition smallint not null check (partition between 0 and 31),
    users bigint not null,
    constraint badge_holder_pkey primary key (tenant_id, badge_id, partition)
) with (fillfactor = 70);
select protect('badge_holder');
