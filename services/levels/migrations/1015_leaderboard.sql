-- Users in the order of their scores. Codes are the numbers of the contract's enums.

-- All versions stay; the newest counts.
create table leaderboard (
    tenant_id text collate "C" not null,
    leaderboard_id text collate "C" not null,
    version integer not null check (version >= 1),
    display_name jsonb not null,
    score_rule smallint not null check (score_rule between 1 and 3),
    score_order smallint not null check (score_order between 1 and 2),
    season_rule smallint not null check (season_rule between 1 and 5),
    seasons jsonb not null,
    zone text not null,
    prizes jsonb not null,
    listed_places bigint check (listed_places > 0),
    masked boolean not null,
    publish_time timestamptz not null,
    constraint leaderboard_pkey primary key (tenant_id, leaderboard_id, version)
);
select protect('leaderboard');
select catalogue('leaderboard');

-- Seasons that anybody has a score in.
create table leaderboard_season (
    tenant_id text collate "C" not null,
    leaderboard_id text collate "C" not null,
    season_id text collate "C" not null,
    starts_at timestamptz not null,
    ends_at timestamptz,
    closed boolean not null,
    constraint leaderboard_season_pkey primary key (tenant_id, leaderboard_id, season_id)
);
create index leaderboard_season_newest on leaderboard_season (tenant_id, leaderboard_id, starts_at, season_id);
create index leaderboard_season_ending on leaderboard_season (tenant_id, ends_at) where not closed;
select protect('leaderboard_season');

-- Users in the order of rank_key, which is the score or its negative, then of attained_at, then of their ids.
create table leaderboard_score (
    tenant_id text collate "C" not null,
    leaderboard_id text collate "C" not null,
    season_id text collate "C" not null,
    user_id text collate "C" not null,
    rank_key bigint not null,
    attained_at timestamptz not null,
    last_at timestamptz not null,
    display text not null,
    constraint leaderboard_score_pkey primary key (tenant_id, leaderboard_id, season_id, user_id)
) with (fillfactor = 80);
create index leaderboard_score_rank on leaderboard_score
    (tenant_id, leaderboard_id, season_id, rank_key, attained_at, user_id);
select protect('leaderboard_score');

-- How many users have a rank_key in each block of values. A place is what the blocks before hold and what stands before in
-- the own block, so nobody has to count a million rows. Per partition, so that users do not wait for each other.
create table leaderboard_block (
    tenant_id text collate "C" not null,
    leaderboard_id text collate "C" not null,
    season_id text collate "C" not null,
    block integer not null,
    partition smallint not null check (partition between 0 and 31),
    users bigint not null,
    constraint leaderboard_block_pkey primary key (tenant_id, leaderboard_id, season_id, block, partition)
) with (fillfactor = 70);
select protect('leaderboard_block');

-- What places got when their season ended. No entry: the account would have overflowed.
create table leaderboard_prize (
    tenant_id text collate "C" not null,
    leaderboard_id text collate "C" not null,
    season_id text collate "C" not null,
    user_id text collate "C" not null,
    place bigint not null check (place >= 1),
    point_type_id text collate "C" not null,
    points bigint not null check (points > 0),
    entry_seq bigint not null,
    constraint leaderboard_prize_pkey primary key (tenant_id, leaderboard_id, season_id, user_id)
);
select protect('leaderboard_prize');
