create table till (
    tenant_id text collate "C" primary key,
    balance   bigint not null check (balance >= 0)
);
select protect('till');
