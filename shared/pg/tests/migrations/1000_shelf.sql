create table note (
    tenant_id text collate "C" not null,
    note_id   bigint not null,
    text      text not null constraint note_text_short check (length(text) < 100),
    primary key (tenant_id, note_id)
);
select protect('note');

create table journal (
    tenant_id text collate "C" not null,
    entry_id  bigint not null,
    primary key (tenant_id, entry_id)
);
select protect('journal');
select share('journal');

create table counter (name text primary key, value bigint not null);
