-- The number, in its partition of profiles' log, of the event that a move followed on; null for moves that followed on none,
-- and for those of before. It orders a move and the events of its user that have the very same time.
alter table level_move add column source_seq bigint;
