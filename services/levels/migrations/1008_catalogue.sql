-- Kept in memory by every process.
select catalogue('point_type');
select catalogue('scheme');
