// Questions to the server that the page came from.

const ask = async (name, parameters) => {
  const answer = await fetch(`api/${name}?${new URLSearchParams(parameters)}`);
  const said = await answer.json().catch(() => ({ error: `the server answered ${answer.status}` }));
  if (!answer.ok) throw new Error(said.hint ? `${said.error}: ${said.hint}` : said.error);
  return said;
};

const spanOf = (span) => [...(span[0] === null ? [] : [['from', span[0]]]), ...(span[1] === null ? [] : [['to', span[1]]])];
const panelsOf = (series) => series.map(([station, measurement]) => ['panel', `${station}.${measurement}`]);

export const server = {
  isReport: false,
  overview: () => ask('overview', []),
  outliers: (measurement, span) => ask('outliers', [...(measurement === null ? [] : [['measurement', measurement]]), ...spanOf(span)]),
  stationsOf: async (event) => (await ask('event', [['number', event]])).stations,
  panels: (series, span, width) => ask('panels', [...panelsOf(series), ...spanOf(span), ['width', width]]),
  markBeside: (series, time, isNext) => ask('mark', [...panelsOf(series), [isNext ? 'after' : 'before', time]]),
  station: async (id) => (await ask('station', [['id', id]])).station,
  saveCsv: (series, span) => {
    const link = document.createElement('a');
    link.href = `api/csv?${new URLSearchParams([...panelsOf(series), ...spanOf(span)])}`;
    link.download = 'series.csv';
    link.click();
  },
};
