-- Why a value is an outlier: the values of its window, how far it lies from their mean, and from where on that is too far.
-- $station station: its station_id, or a part of its id or of its name
-- $time time: when it was, such as 2017-09-10T12:00:00Z
-- $measurement column = wind_speed_rate: the column
-- $window integer = 30: values in the window
-- $window_seconds number = 0: the time that the window reaches back, instead of a number of values
-- $include_current text = false: whether the window ends with the value itself
-- $threshold number = 6: how many standard deviations are too far
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
  select timestamp, carried as value, observed is null as filled, timestamp = $time as here,
         row_number() over (order by timestamp) as place
  from carried
  where carried is not null
    and ($fill_limit_rows = 0 or row - carried_row <= $fill_limit_rows)
    and ($fill_limit_seconds = 0
         or extract(epoch from timestamp) - extract(epoch from carried_from) <= $fill_limit_seconds)
), members as (
  select f.timestamp, f.value, f.filled
  from filled f join filled h on h.here
  where case
    when $window_seconds = 0 and $include_current = 'true' then f.place > h.place - $window and f.place <= h.place
    when $window_seconds = 0 then f.place >= h.place - $window and f.place < h.place
    when $include_current = 'true' then f.timestamp <= h.timestamp
      and extract(epoch from f.timestamp) > extract(epoch from h.timestamp) - $window_seconds
    else f.timestamp < h.timestamp
      and extract(epoch from f.timestamp) >= extract(epoch from h.timestamp) - $window_seconds
  end
), spread as (
  select avg(value) as mean, stddev_pop(value) * sqrt(count(*) / nullif(count(*) - $ddof, 0.0)) as std,
         count(*) >= case when $min_periods > 0 then $min_periods when $window_seconds = 0 then $window else 10 end as tested
  from members
)
select timestamp, value, filled, false as here, null as mean, null as std, null as deviation, null as "limit"
from members
union all
select h.timestamp, h.value, h.filled, true, s.mean, s.std, h.value - s.mean,
       case when s.tested then $threshold * greatest(s.std, $min_std) end
from filled h cross join spread s
where h.here
order by here, timestamp
