-- A sandbox's manual clock; null: the real one decides.
-- `told`: whether other services were told of the tenant since they keep what they are told.
alter table tenant add column clock timestamptz, add column told boolean not null default false, add constraint tenant_clock_sandbox check (clock is null or sandbox);

-- Every service keeps what decides about its tenants' writes in tenant_state, this one too.
alter table tenant no force row level security;
alter table tenant_state no force row level security;
insert into tenant_state (tenant_id, suspended) select tenant_id, suspended from tenant;
alter table tenant force row level security;
alter table tenant_state force row level security;
