-- The tenant's currency, as profiles tells; null until it does.
alter table tenant_state add column currency text;
