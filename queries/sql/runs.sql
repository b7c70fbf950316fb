-- Runs of outliers at one station: a stuck sensor, a wrong unit, a bad decode. Isolated gusts do not come in runs.
-- $least integer = 3: outliers that make a run
-- $hours integer = 6: the most hours from one outlier of a run to the next
with gaps as (
  select station_id, measurement, timestamp, value,
         extract(epoch from timestamp) - lag(extract(epoch from timestamp)) over series as gap
  from outliers
  window series as (partition by station_id, measurement order by timestamp)
), numbered as (
  select station_id, measurement, timestamp, value,
         sum(case when gap <= $hours * 3600 then 0 else 1 end) over
           (partition by station_id, measurement order by timestamp rows unbounded preceding) as run
  from gaps
)
select station_id, measurement,
       min(timestamp) as first,
       max(timestamp) as last,
       count(*) as outliers,
       count(distinct value) as distinct_values,
       min(value) as least,
       max(value) as most
from numbered
group by station_id, measurement, run
having count(*) >= $least
order by outliers desc, station_id, measurement, first
