-- The most severe events. Needs the table `events`, which isd-events writes.
-- $kind text = %: their kind, such as wind
-- $verdict text = event: their verdict: event, suspected_error or unconfirmed
-- $n integer = 20: how many
select event_id, kind, start, "end", stations, observations, peak_value, peak_station, lowest_pressure, severity
from events
where kind like $kind and verdict like $verdict
order by severity desc, start, event_id
limit $n
