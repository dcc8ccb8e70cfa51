-- What other services' events say of users, so that importance can be decided here.
create table case_standing (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    net_spend_minor bigint not null default 0,
    stage text not null default '',
    rank smallint not null default 0,
    constraint case_standing_pkey primary key (tenant_id, user_id)
) with (fillfactor = 80);
select protect('case_standing');
