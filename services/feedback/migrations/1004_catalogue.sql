-- Kept in memory by every process.
select catalogue('case_type');
select catalogue('classification');
select catalogue('sla_policy');
