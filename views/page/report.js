// The same answers from what is embedded in a report: no server is asked.

const embedded = document.getElementById('report');
const data = embedded && JSON.parse(embedded.textContent);

const panelOf = ([station, measurement], span) => {
  const items = data.items.flatMap((item) => item.panels.filter((panel) => panel.station === station && panel.measurement === measurement).map((panel) => ({ item, panel })));
  const overlap = ({ item }) => (span[0] === null ? 0 : Math.min(item.to, span[1]) - Math.max(item.from, span[0]));
  return items.reduce((best, one) => (best === null || overlap(one) > overlap(best) ? one : best), null);
};

const eventsOrStations = () => data.overview.events.id.length > 0;

export const report = data && {
  isReport: true,
  overview: async () => data.overview,
  // Numbers of whole files: what is embedded cannot be counted anew.
  outliers: async (measurement) => {
    const all = data.overview.outliers;
    if (measurement === null) return all;
    const kept = all.station.map((_, at) => at).filter((at) => all.measurement[at] === measurement);
    return Object.fromEntries(Object.entries(all).map(([name, column]) => [name, kept.map((at) => column[at])]));
  },
  stationsOf: async (event) => (data.items[event] ? data.items[event].panels.map((panel) => panel.station) : []),
  holdsEvent: (event) => eventsOrStations() && event < data.items.length,
  spanOf: (series) => {
    const found = series.length > 0 && panelOf(series[0], [null, null]);
    return found ? [found.item.from, found.item.to] : null;
  },
  panels: async (series, span) => {
    const found = series.map((one) => panelOf(one, span));
    if (found.some((one) => one === null)) throw new Error('this series is not in the report: isd-view with the dataset shows it');
    return found.map(({ item, panel }) => ({ ...panel, record: [item.from, item.to] }));
  },
  markBeside: async (series, time, isNext) => {
    const marks = series.flatMap((one) => {
      const found = panelOf(one, [time, time]);
      if (found === null) return [];
      const { t, v, kind, note } = found.panel.marks;
      return t.map((at, number) => ({ station: one[0], measurement: one[1], time: at, value: v[number], kind: kind[number], note: note[number] }));
    });
    const beside = marks.filter((mark) => (isNext ? mark.time > time : mark.time < time));
    return beside.reduce((best, mark) => (best === null || (isNext ? mark.time < best.time : mark.time > best.time) ? mark : best), null);
  },
  station: async (id) => {
    const at = data.overview.stations.id.indexOf(id);
    if (at < 0) throw new Error(`the dataset holds no station ${id}`);
    return at;
  },
  saveCsv: (series, span) => {
    const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text);
    const rows = series.flatMap((one) => {
      const { panel } = panelOf(one, span);
      const id = quoted(data.overview.stations.id[one[0]]);
      const name = quoted(data.overview.measurements[one[1]].name);
      return panel.t.map((at, row) => [at, panel.v[row]]).filter(([at, value]) => value !== null && at >= span[0] && at < span[1])
        .map(([at, value]) => `${id},${new Date(at).toISOString().replace('.000Z', 'Z')},${name},${value}\n`);
    });
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob(['station_id,timestamp,measurement,value\n', ...rows], { type: 'text/csv' }));
    link.download = 'series.csv';
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  },
};
