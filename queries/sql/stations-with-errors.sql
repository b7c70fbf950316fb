-- Stations with the most erroneous observations. Needs the table `flags`, which isd-qc writes.
-- $n integer = 20: how many stations
with erroneous as (
  -- Several tests may find the same one.
  select distinct station_id, timestamp, measurement from flags where verdict = 'erroneous'
)
select station_id, count(*) as erroneous, count(distinct measurement) as measurements,
       min(timestamp) as first, max(timestamp) as last
from erroneous
group by station_id
order by erroneous desc, station_id
limit $n
