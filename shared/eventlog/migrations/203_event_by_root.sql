-- Nobody looks an event up by its id alone: what it led to is found by its root, which a first event is itself. Random ids
-- of every event of every log cost a page of this index each.
drop index event_by_id;
