// The page: what is chosen, the address that says it, and keys.
import { byId, counted, element, time, words } from './words.js';
import { readState, writeState } from './state.js';
import { onTheme, toggleTheme } from './theme.js';
import { server } from './server.js';
import { report } from './report.js';
import { makeMap } from './map.js';
import { makeList } from './list.js';
import { makeSeries } from './series.js';
import { makeSave } from './save.js';

const DAY = 24 * 3600000;

const source = report ?? server;

const failed = (error) => {
  byId('message').textContent = error.message;
  byId('message').hidden = false;
};

const start = async () => {
  const overview = await source.overview();
  const { stations, events, measurements } = overview;
  let chosen = { event: null, station: null, measurement: null };
  let isRestoring = false;

  const remember = (isStep) => {
    if (isRestoring) return;
    const { span, panels, mark } = series.seen();
    const seen = panels.length ? { from: Math.round(span[0]), to: Math.round(span[1]), mark: mark?.time } : {};
    const named = { event: chosen.event === null ? '' : events.id[chosen.event] || chosen.event, station: chosen.station === null ? '' : stations.id[chosen.station], measurement: chosen.measurement };
    writeState({ ...list.state(), ...named, ...seen, map: map.text() }, isStep);
  };

  const map = makeMap(overview, { moved: () => { list.moved(); remember(false); }, chosen: (kind, at) => choose(kind, at).catch(failed) });
  const list = makeList(overview, source, map, { chosen: (kind, at) => choose(kind, at).catch(failed), filtered: () => remember(false), failed });
  const series = makeSeries(overview, source, { drawn: () => remember(false), failed });
  makeSave(series, source, failed);

  const numberOf = (name) => measurements.findIndex((measurement) => measurement.name === name);

  const measurementOf = () => {
    if (chosen.measurement !== null) return;
    const wanted = chosen.event === null ? list.outlierOf(chosen.station)?.measurement : events.measurement[chosen.event];
    chosen.measurement = measurements[wanted ?? 0]?.name ?? null;
  };

  const seriesOf = async () => {
    const all = chosen.event === null ? [chosen.station] : await source.stationsOf(chosen.event);
    if (chosen.measurement === 'all') return all.slice(0, 1).flatMap((station) => measurements.map((_, number) => [station, number]));
    return all.slice(0, 12).map((station) => [station, numberOf(chosen.measurement)]);
  };

  const subject = () => {
    const { event, station } = chosen;
    const text = event !== null
      ? `${words(events.kind[event])}, ${words(events.verdict[event])}, ${time(events.start[event])} to ${time(events.end[event])}`
      : [stations.id[station], stations.name[station], stations.region[station]].filter(Boolean).join('  ');
    byId('subject').textContent = text;
    document.title = `${text} · isd-view`;
    const options = [...measurements.map(({ name }) => [name, words(name)]), ...(source.isReport ? [] : [['all', event === null ? 'all measurements' : 'all, first station']])];
    byId('measurement').replaceChildren(...options.map(([value, label]) => { const option = element('option', label); option.value = value; return option; }));
    byId('measurement').value = chosen.measurement;
    byId('measurement').disabled = source.isReport;
  };

  const open = async (span) => {
    byId('message').hidden = true;
    measurementOf();
    subject();
    const wanted = await seriesOf();
    list.mark(chosen.event === null ? 'station' : 'event', chosen.event ?? chosen.station);
    if (wanted.length === 0) throw new Error(source.isReport ? 'the series of this event are not in the report, which holds those of the most severe' : 'no station of the dataset is known to have seen this event: --members of isd-events says which did');
    await map.show({ chosen: wanted.map(([station]) => station), event: chosen.event });
    const shade = chosen.event === null ? null : [events.start[chosen.event], events.end[chosen.event]];
    await series.show(wanted, span, shade);
  };

  const choose = async (kind, at) => {
    chosen = { event: kind === 'event' ? at : null, station: kind === 'station' ? at : null, measurement: null };
    let span = kind === 'event' ? [events.start[at] - 3 * DAY, events.end[at] + 3 * DAY] : [null, null];
    if (source.isReport && kind === 'station') { measurementOf(); span = source.spanOf([[at, numberOf(chosen.measurement)]]) ?? span; }
    isRestoring = true;
    try { await open(span); } finally { isRestoring = false; }
    remember(true);
    if (matchMedia('(max-width: 760px)').matches) byId('times').scrollIntoView({ block: 'start' });
  };

  const restore = async () => {
    const state = readState();
    isRestoring = true;
    try {
      list.restore(state);
      if (state.map) map.goTo(state.map);
      await list.find();
      const event = state.event === undefined ? -1 : events.id.indexOf(state.event);
      const station = state.station === undefined ? null : await source.station(state.station);
      if (event >= 0 || station !== null) {
      chosen = { event: event < 0 ? null : event, station: event < 0 ? station : null, measurement: state.measurement === 'all' || numberOf(state.measurement) >= 0 ? state.measurement : null };
      const [from, to] = [Number(state.from), Number(state.to)];
      const said = state.from && state.to && from < to ? [from, to] : null;
      await open(said ?? (event < 0 ? [null, null] : [events.start[event] - 3 * DAY, events.end[event] + 3 * DAY]));
      }
    } finally {
      isRestoring = false;
    }
    remember(false);
  };

  byId('title').textContent = `isd-view · ${overview.dataset}`;
  byId('about').textContent = [counted(overview.rows, 'row'), counted(stations.id.length, 'station'), ...(events.id.length ? [counted(events.id.length, 'event')] : [])].join(', ');

  byId('measurement').addEventListener('change', (event) => {
    chosen.measurement = event.target.value;
    open(series.seen().span).then(() => remember(true)).catch(failed);
  });
  const actions = {
    next: () => series.beside(true), previous: () => series.beside(false), in: () => series.zoom(0.5), out: () => series.zoom(2), hour: () => series.hour(), whole: () => series.whole(),
    drag: () => series.toggleDrag(),
  };
  const act = (name) => { if (name === 'drag' || series.seen().panels.length) Promise.resolve(actions[name]()).catch(failed); };
  for (const name of Object.keys(actions)) byId(name).addEventListener('click', () => act(name));
  const sayDrag = () => { byId('drag').textContent = series.dragZooms() ? 'drag: zoom' : 'drag: move'; byId('drag').setAttribute('aria-pressed', String(!series.dragZooms())); };
  byId('drag').addEventListener('click', sayDrag);
  sayDrag();
  byId('theme').addEventListener('click', toggleTheme);
  const toggleKeys = () => { byId('keys').hidden = !byId('keys').hidden; byId('keys-button').setAttribute('aria-expanded', String(!byId('keys').hidden)); };
  byId('keys-button').addEventListener('click', toggleKeys);

  const keys = {
    n: () => act('next'), p: () => act('previous'), '+': () => act('in'), '=': () => act('in'), '-': () => act('out'), 0: () => act('whole'),
    ArrowLeft: () => series.seen().panels.length && series.move(-0.3), ArrowRight: () => series.seen().panels.length && series.move(0.3),
    j: () => list.beside(1), k: () => list.beside(-1), '/': () => byId('search').focus(), t: toggleTheme, '?': toggleKeys,
  };
  document.addEventListener('keydown', (event) => {
    const isTyping = event.target.matches('input, select, textarea');
    if (event.key === 'Escape' && isTyping) event.target.blur();
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });

  onTheme(() => { map.draw(); series.draw(); });
  let resized = null;
  window.addEventListener('resize', () => {
    clearTimeout(resized);
    resized = setTimeout(() => { map.resize(); series.resize(); }, 150);
  });
  window.addEventListener('popstate', () => restore().catch(failed));
  await restore();
  document.documentElement.dataset.ready = 'yes';
};

start().catch(failed);
