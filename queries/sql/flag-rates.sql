-- What each test finds in each measurement, by verdict, and its share of all that is found there. Needs the table `flags`.
select measurement, test,
       count(*) filter (where verdict = 'erroneous') as erroneous,
       count(*) filter (where verdict = 'suspect') as suspect,
       count(*) filter (where verdict = 'released') as released,
       count(distinct station_id) as stations,
       round(100.0 * count(*) / sum(count(*)) over (partition by measurement), 1) as percent
from flags
group by measurement, test
order by measurement, test
