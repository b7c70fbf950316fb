-- The series around one outlier: what came before and after, and how far each value lies from those before it.
-- $station station: its station_id, or a part of its id or of its name
-- $time time: when it was, such as 2017-09-10T12:00:00Z
-- $measurement column = wind_speed_rate: the column
-- $window integer = 30: how many values before each are compared
-- $hours integer = 48: how many hours before and after
with scored as (
  select timestamp, $measurement as value,
         rolling_zscore($measurement, $window) over (partition by station_id order by timestamp) as zscore
  from observations
  where station_id = $station
)
select timestamp, value, zscore, timestamp = $time as here
from scored
where abs(extract(epoch from timestamp) - extract(epoch from $time)) <= $hours * 3600
order by timestamp
