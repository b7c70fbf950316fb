// The list of events, or of stations by their outliers, and its filter.
import { byId, count, counted, day, element, time, words } from './words.js';

const SHOWN = 200;
const FILTERS = { kind: 'kind', verdict: 'verdict', measured: 'measured', search: 'search', since: 'since', until: 'until' };

const options = (select, pairs) => select.replaceChildren(...pairs.map(([value, text]) => {
  const option = element('option', text);
  option.value = value;
  return option;
}));

const day0 = (text) => (text ? Date.parse(`${text}T00:00:00Z`) : null);

export const makeList = (overview, source, map, on) => {
  const { events, stations, measurements } = overview;
  let mode = events.id.length > 0 ? 'events' : 'stations';
  let found = [];
  let shown = SHOWN;
  let outliers = overview.outliers;
  let turn = 0;
  let chosen = null;

  const distinct = (column) => [...new Set(column)].sort();
  options(byId('kind'), [['', 'all'], ...distinct(events.kind).map((kind) => [kind, words(kind)])]);
  options(byId('verdict'), [['', 'all'], ...distinct(events.verdict).map((verdict) => [verdict, words(verdict)])]);
  options(byId('measured'), [['', 'all'], ...measurements.map(({ name }) => [name, words(name)])]);
  byId('list-events').disabled = events.id.length === 0;

  const lower = stations.id.map((id, at) => [id, stations.name[at], stations.region[at]].filter(Boolean).join(' ').toLowerCase());
  const span = () => [day0(byId('since').value), byId('until').value ? day0(byId('until').value) + 86400000 : null];
  const byPlace = (at, of) => !byId('on-map').checked || map.contains(of.longitude[at], of.latitude[at]);

  const findEvents = () => {
    const [from, to] = span();
    const [kind, verdict, search] = [byId('kind').value, byId('verdict').value, byId('search').value.trim().toLowerCase()];
    const told = (at) => `${words(events.kind[at])} ${events.id[at].toLowerCase()} ${lower[events.peak_station[at]] ?? ''}`;
    return events.id.map((_, at) => at).filter((at) => (!kind || events.kind[at] === kind) && (!verdict || events.verdict[at] === verdict)
      && (from === null || events.end[at] >= from) && (to === null || events.start[at] < to)
      && (!search || told(at).includes(search)) && byPlace(at, events));
  };

  const findStations = async () => {
    const [from, to] = span();
    const measured = measurements.findIndex(({ name }) => name === byId('measured').value);
    outliers = from === null && to === null && measured < 0 ? overview.outliers : await source.outliers(measured < 0 ? null : measured, [from, to]);
    const search = byId('search').value.trim().toLowerCase();
    const counted0 = new Set(outliers.station);
    const others = measured < 0 && from === null && to === null ? stations.id.map((_, at) => at).filter((at) => !counted0.has(at)) : [];
    return [...outliers.station, ...others].filter((at) => (!search || lower[at].includes(search)) && byPlace(at, stations));
  };

  const eventEntry = (at) => {
    const place = stations.name[events.peak_station[at]] ?? stations.id[events.peak_station[at]] ?? '';
    const units = { wind: 'm/s', low_pressure: 'hPa', heat: '°C', cold: '°C', rain: 'mm' }[events.kind[at]] ?? '';
    const lines = [`${time(events.start[at])} to ${time(events.end[at])}`, `${words(events.verdict[at])}, ${counted(events.stations[at], 'station')}, peak ${events.peak[at]} ${units}${place ? `, ${place}` : ''}`];
    return [`${words(events.kind[at])} ${day(events.start[at])}${events.severity[at] === null ? '' : `, severity ${events.severity[at].toFixed(1)}`}`, lines];
  };

  const rowOf = () => new Map(outliers.station.map((at, row) => [at, row]));
  const stationEntry = (at, rows) => {
    const row = rows.get(at);
    const worst = row === undefined ? [] : [`${counted(outliers.count[row], 'outlier')}, worst z ${outliers.worst[row] === 'inf' || outliers.worst[row] === '-inf' ? outliers.worst[row] : outliers.worst[row].toFixed(1)} of ${words(measurements[outliers.measurement[row]].name)}, ${day(outliers.time[row])}`];
    const record = stations.first[at] === null ? `${count(stations.rows[at])} rows` : `${day(stations.first[at])} to ${day(stations.last[at])}, ${count(stations.rows[at])} rows`;
    return [[stations.id[at], stations.name[at], stations.region[at]].filter(Boolean).join('  '), [...worst, record]];
  };

  const isChosen = (at) => chosen !== null && chosen[0] === (mode === 'events' ? 'event' : 'station') && chosen[1] === at;

  const render = () => {
    const rows = mode === 'events' ? null : rowOf();
    byId('list').replaceChildren(...found.slice(0, shown).map((at) => {
      const [head, lines] = mode === 'events' ? eventEntry(at) : stationEntry(at, rows);
      const button = element('button', head, ...lines.map((line) => element('small', line)));
      button.type = 'button';
      button.dataset.at = at;
      if (isChosen(at)) button.setAttribute('aria-current', 'true');
      return element('li', null, button);
    }));
    const all = mode === 'events' ? events.id.length : stations.id.length;
    const what = mode === 'events' ? 'event' : 'station';
    byId('count').textContent = found.length === all ? `${counted(all, what)}, ${mode === 'events' ? 'most severe' : 'most outliers'} first` : `${count(found.length)} of ${counted(all, what)}`;
    byId('more').hidden = found.length <= shown;
  };

  const show = () => {
    for (const name of ['events', 'stations']) byId(`list-${name}`).setAttribute('aria-pressed', String(mode === name));
    for (const label of document.querySelectorAll('.of-events')) label.hidden = mode !== 'events';
    for (const label of document.querySelectorAll('.of-stations')) label.hidden = mode !== 'stations';
  };

  // Finds anew what the filter lets through, and shows it in the list and, but for a move of the map, on the map.
  const find = async (isMove) => {
    turn += 1;
    const mine = turn;
    const all = mode === 'events' ? findEvents() : await findStations();
    if (mine !== turn) return;
    found = all;
    shown = SHOWN;
    show();
    render();
    if (!isMove) await map.show(mode === 'events' ? { events: found, outliers: null } : { events: [], outliers });
  };

  const choose = (at) => { if (at !== undefined) on.chosen(mode === 'events' ? 'event' : 'station', at); };

  const setMode = (wanted) => {
    if (wanted === mode || (wanted === 'events' && events.id.length === 0)) return;
    mode = wanted;
    find().then(on.filtered);
  };

  byId('list-events').addEventListener('click', () => setMode('events'));
  byId('list-stations').addEventListener('click', () => setMode('stations'));
  byId('more').addEventListener('click', () => { shown += SHOWN; render(); });
  byId('list').addEventListener('click', (event) => {
    const button = event.target.closest('button');
    if (button) choose(Number(button.dataset.at));
  });
  byId('filter').addEventListener('submit', (event) => event.preventDefault());
  let typed = null;
  byId('filter').addEventListener('input', () => {
    clearTimeout(typed);
    typed = setTimeout(() => find().then(on.filtered).catch(on.failed), 120);
  });

  return {
    find,
    moved: () => (byId('on-map').checked ? find(true) : undefined),
    state: () => ({
      ...Object.fromEntries(Object.entries(FILTERS).map(([field, id]) => [field, byId(id).value])),
      onmap: byId('on-map').checked ? '1' : '',
      list: mode,
    }),
    restore: (state) => {
      for (const [field, id] of Object.entries(FILTERS)) byId(id).value = state[field] ?? '';
      byId('on-map').checked = state.onmap === '1';
      if (state.list === 'stations' || (state.list === 'events' && events.id.length > 0)) mode = state.list;
    },
    mark: (kind, at) => {
      chosen = [kind, at];
      for (const button of byId('list').querySelectorAll('button')) {
        if (isChosen(Number(button.dataset.at))) { button.setAttribute('aria-current', 'true'); button.scrollIntoView({ block: 'nearest' }); } else button.removeAttribute('aria-current');
      }
    },
    beside: (step) => {
      const at = chosen === null ? -1 : found.indexOf(chosen[1]);
      choose(at < 0 ? found[0] : found[Math.min(Math.max(at + step, 0), found.length - 1)]);
    },
    outlierOf: (station) => {
      const row = overview.outliers.station.indexOf(station);
      return row < 0 ? null : { measurement: overview.outliers.measurement[row], time: overview.outliers.time[row] };
    },
  };
};
