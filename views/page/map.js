// The map: stations, their outliers and events, thinned to what its pixels can show, the most severe first.
import { byId, count, counted, day, plain, words } from './words.js';
import { colours, VERDICTS } from './theme.js';
import { onZoom } from './zoom.js';

// A mark has so many pixels to itself; of one kind there are so many at most.
const CELL = 13;
const MOST_DOTS = 1000;
const MOST_MARKS = 400;
const MARGIN = { l: 8, r: 8, t: 8, b: 8 };

// Degrees a pixel, up to the whole world in either direction.
const clampScale = (scale, { width, height }) => Math.min(Math.max(scale, 0.0005), Math.max(360 / Math.max(width, 100), 190 / height));

export const makeMap = (overview, on) => {
  const node = byId('map');
  const { stations, events } = overview;
  const placed = stations.id.map((_, at) => at).filter((at) => stations.latitude[at] !== null);
  const hasPlaces = placed.length > 0 || events.latitude.some((latitude) => latitude !== null);
  let view = null;
  let content = { events: [], outliers: null, chosen: [], event: null };
  let isDrawn = false;
  let pending = null;

  const size = () => ({ width: Math.max(node.clientWidth - MARGIN.l - MARGIN.r, 50), height: Math.max(node.clientHeight - MARGIN.t - MARGIN.b, 50) });

  const ranges = () => {
    const { width, height } = size();
    const [east, north] = [view.scale * width / 2, view.scale * height / 2];
    return { x: [view.longitude - east, view.longitude + east], y: [view.latitude - north, view.latitude + north] };
  };

  // All of these places, with some room around them; the world where there are none.
  const fit = (longitudes, latitudes) => {
    const { width, height } = size();
    if (longitudes.length === 0) return { longitude: 0, latitude: 10, scale: 360 / width };
    const bounds = (values) => values.reduce(([least, most], value) => [Math.min(least, value), Math.max(most, value)], [Infinity, -Infinity]);
    const [[west, east], [south, north]] = [bounds(longitudes), bounds(latitudes)];
    const scale = Math.max((east - west) / width, (north - south) / height) * 1.15;
    return { longitude: (west + east) / 2, latitude: (south + north) / 2, scale: clampScale(Math.max(scale, 0.01), { width, height }) };
  };

  const contains = (longitude, latitude) => {
    if (view === null || longitude === null) return false;
    const { x, y } = ranges();
    return longitude >= x[0] && longitude <= x[1] && latitude >= y[0] && latitude <= y[1];
  };

  // Of each cell the first of what is there, in the order given.
  const thin = (numbers, longitude, latitude, cell, most) => {
    const { x, y } = ranges();
    const [taken, kept] = [new Set(), []];
    let inside = 0;
    for (const at of numbers) {
      const [east, north] = [longitude[at], latitude[at]];
      if (east === null || east < x[0] || east > x[1] || north < y[0] || north > y[1]) continue;
      inside += 1;
      if (kept.length >= most) continue;
      const key = Math.floor((east - x[0]) / view.scale / cell) * 65536 + Math.floor((north - y[0]) / view.scale / cell);
      if (taken.has(key)) continue;
      taken.add(key);
      kept.push(at);
    }
    return { kept, inside };
  };

  const stationName = (at) => plain([stations.id[at], stations.name[at], stations.region[at]].filter(Boolean).join('  '));

  const traces = () => {
    const colour = colours();
    const of = (numbers, column) => numbers.map((at) => column[at]);
    const point = (numbers, from, more) => ({ type: 'scatter', mode: 'markers', x: of(numbers, from.longitude), y: of(numbers, from.latitude), showlegend: false, ...more });
    const dots = thin(placed, stations.longitude, stations.latitude, CELL / 2, MOST_DOTS);
    const made = [
      { type: 'scatter', mode: 'lines', x: overview.land[0], y: overview.land[1], fill: 'toself', fillcolor: colour.land, line: { color: colour.coast, width: 0.8 }, hoverinfo: 'skip', showlegend: false },
      point(dots.kept, stations, { marker: { size: 4, color: colour.station }, text: dots.kept.map(stationName), customdata: dots.kept.map((at) => ['station', at]), hovertemplate: '%{text}<extra></extra>' }),
    ];
    const notes = [dots.kept.length < dots.inside ? `${count(dots.kept.length)} of ${counted(dots.inside, 'station')}` : counted(dots.inside, 'station')];
    if (content.outliers !== null) {
      const { station, count: counts } = content.outliers;
      const rank = new Map(station.map((at, row) => [at, row]));
      const most = counts.reduce((a, b) => Math.max(a, b), 1);
      const { kept, inside } = thin(station, stations.longitude, stations.latitude, CELL, MOST_MARKS);
      const outliersOf = (at) => counts[rank.get(at)];
      made.push(point(kept, stations, {
        marker: { size: kept.map((at) => 5 + 20 * Math.sqrt(outliersOf(at) / most)), color: 'rgba(0,114,178,0.35)', line: { color: '#0072b2', width: 1 } },
        text: kept.map((at) => `${stationName(at)}<br>${counted(outliersOf(at), 'outlier')}`),
        customdata: kept.map((at) => ['station', at]),
        hovertemplate: '%{text}<extra></extra>',
      }));
      notes.push(`circles: outliers of ${count(kept.length)} of ${counted(inside, 'station')}`);
    }
    if (content.events.length > 0) {
      const { kept, inside } = thin(content.events, events.longitude, events.latitude, CELL, MOST_MARKS);
      const most = content.events.reduce((a, at) => Math.max(a, events.stations[at]), 1);
      // What is surely an event covers what may be none, and the most severe cover the others.
      for (const [verdict, colour0] of [...Object.entries(VERDICTS).reverse()]) {
        const these = kept.filter((at) => events.verdict[at] === verdict).reverse();
        if (these.length === 0) continue;
        made.push(point(these, events, {
          name: words(verdict), showlegend: true,
          marker: { size: these.map((at) => 7 + 18 * Math.sqrt(events.stations[at] / most)), color: `${colour0}66`, line: { color: colour0, width: 1.2 } },
          text: these.map((at) => plain(`${words(events.kind[at])}, ${words(events.verdict[at])}, ${day(events.start[at])}, ${counted(events.stations[at], 'station')}`)),
          customdata: these.map((at) => ['event', at]),
          hovertemplate: '%{text}<extra></extra>',
        }));
      }
      notes.push(kept.length < inside ? `the most severe ${count(kept.length)} of ${counted(inside, 'event')}: zoom in for the others` : counted(inside, 'event'));
    }
    const chosen = content.chosen.filter((at) => stations.latitude[at] !== null);
    made.push(point(chosen, stations, { marker: { size: 11, color: 'rgba(0,0,0,0)', line: { color: colour.ink, width: 2 } }, hoverinfo: 'skip' }));
    if (content.event !== null && events.latitude[content.event] !== null) {
      made.push(point([content.event], events, { marker: { size: 20, symbol: 'cross-thin', color: colour.ink, line: { color: colour.ink, width: 2 } }, hoverinfo: 'skip' }));
    }
    byId('map-note').textContent = notes.join('; ');
    return made;
  };

  const layout = () => {
    const colour = colours();
    const { x, y } = ranges();
    const axis = (range) => ({ range, showgrid: true, gridcolor: colour.grid, zeroline: false, showticklabels: false, ticks: '', nticks: 12 });
    return { margin: MARGIN, paper_bgcolor: colour.ground, plot_bgcolor: colour.sea, dragmode: 'pan', hovermode: 'closest', xaxis: axis(x), yaxis: axis(y), font: { color: colour.ink }, legend: { x: 0.005, y: 0.01, yanchor: 'bottom', bgcolor: `${colour.ground}cc`, font: { size: 11 }, itemsizing: 'constant', itemclick: false, itemdoubleclick: false } };
  };

  const look = (longitude, latitude, scale) => {
    view = { longitude: Math.min(Math.max(longitude, -200), 200), latitude: Math.min(Math.max(latitude, -95), 95), scale: clampScale(scale, size()) };
    draw();
    clearTimeout(pending);
    pending = setTimeout(on.moved, 100);
  };

  // Closer or wider, around a point so many pixels right of the middle and below it.
  const zoom = (factor, x, y) => {
    const scale = clampScale(view.scale * factor, size());
    look(view.longitude + x * (view.scale - scale), view.latitude - y * (view.scale - scale), scale);
  };

  const draw = async () => {
    if (!hasPlaces) return;
    view ??= fit(placed.map((at) => stations.longitude[at]), placed.map((at) => stations.latitude[at]));
    await Plotly.react(node, traces(), layout(), { displayModeBar: false, doubleClick: false });
    if (isDrawn) return;
    isDrawn = true;
    node.on('plotly_relayout', (changed) => {
      if (changed['xaxis.range[0]'] === undefined) return;
      const [x, y] = [[changed['xaxis.range[0]'], changed['xaxis.range[1]']], [changed['yaxis.range[0]'], changed['yaxis.range[1]']]];
      const latitude = y[0] === undefined ? view.latitude : (y[0] + y[1]) / 2;
      look((x[0] + x[1]) / 2, latitude, view.scale);
    });
    onZoom(node, (factor, x, y) => {
      const box = node.getBoundingClientRect();
      zoom(factor, x - box.left - box.width / 2, y - box.top - box.height / 2);
    });
    byId('map-in').addEventListener('click', () => zoom(0.5, 0, 0));
    byId('map-out').addEventListener('click', () => zoom(2, 0, 0));
    node.on('plotly_click', ({ points }) => {
      const found = points.map((one) => one.customdata).filter(Boolean).pop();
      if (found) on.chosen(found[0], found[1]);
    });
  };

  if (!hasPlaces) {
    node.hidden = true;
    for (const button of ['map-in', 'map-out']) byId(button).hidden = true;
    byId('map-note').textContent = 'It is not known where the stations are: there is no map. --stations isd-history.csv says it, here or of isd-convert.';
  }

  return {
    hasPlaces,
    contains,
    draw,
    show: (changed) => { content = { ...content, ...changed }; return draw(); },
    text: () => (view === null ? '' : [view.longitude, view.latitude, view.scale].map((number) => number.toPrecision(6)).join(',')),
    goTo: (text) => {
      const numbers = String(text).split(',').map(Number);
      if (numbers.length === 3 && numbers.every(Number.isFinite)) view = { longitude: numbers[0], latitude: numbers[1], scale: clampScale(numbers[2], size()) };
    },
    resize: () => { if (isDrawn) { Plotly.relayout(node, { width: node.clientWidth, height: node.clientHeight }); } return draw(); },
  };
};
