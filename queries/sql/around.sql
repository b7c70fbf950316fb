-- The series around one outlier: what came before and after, and how far each value lies from those before it.
-- $station station: its station_id, or a part of its id or of its name
-- $time time: when it was, such as 2017-09-10T12:00:00Z
-- $measurement column = wind_speed_rate: the column
-- $hours integer = 48: how many hours before and after
-- $window integer = 30: values in the window
-- $window_seconds number = 0: the time that the window reaches back, instead of a number of values
-- $include_current text = false: whether the window ends with the value itself
-- $min_std number = 0: the least standard deviation
-- $ddof integer = 0: what the number of values is lessened by for the standard deviation
-- $min_periods integer = 0: values that the window must hold for a test, 0 for all of them, or 10 where it is a time
-- $fill_limit_rows integer = 0: over how many rows a value is filled in, 0 without limit
-- $fill_limit_seconds number = 0: over how much time a value is filled in, 0 without limit
with series as (
  select timestamp, $measurement as observed, row_number() over (order by timestamp) as row
  from observations
  where station_id = $station
), carried as (
  select *,
         forward_fill(observed) over (order by timestamp) as carried,
         forward_fill(case when observed is not null then row end) over (order by timestamp) as carried_row,
         forward_fill(case when observed is not null then timestamp end) over (order by timestamp) as carried_from
  from series
), filled as (
  select timestamp, carried as value, row_number() over (order by timestamp) as place
  from carried
  where carried is not null
    and ($fill_limit_rows = 0 or row - carried_row <= $fill_limit_rows)
    and ($fill_limit_seconds = 0
         or extract(epoch from timestamp) - extract(epoch from carried_from) <= $fill_limit_seconds)
), near as (
  select s.timestamp, s.observed, f.value, f.place
  from series s left join filled f on f.timestamp = s.timestamp
  where abs(extract(epoch from s.timestamp) - extract(epoch from $time)) <= $hours * 3600
), spread as (
  select n.timestamp, avg(f.value) as mean,
         greatest(stddev_pop(f.value) * sqrt(count(*) / nullif(count(*) - $ddof, 0.0)), $min_std) as std
  from near n join filled f on case
    when $window_seconds = 0 and $include_current = 'true' then f.place > n.place - $window and f.place <= n.place
    when $window_seconds = 0 then f.place >= n.place - $window and f.place < n.place
    when $include_current = 'true' then f.timestamp <= n.timestamp
      and extract(epoch from f.timestamp) > extract(epoch from n.timestamp) - $window_seconds
    else f.timestamp < n.timestamp
      and extract(epoch from f.timestamp) >= extract(epoch from n.timestamp) - $window_seconds
  end
  group by n.timestamp
  having count(*) >= case when $min_periods > 0 then $min_periods when $window_seconds = 0 then $window else 10 end
)
select n.timestamp, n.value, n.value is not null and n.observed is null as filled,
       case when n.value = s.mean then 0.0 else (n.value - s.mean) / s.std end as zscore, n.timestamp = $time as here
from near n left join spread s on s.timestamp = n.timestamp
order by n.timestamp
