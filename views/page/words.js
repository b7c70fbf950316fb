// Numbers, times and texts, as people read them.

// Text as Plotly takes it: it reads tags and entities in labels.
export const plain = (text) => String(text).replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');

export const words = (name) => String(name).replace(/_/g, ' ');

export const count = (number) => Number(number).toLocaleString('en-US');

// `one` of something, or so many of it.
export const counted = (number, one) => `${count(number)} ${one}${number === 1 ? '' : 's'}`;

// 2017-09-10 20:00, with seconds where there are any; UTC.
export const time = (ms) => {
  if (ms === null || ms === undefined) return '';
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return String(ms);
  const text = date.toISOString().replace('T', ' ');
  return ms % 60000 === 0 ? text.slice(0, -8) : text.slice(0, -5);
};

export const day = (ms) => time(ms).split(' ')[0];

export const withUnits = (value, units) => `${value}${units ? (units === '°' ? '' : ' ') + units : ''}`;

// An element with text, and children behind it. Data come in as text alone.
export const element = (name, text, ...children) => {
  const made = document.createElement(name);
  if (text !== null) made.textContent = text;
  made.append(...children);
  return made;
};

export const byId = (id) => document.getElementById(id);
