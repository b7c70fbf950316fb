-- count everything
select count(*) as n, count(wind_speed_rate) as winds, count(distinct station_id) as stations from observations;

-- group by station
select station_id, count(*) as n, min(value) as least, max(value) as most, avg(zscore) as mean from outliers where rolling_std > 0 group by station_id order by station_id;

-- having
select station_id, count(*) as n from outliers group by station_id having count(*) > 5 order by n desc, station_id;

-- group by expression and ordinal
select cast(extract(year from timestamp) as int) as year, cast(extract(month from timestamp) as int) as month, count(*) as n from observations group by 1, 2 order by 1, 2;

-- group by all
select measurement, filled, count(*) as n from outliers group by all order by measurement, filled;

-- filtered aggregates
select station_id, count(*) filter (where wind_speed_rate > 10) as gales, count(*) filter (where wind_speed_rate is null) as missing from observations group by station_id order by station_id;

-- conditional sums
select cast(sum(case when filled then 1 else 0 end) as bigint) as filled, cast(sum(case when filled then 0 else 1 end) as bigint) as observed from outliers;

-- population and sample spread
select station_id, stddev_pop(wind_speed_rate) as pop, stddev_samp(wind_speed_rate) as samp, var_pop(wind_speed_rate) as vp, var_samp(wind_speed_rate) as vs from observations group by station_id order by station_id;

-- correlation and regression
select station_id, corr(air_temperature, sea_level_pressure) as r, covar_pop(air_temperature, sea_level_pressure) as c, regr_slope(air_temperature, sea_level_pressure) as slope from observations group by station_id order by station_id;

-- median
select station_id, median(wind_speed_rate) as median from observations group by station_id order by station_id;

-- quantiles
select station_id, percentile_cont(0.25) within group (order by air_temperature) as q1, round(percentile_cont(0.9) within group (order by air_temperature), 4) as q9 from observations group by station_id order by station_id;

-- interquartile range
with q as (select station_id, percentile_cont(0.75) within group (order by wind_speed_rate) - percentile_cont(0.25) within group (order by wind_speed_rate) as iqr from observations group by station_id) select station_id, iqr from q where iqr > 0 order by iqr desc, station_id;

-- distinct on two columns
select distinct measurement, filled from outliers order by measurement, filled;

-- distinct aggregates
select count(distinct value) as vals, count(distinct cast(timestamp as date)) as days from outliers;

-- rollup
select measurement, filled, count(*) as n from outliers group by rollup (measurement, filled) order by measurement nulls last, filled nulls last;

-- cube
select measurement, filled, count(*) as n from outliers group by cube (measurement, filled) order by measurement nulls last, filled nulls last, n;

-- grouping sets
select station_id, measurement, count(*) as n from outliers group by grouping sets ((station_id), (measurement), ()) order by station_id nulls last, measurement nulls last;

-- booleans as aggregates
select measurement, bool_or(filled) as some, bool_and(filled) as every from outliers group by measurement order by measurement;

-- string aggregation
select measurement, string_agg(distinct station_id, ';' order by station_id) as stations from outliers group by measurement order by measurement;

-- first and last of a group
select station_id, (array_agg(value order by timestamp, measurement))[1] as first, count(*) as n from outliers group by station_id order by station_id;

-- inner join
select s.name, count(*) as n from outliers o join stations s on o.station_id = s.station_id group by s.name order by s.name;

-- left join keeps stations without outliers
select s.station_id, count(o.value) as n from stations s left join outliers o on o.station_id = s.station_id group by s.station_id order by s.station_id;

-- full join
select s.station_id as listed, o.station_id as found, o.n from stations s full join (select station_id, count(*) as n from outliers group by station_id) o on o.station_id = s.station_id order by listed nulls last, found nulls last;

-- join using
select country, count(*) as n from outliers join stations using (station_id) group by country order by country nulls last;

-- anti join
select station_id from stations where station_id not in (select station_id from outliers) order by station_id;

-- semi join
select station_id, name from stations s where exists (select 1 from outliers o where o.station_id = s.station_id and o.value > 20) order by station_id;

-- cross join
select count(*) as pairs from stations a cross join stations b where a.station_id < b.station_id;

-- self join within a day
select a.station_id as a, b.station_id as b, count(*) as n from outliers a join outliers b on a.station_id < b.station_id and a.measurement = b.measurement and b.timestamp between a.timestamp - interval '24 hours' and a.timestamp + interval '24 hours' group by 1, 2 order by 1, 2;

-- join on two keys
select o.station_id, o.timestamp, o.value, w.wind_speed_rate from outliers o join observations w on w.station_id = o.station_id and w.timestamp = o.timestamp where o.measurement = 'wind_speed_rate' order by 1, 2 limit 15;

-- range join by value
select s.station_id, count(*) as lower from stations s join stations t on t.elevation < s.elevation group by s.station_id order by s.station_id;

-- lag and lead
select station_id, timestamp, value, lag(value) over w as before, lead(value, 2) over w as later from outliers window w as (partition by station_id, measurement order by timestamp) order by station_id, measurement, timestamp limit 25;

-- row number keeps the latest
select station_id, timestamp, value from (select *, row_number() over (partition by station_id order by timestamp desc, measurement) as k from outliers) where k = 1 order by station_id;

-- qualify
select station_id, timestamp, value from outliers qualify row_number() over (partition by station_id order by value desc, timestamp, measurement) <= 2 order by station_id, value desc, timestamp;

-- ranks
select station_id, n, rank() over (order by n desc) as r, dense_rank() over (order by n desc) as d from (select station_id, count(*) as n from outliers group by station_id) order by n desc, station_id;

-- relative ranks
select station_id, value, percent_rank() over (order by value) as p, cume_dist() over (order by value) as c from outliers where measurement = 'wind_speed_rate' order by value, station_id, timestamp limit 20;

-- ntile
select quarter, count(*) as n, min(value) as least from (select value, ntile(4) over (order by value, station_id, timestamp) as quarter from outliers) group by quarter order by quarter;

-- running total
select timestamp, sum(value) over (order by timestamp, station_id, measurement rows unbounded preceding) as total from outliers order by timestamp, station_id, measurement limit 20;

-- moving mean over rows
select station_id, timestamp, avg(wind_speed_rate) over (partition by station_id order by timestamp rows between 3 preceding and 1 preceding) as mean from observations order by station_id, timestamp limit 30;

-- moving frame over time
select station_id, timestamp, count(*) over (partition by station_id order by timestamp range between interval '2 days' preceding and current row) as n, max(wind_speed_rate) over (partition by station_id order by timestamp range between interval '1 day' preceding and interval '1 day' following) as peak from observations order by station_id, timestamp limit 40;

-- first value of a frame
select station_id, timestamp, first_value(air_temperature) over (partition by station_id order by timestamp rows between 2 preceding and current row) as two_before, nth_value(air_temperature, 2) over (partition by station_id order by timestamp rows between unbounded preceding and current row) as second from observations order by station_id, timestamp limit 12;

-- share of a total
select station_id, n, n * 100.0 / sum(n) over () as percent from (select station_id, cast(count(*) as double) as n from outliers group by station_id) order by station_id;

-- deviation from the group's mean
select station_id, timestamp, air_temperature - avg(air_temperature) over (partition by station_id) as anomaly from observations order by station_id, timestamp limit 20;

-- gaps and islands
with steps as (select station_id, timestamp, case when timestamp - lag(timestamp) over (partition by station_id order by timestamp) <= interval '12 hours' then 0 else 1 end as starts from observations), runs as (select station_id, timestamp, cast(sum(starts) over (partition by station_id order by timestamp rows unbounded preceding) as bigint) as run from steps) select station_id, run, count(*) as n, min(timestamp) as since from runs group by station_id, run having count(*) > 3 order by station_id, run limit 20;

-- date trunc by month
select date_trunc('month', timestamp) as month, count(*) as n from outliers group by 1 order by 1;

-- date trunc by week
select date_trunc('week', timestamp) as week, max(value) as most from outliers group by 1 order by 1;

-- parts of a time
select timestamp, cast(extract(hour from timestamp) as int) as hour, cast(extract(day from timestamp) as int) as day, cast(extract(doy from timestamp) as int) as doy, cast(extract(quarter from timestamp) as int) as quarter from outliers order by timestamp, station_id, measurement limit 12;

-- epoch
select station_id, cast(extract(epoch from min(timestamp)) as bigint) as since from observations group by station_id order by station_id;

-- timestamp literals
select count(*) as n from observations where timestamp >= timestamp '2017-01-01 00:00:00' and timestamp < timestamp '2017-01-08 00:00:00';

-- date literals and casts
select cast(timestamp as date) as day, count(*) as n from observations where cast(timestamp as date) between date '2016-12-30' and date '2017-01-02' group by 1 order by 1;

-- interval arithmetic
select timestamp + interval '90 minutes' as later, timestamp - interval '1 day' as earlier from outliers order by timestamp, station_id, measurement limit 5;

-- day of week
select cast(extract(dow from timestamp) as int) as dow, count(*) as n from observations group by 1 order by 1;

-- time between outliers in hours
select station_id, avg(hours) as mean from (select station_id, cast(extract(epoch from timestamp) - extract(epoch from lag(timestamp) over (partition by station_id order by timestamp, measurement)) as double) / 3600 as hours from outliers) group by station_id order by station_id;

-- like and ilike
select station_id, name from stations where name like '%AIRPORT%' or name ilike '%mayen%' order by station_id;

-- regular expressions
select station_id, regexp_replace(name, '[^A-Z]+', '_', 'g') as key from stations where regexp_replace(name, '^[A-K]', '') <> name order by station_id;

-- string functions
select station_id, upper(left(station_id, 6)) as usaf, right(station_id, 5) as wban, length(name) as n, lower(substr(name, 1, 5)) as start, split_part(station_id, '-', 2) as part from stations order by station_id;

-- concatenation and padding
select station_id || ' ' || coalesce(country, '?') as label, lpad(cast(cast(floor(elevation) as int) as varchar), 5, '0') as metres from stations where elevation >= 0 order by 1;

-- trim and replace
select trim('  x  ') as t, replace('a-b-c', '-', '+') as r, strpos('outliers', 'lie') as p, reverse('abc') as v, repeat('ab', 3) as d;

-- nulls
select coalesce(wind_speed_rate, -1) as wind, nullif(air_temperature, 5.0) as temperature, wind_speed_rate is distinct from null as known from observations where station_id like '722%' order by station_id, timestamp limit 15;

-- nulls sort where they are told to
select latitude from stations order by latitude desc nulls last, station_id;

-- case
select case when value >= 30 then 'storm' when value >= 15 then 'gale' else 'breeze' end as force, count(*) as n from outliers group by 1 order by 1;

-- in list and between
select count(*) as n from outliers where station_id in ('722010-12836', '010010-99999') and value between 10 and 40;

-- scalar subquery
select station_id, value from outliers where value = (select max(value) from outliers) order by station_id, timestamp;

-- correlated subquery
select station_id, (select max(o.value) from outliers o where o.station_id = s.station_id) as most from stations s order by station_id;

-- subquery in from
select max(n) as busiest, avg(n) as mean from (select station_id, cast(count(*) as double) as n from outliers group by station_id);

-- chained ctes
with strong as (select * from outliers where abs(zscore) > 8), places as (select distinct station_id from strong) select p.station_id, s.country from places p join stations s using (station_id) order by 1;

-- recursive cte
with recursive days(day, n) as (select date '2017-01-01' as day, 1 as n union all select cast(day + interval '1 day' as date), n + 1 from days where n < 7) select day, n from days order by day;

-- union
select station_id from stations union select station_id from outliers order by 1;

-- union all
select 'outliers' as source, count(*) as n from outliers union all select 'observations', count(*) from observations order by 1;

-- intersect
select station_id from stations intersect select station_id from outliers where measurement = 'air_temperature' order by 1;

-- except
select station_id from stations except select station_id from outliers order by 1;

-- values
select * from (values (1, 'calm'), (2, 'light')) as scale(force, name) order by force;

-- series of times
select s.station_id, count(*) as n from stations s join observations o on o.station_id = s.station_id where o.air_temperature > (select avg(air_temperature) from observations) group by s.station_id order by s.station_id;

-- rounding
select value, round(zscore, 1) as z, floor(value) as f, ceil(value) as c, trunc(value) as t from outliers where rolling_std > 0 order by station_id, timestamp, measurement limit 12;

-- mathematics
select sqrt(value) as r, ln(value) as l, power(value, 2) as p, exp(-value / 10) as e, cast(sign(value - 20) as int) as s from outliers where value > 0 order by station_id, timestamp, measurement limit 10;

-- infinities are greater than any number
select station_id, count(*) as n from outliers where abs(zscore) = 'infinity' group by station_id order by station_id;

-- greatest and least
select greatest(value, rolling_mean) as g, least(value, rolling_mean, 5.0) as l from outliers order by station_id, timestamp, measurement limit 8;

-- offset and limit
select station_id, timestamp from observations order by timestamp desc, station_id limit 5 offset 10;

-- histogram
select cast(floor(wind_speed_rate / 5) * 5 as int) as bin, count(*) as n from observations where wind_speed_rate is not null group by 1 order by 1;

-- pivot by conditional aggregation
select station_id, max(case when measurement = 'wind_speed_rate' then value end) as wind, max(case when measurement = 'air_temperature' then value end) as temperature from outliers group by station_id order by station_id;

-- three tables
select s.country, cast(extract(year from o.timestamp) as int) as year, count(distinct o.station_id) as stations, avg(w.air_temperature) as temperature from outliers o join stations s using (station_id) join observations w on w.station_id = o.station_id and w.timestamp = o.timestamp group by 1, 2 order by 1 nulls last, 2;

-- nearest earlier observation
select o.station_id, o.timestamp, max(w.timestamp) as before from outliers o join observations w on w.station_id = o.station_id and w.timestamp < o.timestamp group by 1, 2 order by 1, 2 limit 10;

-- casts
select cast('17' as int) + 1 as i, cast(3 as double) / 2 as d, cast(round(2.6) as int) as rounded, cast(true as int) as one, cast(12 as varchar) as text;
