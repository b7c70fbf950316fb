-- Outliers by year.
select measurement,
       cast(extract(year from timestamp) as int) as year,
       count(*) as outliers,
       count(distinct station_id) as stations
from outliers
group by 1, 2
order by 1, 2
