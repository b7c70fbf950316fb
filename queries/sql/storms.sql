-- Outliers that neighbouring stations share within a day: a storm. Needs the table `stations`.
-- $km number = 200: how far apart neighbours are at most
-- $hours integer = 24: how far apart their outliers are at most
-- $least integer = 1: how many neighbours have one at least
with placed as (
  select o.station_id, o.timestamp, o.measurement, o.value, o.zscore, s.name, s.latitude, s.longitude,
         cast(floor(extract(epoch from o.timestamp) / ($hours * 3600)) as bigint) as period
  from outliers o
  join stations s on s.station_id = o.station_id
  where s.latitude is not null
), sites as (
  -- A degree of latitude is 111.2 km: stations within reach lie in neighbouring bands.
  select distinct station_id, latitude, longitude, cast(floor(latitude * 111 / $km) as bigint) as band
  from placed
), near as (
  select a.station_id, b.station_id as neighbour
  from (select station_id, latitude, longitude, unnest([band - 1, band, band + 1]) as band from sites) a
  join sites b on b.band = a.band
  where a.station_id <> b.station_id
    and great_circle_km(a.latitude, a.longitude, b.latitude, b.longitude) <= $km
), shared as (
  select a.station_id, a.measurement, a.timestamp, count(distinct b.station_id) as neighbours
  from (select station_id, measurement, timestamp, unnest([period - 1, period, period + 1]) as period
        from placed) a
  join near n on n.station_id = a.station_id
  join placed b on b.station_id = n.neighbour and b.measurement = a.measurement and b.period = a.period
  where abs(extract(epoch from b.timestamp) - extract(epoch from a.timestamp)) <= $hours * 3600
  group by a.station_id, a.measurement, a.timestamp
)
select p.measurement, p.timestamp, p.station_id, p.name, p.latitude, p.longitude, p.value, p.zscore, s.neighbours
from placed p
join shared s on s.station_id = p.station_id and s.measurement = p.measurement and s.timestamp = p.timestamp
where s.neighbours >= $least
order by p.measurement, p.timestamp, p.station_id
