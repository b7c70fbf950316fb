-- The most extreme outliers of each measurement, by z-score; those with no spread before them are left out.
-- $n integer = 20: how many of each measurement
select measurement, station_id, timestamp, value, rolling_mean, rolling_std, zscore
from outliers
where rolling_std > 0
qualify row_number() over (partition by measurement order by abs(zscore) desc, station_id, timestamp) <= $n
order by measurement, abs(zscore) desc, station_id, timestamp
