-- Outliers by hour of day (UTC): a peak at one hour is a habit of the observers or of a machine.
select measurement,
       cast(extract(hour from timestamp) as int) as hour,
       count(*) as outliers,
       count(distinct station_id) as stations
from outliers
group by 1, 2
order by 1, 2
