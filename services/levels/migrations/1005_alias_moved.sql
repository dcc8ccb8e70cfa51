-- Whom ids mean is kept the same way in every service now (user_alias). Both tables are protected, also from their owner.
alter table level_alias no force row level security;
alter table user_alias no force row level security;
insert into user_alias (tenant_id, alias, user_id) select tenant_id, alias, user_id from level_alias;
drop table level_alias;
alter table user_alias force row level security;
