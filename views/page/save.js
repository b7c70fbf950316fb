// What is seen, as a file: a picture of the series, or the rows of their span.
import { byId } from './words.js';

export const makeSave = (series, source, failed) => {
  const name = () => series.seen().panels.length && `isd-${document.title.replace(/[^\p{L}\p{N}]+/gu, '-').slice(0, 60)}`;
  const picture = (format) => {
    if (!name()) return Promise.resolve();
    const { node } = series;
    return Plotly.downloadImage(node, { format, filename: name(), width: node.clientWidth, height: node.clientHeight, scale: format === 'png' ? 2 : 1 });
  };
  byId('save-png').addEventListener('click', () => picture('png').catch(failed));
  byId('save-svg').addEventListener('click', () => picture('svg').catch(failed));
  byId('save-csv').addEventListener('click', () => { if (name()) source.saveCsv(series.seen().series, series.seen().span); });
};
