// What is looked at, and the address that says so: whoever opens the address sees the same.

const FIELDS = ['list', 'event', 'station', 'measurement', 'from', 'to', 'kind', 'verdict', 'measured', 'search', 'since', 'until', 'map', 'onmap', 'mark'];

// The state that an address says: texts, absent where it says nothing.
export const readState = (hash = location.hash) => {
  const said = new URLSearchParams(hash.slice(1));
  return Object.fromEntries(FIELDS.filter((field) => said.has(field)).map((field) => [field, said.get(field)]));
};

// Says a state in the address. A `step` can be gone back from; others replace what the address said.
export const writeState = (state, step) => {
  const said = new URLSearchParams();
  for (const field of FIELDS) {
    if (state[field] !== undefined && state[field] !== null && state[field] !== '') said.set(field, state[field]);
  }
  const hash = `#${said}`;
  if (hash === location.hash) return;
  try {
    if (step) history.pushState(null, '', hash); else history.replaceState(null, '', hash);
  } catch {
    // Browsers bound how often an address may change; the next change says all.
  }
};
