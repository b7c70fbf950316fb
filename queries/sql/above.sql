-- Values above a threshold, straight from the observations.
-- $measurement column = wind_speed_rate: the column
-- $threshold number = 40: in its units
select station_id, timestamp, $measurement as value
from observations
where $measurement > $threshold
order by value desc, station_id, timestamp
