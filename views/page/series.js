// Series below one another: each view is drawn from as many points as its pixels can show.
import { byId, count, counted, plain, time, withUnits, words } from './words.js';
import { colours, MARKS } from './theme.js';
import { onZoom } from './zoom.js';

const HOUR = 3600000;
const GAP = 34;
const SIDE = { l: 62, r: 14, t: 44, b: 46 };
const X_FORMAT = '%{x|%Y-%m-%d %H:%M}';

const fromAxis = (value) => (typeof value === 'number' ? value : Date.parse(`${String(value).replace(' ', 'T')}Z`));

// Least and most of the values and marks, with some room; the band may leave it by a quarter.
const valueRange = (panel) => {
  let [least, most] = [Infinity, -Infinity];
  const add = (value, low, high) => { if (value !== null && value >= low && value <= high) { least = Math.min(least, value); most = Math.max(most, value); } };
  for (const values of [panel.v, panel.marks.v]) for (const value of values) add(value, -Infinity, Infinity);
  if (least > most) return [0, 1];
  if (panel.band) {
    const room = (most - least) / 4;
    const [low, high] = [least - room, most + room];
    for (const value of panel.band.low) if (value !== null) least = Math.min(least, Math.max(value, low));
    for (const value of panel.band.high) if (value !== null) most = Math.max(most, Math.min(value, high));
  }
  const room = most > least ? (most - least) * 0.06 : Math.max(Math.abs(most) * 0.1, 1);
  return [least - room, most + room];
};

export const makeSeries = (overview, source, on) => {
  const node = byId('series');
  const { stations, measurements } = overview;
  let now = { series: [], span: [null, null], panels: [], shade: null, mark: null };
  let [wanted, loading] = [0, null];
  let isDrawn = false;
  let dragZooms = !matchMedia('(pointer: coarse)').matches;

  const title = ([station, measurement]) => [stations.id[station], stations.name[station], words(measurements[measurement].name)].filter(Boolean).join('  ');

  const record = (panels) => {
    const all = panels.map((panel) => panel.record).filter(Boolean);
    return all.length === 0 ? [0, HOUR] : [Math.min(...all.map((one) => one[0])), Math.max(...all.map((one) => one[1]))];
  };

  // A span of an hour at least, and of the record with some room at most.
  const clamp = ([from, to], panels) => {
    if (from === null || to === null) return [from, to];
    const [first, last] = record(panels);
    const room = Math.max((last - first) * 0.05, 12 * HOUR);
    let length = Math.min(Math.max(to - from, HOUR), last - first + 2 * room);
    if (!Number.isFinite(length)) length = last - first;
    const middle = Math.min(Math.max((from + to) / 2, first), last);
    return [Math.round(middle - length / 2), Math.round(middle + length / 2)];
  };

  const panelTraces = (panel, place) => {
    const colour = colours();
    const measurement = measurements[panel.measurement];
    const axis = { xaxis: 'x', yaxis: `y${place === 0 ? '' : place + 1}`, type: 'scatter' };
    const value = `${X_FORMAT}  %{y}${measurement.units ? ` ${plain(measurement.units)}` : ''}`;
    const legend = (name) => ({ name, legendgroup: name, showlegend: place === 0 });
    const made = [];
    if (panel.band) {
      const { t, mean, low, high } = panel.band;
      made.push({ ...axis, ...legend('band of the threshold'), showlegend: false, mode: 'lines', x: t, y: low, line: { width: 0 }, hoverinfo: 'skip' });
      made.push({ ...axis, ...legend('band of the threshold'), mode: 'lines', x: t, y: high, line: { width: 0 }, fill: 'tonexty', fillcolor: colour.band, hoverinfo: 'skip' });
      made.push({ ...axis, ...legend('window mean'), mode: 'lines', x: t, y: mean, line: { color: colour.mean, width: 1.5 }, hovertemplate: `mean ${value}<extra></extra>` });
    }
    const isSparse = panel.t.length < 250;
    const mode = measurement.is_direction ? 'markers' : isSparse ? 'lines+markers' : 'lines';
    made.push({ ...axis, ...legend('values'), mode, x: panel.t, y: panel.v, connectgaps: false, line: { color: colour.ink, width: panel.is_apart ? 1.2 : 0.8, simplify: false }, marker: { color: colour.ink, size: measurement.is_direction ? 3 : 4 }, hovertemplate: `${value}<extra></extra>` });
    for (const [kind, look] of Object.entries(MARKS)) {
      const rows = panel.marks.kind.map((_, row) => row).filter((row) => panel.marks.kind[row] === kind);
      if (rows.length === 0 && place > 0) continue;
      const isWanted = rows.length > 0 || now.panels.some((one) => one.marks.kind.includes(kind));
      if (!isWanted) continue;
      made.push({ ...axis, ...legend(look.name), mode: 'markers', x: rows.length ? rows.map((row) => panel.marks.t[row]) : [null], y: rows.length ? rows.map((row) => panel.marks.v[row]) : [null], text: rows.map((row) => plain(panel.marks.note[row]).replace(/; /g, '<br>')), marker: { color: look.colour, symbol: look.symbol, size: 11, line: { color: look.colour, width: 2 } }, hovertemplate: `${value}<br>%{text}<extra></extra>` });
    }
    return made;
  };

  const layout = () => {
    const colour = colours();
    const panels = now.panels.length;
    const each = panels === 1 ? Math.max(window.innerHeight * 0.34, 240) : 150;
    const inner = panels * each + (panels - 1) * GAP;
    const made = {
      height: inner + SIDE.t + SIDE.b, margin: SIDE, paper_bgcolor: colour.ground, plot_bgcolor: colour.ground, font: { color: colour.ink, size: 12 },
      hovermode: 'closest', dragmode: dragZooms ? 'zoom' : 'pan', showlegend: true, legend: { orientation: 'h', x: 0, y: 1 + 18 / inner, yanchor: 'bottom', font: { size: 11 }, itemclick: false, itemdoubleclick: false },
      xaxis: { type: 'date', range: now.span, anchor: `y${panels === 1 ? '' : panels}`, gridcolor: colour.grid, linecolor: colour.faint, title: { text: 'time (UTC)', font: { size: 11 } }, hoverformat: '%Y-%m-%d %H:%M' },
      annotations: [], shapes: [],
    };
    now.panels.forEach((panel, place) => {
      const top = 1 - (place * (each + GAP)) / inner;
      const name = `yaxis${place === 0 ? '' : place + 1}`;
      const measurement = measurements[panel.measurement];
      made[name] = { domain: [Math.max(top - each / inner, 0), top], range: valueRange(panel), fixedrange: true, gridcolor: colour.grid, zeroline: false, title: { text: plain(measurement.units || words(measurement.name)), font: { size: 11 } }, nticks: 6 };
      const room = Math.max(node.clientWidth - SIDE.l - SIDE.r, 100) / 7;
      const text = title([panel.station, panel.measurement]);
      made.annotations.push({ xref: 'paper', yref: 'paper', x: 0, y: top, xanchor: 'left', yanchor: 'bottom', showarrow: false, text: plain(text.length > room ? `${text.slice(0, room - 1)}…` : text), font: { size: 12 } });
      const yref = `y${place === 0 ? '' : place + 1} domain`;
      for (const [from, to] of panel.gaps) made.shapes.push({ type: 'rect', layer: 'below', xref: 'x', yref, x0: from, x1: to, y0: 0, y1: 1, fillcolor: colour.missing, line: { width: 0 } });
      if (panel.values === 0) made.annotations.push({ xref: 'paper', yref, x: 0.5, y: 0.5, showarrow: false, text: 'no values in this span', font: { size: 13, color: colour.faint } });
      if (now.shade) made.shapes.push({ type: 'rect', layer: 'below', xref: 'x', yref, x0: now.shade[0], x1: now.shade[1], y0: 0, y1: 1, fillcolor: 'rgba(230,159,0,0.14)', line: { width: 0 } });
      if (now.mark && now.mark.station === panel.station && now.mark.measurement === panel.measurement) made.shapes.push({ type: 'line', xref: 'x', yref, x0: now.mark.time, x1: now.mark.time, y0: 0, y1: 1, line: { color: colour.ink, width: 1, dash: 'dot' } });
    });
    return made;
  };

  const note = () => {
    const rows = now.panels.reduce((sum, panel) => sum + panel.rows, 0);
    const [shown, all] = [now.panels.reduce((sum, panel) => sum + panel.marks.t.length, 0), now.panels.reduce((sum, panel) => sum + panel.marks.total, 0)];
    const thinned = now.panels.some((panel) => !panel.is_apart) ? ', smallest and largest value of each pixel drawn' : '';
    byId('series-note').textContent = now.panels.length === 0 ? '' : `${time(now.span[0])} to ${time(now.span[1])} UTC: ${counted(rows, 'row')}${thinned}; ${shown < all ? `the most severe ${count(shown)} of ${counted(all, 'mark')}` : counted(all, 'mark')}`;
  };

  const draw = async () => {
    if (now.panels.length === 0) return;
    await Plotly.react(node, now.panels.flatMap(panelTraces), { ...layout(), width: node.clientWidth }, { displayModeBar: false, doubleClick: false });
    note();
    if (isDrawn) return;
    isDrawn = true;
    node.on('plotly_relayout', (changed) => {
      const range = changed['xaxis.range'] ?? [changed['xaxis.range[0]'], changed['xaxis.range[1]']];
      if (range[0] !== undefined && range[1] !== undefined) setSpan(range.map(fromAxis));
    });
    onZoom(node, (factor, x) => {
      const [from, to] = now.span;
      const part = Math.min(Math.max((x - node.getBoundingClientRect().left - SIDE.l) / Math.max(node.clientWidth - SIDE.l - SIDE.r, 1), 0), 1);
      const [at, length] = [from + part * (to - from), Math.max((to - from) * factor, HOUR)];
      setSpan([at - part * length, at + (1 - part) * length]);
    });
    node.on('plotly_doubleclick', () => setSpan([null, null]));
    node.on('plotly_click', ({ points }) => {
      const found = points.find((one) => one.text);
      if (!found) return;
      const place = Number(found.data.yaxis.slice(1) || 1) - 1;
      const panel = now.panels[place];
      const row = panel.marks.t.findIndex((at, number) => at === fromAxis(found.x) && panel.marks.v[number] === found.y);
      if (row >= 0) setMark({ station: panel.station, measurement: panel.measurement, time: panel.marks.t[row], value: panel.marks.v[row], kind: panel.marks.kind[row], note: panel.marks.note[row] });
    });
  };

  const run = async () => {
    let asked;
    do {
      asked = wanted;
      const view = now;
      const width = Math.max(Math.round(node.clientWidth - SIDE.l - SIDE.r), 50);
      try {
        const panels = await source.panels(view.series, view.span, width);
        if (asked !== wanted && view.series !== now.series) continue;
        now = { ...now, panels, span: now.span[0] === null ? clamp(record(panels), panels) : now.span };
        await draw();
        on.drawn();
      } catch (error) {
        if (asked === wanted) throw error;
      }
    } while (asked !== wanted);
  };

  // One question at a time: while it is open, others wait, and only the last of them is asked.
  const load = () => {
    wanted += 1;
    loading ??= run().finally(() => { loading = null; });
    return loading;
  };

  const setSpan = (span) => {
    now = { ...now, span: clamp(span, now.panels) };
    return load().catch(on.failed);
  };

  const zoom = (factor) => {
    const [from, to] = now.span;
    const middle = now.mark && now.mark.time > from && now.mark.time < to && factor < 1 ? now.mark.time : (from + to) / 2;
    return setSpan([middle - (to - from) * factor / 2, middle + (to - from) * factor / 2]);
  };

  const setMark = (mark) => {
    now = { ...now, mark };
    const units = measurements[mark.measurement].units;
    byId('mark').textContent = `${stations.id[mark.station]}  ${time(mark.time)} UTC  ${words(measurements[mark.measurement].name)} ${withUnits(mark.value, units)}: ${mark.note}`;
    return draw().then(on.drawn);
  };

  return {
    show: (series, span, shade = null) => {
      now = { series, span, shade, mark: null, panels: [] };
      byId('mark').textContent = '';
      return load();
    },
    setSpan,
    zoom,
    move: (part) => { const length = now.span[1] - now.span[0]; return setSpan([now.span[0] + part * length, now.span[1] + part * length]); },
    hour: () => { const middle = now.mark?.time ?? (now.span[0] + now.span[1]) / 2; return setSpan([middle - HOUR / 2, middle + HOUR / 2]); },
    whole: () => setSpan(source.isReport ? record(now.panels) : [null, null]),
    beside: async (isNext) => {
      if (now.panels.length === 0) return;
      const [from, to] = now.span;
      const mark = await source.markBeside(now.series, now.mark?.time ?? (isNext ? from : to), isNext);
      if (mark === null) { byId('mark').textContent = isNext ? 'no mark behind this one' : 'no mark before this one'; return; }
      // A view of years shows no single value: come closer.
      const length = Math.min(to - from, 7 * 24 * HOUR);
      now = { ...now, mark };
      await setSpan([mark.time - length / 2, mark.time + length / 2]);
      await setMark(mark);
    },
    toggleDrag: () => { dragZooms = !dragZooms; return draw(); },
    dragZooms: () => dragZooms,
    seen: () => now,
    node,
    draw,
    resize: () => (now.panels.length ? load().catch(on.failed) : undefined),
  };
};
