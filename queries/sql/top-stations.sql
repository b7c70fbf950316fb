-- Stations with the most outliers.
-- $n integer = 20: how many stations
select station_id,
       count(*) as outliers,
       count(distinct measurement) as measurements,
       min(timestamp) as first,
       max(timestamp) as last
from outliers
group by station_id
order by outliers desc, station_id
limit $n
