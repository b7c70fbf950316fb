-- The observations of one event. Needs the table `members`, which isd-events --members writes.
-- $id text: its event_id
select timestamp, station_id, measurement, value, threshold
from members
where event_id = $id
order by timestamp, station_id
