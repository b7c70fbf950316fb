// Dark and light: what the system prefers, until the user chooses. Colours are Okabe and Ito's.

const LIGHT = { ground: '#ffffff', ink: '#222222', faint: '#5f5f5f', grid: '#e4e4e4', missing: '#dedede', sea: '#eef3f7', land: '#fbfaf5', coast: '#9a9a9a', band: 'rgba(86,180,233,0.3)', mean: '#0072b2', station: '#5f5f5f' };
const DARK = { ground: '#14181c', ink: '#e8eaec', faint: '#a3abb3', grid: '#2b3238', missing: '#30383f', sea: '#1a222a', land: '#2a3036', coast: '#66717b', band: 'rgba(86,180,233,0.25)', mean: '#56b4e9', station: '#a3abb3' };

export const MARKS = {
  outlier: { colour: '#d55e00', symbol: 'circle-open', name: 'outliers' },
  erroneous: { colour: '#cc79a7', symbol: 'x-thin-open', name: 'flagged erroneous' },
  suspect: { colour: '#e69f00', symbol: 'triangle-up-open', name: 'flagged suspect' },
  exceedance: { colour: '#009e73', symbol: 'diamond-open', name: 'exceedances' },
};

export const VERDICTS = { event: '#d55e00', suspected_error: '#cc79a7', unconfirmed: '#e69f00' };

const root = document.documentElement;
const prefersDark = matchMedia('(prefers-color-scheme: dark)');
let listeners = [];

const setTheme = (dark) => {
  root.dataset.theme = dark ? 'dark' : 'light';
  for (const listener of listeners) listener();
};

export const isDark = () => root.dataset.theme === 'dark';
export const colours = () => (isDark() ? DARK : LIGHT);
export const onTheme = (listener) => { listeners = [...listeners, listener]; };
export const toggleTheme = () => setTheme(!isDark());

setTheme(prefersDark.matches);
prefersDark.addEventListener('change', (event) => setTheme(event.matches));
