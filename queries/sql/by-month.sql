-- Outliers by year and month.
select measurement,
       cast(extract(year from timestamp) as int) as year,
       cast(extract(month from timestamp) as int) as month,
       count(*) as outliers,
       count(distinct station_id) as stations
from outliers
group by 1, 2, 3
order by 1, 2, 3
