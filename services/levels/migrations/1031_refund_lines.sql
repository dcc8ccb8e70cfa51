-- What lines of an order had in what it earned, and what refunds gave back by line: so that a refund that names lines takes
-- back what those gave. Null: earned, or refunded, before this was kept, or by rules without rates for lines.
alter table earning add column parts jsonb;
alter table order_reversal add column returned jsonb;
