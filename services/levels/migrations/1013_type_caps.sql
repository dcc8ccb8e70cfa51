-- The most that is earned of a type in a period.
alter table point_type add column caps jsonb not null default '[]';
