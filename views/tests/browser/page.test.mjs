// The page of published data: Irma, its stations, marks, zooms, the filter, the address, files, and the report.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { browser, changed, open, picture, place, serve, span, titles, tool, traces } from './browser.mjs';

const HOUR = 3600000;
const IRMA = Date.UTC(2017, 8, 10, 20);
const files = ['outliers.parquet', 'flags.csv', 'events.parquet', 'members.arrow'].flatMap((name) => [`--${name.split('.')[0]}`, join(place, name)]);
let served;

before(async () => { served = await serve(join(place, 'observations'), ...files); });
after(async () => { assert.equal(await served.stop(), 0); await browser.close(); });

const chooseIrma = async (page) => {
  await page.selectOption('#kind', 'wind');
  await page.fill('#since', '2017-09-09');
  await page.fill('#until', '2017-09-11');
  await page.waitForFunction(() => document.querySelector('#list button')?.textContent.includes('2017-09-10'));
  await changed(page, () => page.click('#list button >> nth=0'));
};

// The pointer over a mark of the first panel, by its place on the plot.
const pointAt = async (page, time, value, panel = 0) => {
  const at = await page.evaluate(([t, v, number]) => {
    const node = document.getElementById('series');
    const layout = node._fullLayout;
    const [x, y] = [layout.xaxis, layout[`yaxis${number === 0 ? '' : number + 1}`]];
    const box = node.getBoundingClientRect();
    return [box.left + x._offset + x.d2p(t), box.top + y._offset + y.d2p(v)];
  }, [time, value, panel]);
  await page.mouse.move(at[0] + 3, at[1] + 3);
  await page.mouse.move(at[0], at[1], { steps: 3 });
  return at;
};

const hovered = (page) => page.waitForFunction(() => document.querySelector('#series .hoverlayer .hovertext')?.textContent).then((text) => text.jsonValue());

test('an event is listed first and shows its stations below one another', async (t) => {
  for (const [name, look] of [['light-1280', {}], ['dark-1280', { dark: true }], ['light-390', { width: 390, height: 844 }], ['dark-390', { width: 390, height: 844, dark: true }]]) {
    const page = await open(t, served.address, look);
    await picture(page, `start-${name}`);
    assert.match(await page.textContent('#list button >> nth=0'), /^wind 2017-09-10.*3 stations, peak 25\.7 m\/s, PALM BEACH/);
    await chooseIrma(page);
    assert.match(await page.textContent('#subject'), /^wind, event, 2017-09-10 04:00 to 2017-09-11 03:00/);
    const shown = await titles(page);
    assert.deepEqual(shown.map((title) => title.slice(0, 12)), ['722030-12844', '722020-12839', '722029-12888']);
    const exceedances = (await traces(page)).filter(({ name: of }) => of === 'exceedances');
    assert.ok(exceedances[0].x.includes(IRMA) && exceedances[0].y.includes(25.7), 'its peak is marked');
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= (look.width ?? 1280), `nothing is wider than the screen: ${wide}`);
    await picture(page, `irma-${name}`);
  }
});

test('the map shows events and stations, and a click on one opens its series', async (t) => {
  const page = await open(t, `${served.address}#map=-80.9,26.3,0.02`);
  await page.selectOption('#kind', 'wind');
  await page.waitForFunction(() => / of 544 events/.test(document.getElementById('count').textContent));
  const at = await page.evaluate(() => {
    const node = document.getElementById('map');
    const { xaxis, yaxis } = node._fullLayout;
    const box = node.getBoundingClientRect();
    return [box.left + xaxis._offset + xaxis.d2p(-80.283), box.top + yaxis._offset + yaxis.d2p(26.041)];
  });
  await changed(page, () => page.mouse.click(at[0], at[1]));
  assert.match(await page.textContent('#subject'), /2017-09-10/);
  // The wheel shows more of the world.
  const shown = () => page.textContent('#map-note');
  const before = await shown();
  await page.mouse.move(at[0] - 100, at[1]);
  for (let turn = 0; turn < 4; turn += 1) { await page.mouse.wheel(0, 300); await page.waitForTimeout(200); }
  await page.waitForFunction((old) => document.getElementById('map-note').textContent !== old, before);
  await picture(page, 'map-wider');
});

test('an outlier tells its reason where the pointer rests on it', async (t) => {
  const page = await open(t, `${served.address}#station=722030-12844&measurement=wind_speed_rate&from=${Date.UTC(2017, 6, 28)}&to=${Date.UTC(2017, 7, 3)}`);
  const outliers = (await traces(page)).find(({ name }) => name === 'outliers');
  const gust = outliers.x.indexOf(Date.UTC(2017, 6, 30, 17));
  assert.equal(outliers.y[gust], 12.9);
  await pointAt(page, outliers.x[gust], 12.9);
  const said = await hovered(page);
  assert.match(said, /2017-07-30 17:00 {2}12\.9 m\/s/);
  assert.match(said, /outlier, z 6\.\d/);
  await picture(page, 'outlier-hovered');
});

test('a flag tells its test, what was found and the limits', async (t) => {
  const page = await open(t, served.address);
  const flagged = readFileSync(join(place, 'flags.csv'), 'utf8').split('\n').map((row) => row.split(',')).find((row) => row[4] === 'neighbour' && row[5] === 'erroneous');
  const time = Date.parse(flagged[1]);
  await page.goto(`${served.address}#station=${flagged[0]}&measurement=${flagged[2]}&from=${time - 24 * HOUR}&to=${time + 24 * HOUR}`);
  await page.reload();
  await page.waitForSelector('html[data-ready]');
  const flags = (await traces(page)).find(({ name }) => name === 'flagged erroneous');
  assert.match(flags.text[flags.x.indexOf(time)], /erroneous by neighbour: found -?[\d.]+, limits -?[\d.]+ to -?[\d.]+, \d+ neighbours/);
});

test('from the whole record down to an hour by wheel and drag, and back', async (t) => {
  const page = await open(t, `${served.address}#station=722030-12844&measurement=wind_speed_rate`);
  const [from, to] = await span(page);
  assert.ok(to - from > 360 * 24 * HOUR, 'the record is a year');
  assert.match(await page.textContent('#series-note'), /smallest and largest value of each pixel drawn/);
  const wheel = await pointAt(page, (from + to) / 2, 10);
  for (let turn = 0; turn < 4; turn += 1) await changed(page, () => page.mouse.wheel(0, -400));
  const closer = await span(page);
  assert.ok(closer[1] - closer[0] < (to - from) / 2, 'the wheel zooms');
  await page.mouse.move(wheel[0] - 60, wheel[1]);
  await page.mouse.down();
  await page.mouse.move(wheel[0] + 60, wheel[1], { steps: 5 });
  await changed(page, () => page.mouse.up());
  const dragged = await span(page);
  assert.ok(dragged[1] - dragged[0] < (closer[1] - closer[0]) / 3, 'a drag zooms');
  await page.click('#drag');
  await page.mouse.move(wheel[0] + 60, wheel[1]);
  await page.mouse.down();
  await page.mouse.move(wheel[0] - 60, wheel[1], { steps: 5 });
  await changed(page, () => page.mouse.up());
  const moved = await span(page);
  assert.ok(Math.abs(moved[1] - moved[0] - (dragged[1] - dragged[0])) < 60000 && moved[0] > dragged[0], 'or moves');
  await changed(page, () => page.click('#hour'));
  const hour = await span(page);
  assert.equal(hour[1] - hour[0], HOUR);
  await page.keyboard.press('+');
  await page.waitForTimeout(400);
  assert.equal((await span(page))[1] - (await span(page))[0], HOUR, 'an hour is the least');
  await changed(page, () => page.keyboard.press('0'));
  assert.deepEqual(await span(page), [from, to]);
});

test('n and p go from mark to mark', async (t) => {
  const page = await open(t, `${served.address}#station=722030-12844&measurement=wind_speed_rate`);
  const seen = [];
  for (let step = 0; step < 3; step += 1) {
    await changed(page, () => page.keyboard.press('n'));
    seen.push(await page.textContent('#mark'));
  }
  assert.equal(new Set(seen).size, 3);
  for (const mark of seen) assert.match(mark, /^722030-12844 {2}\d{4}-\d\d-\d\d \d\d:\d\d UTC {2}wind speed rate [\d.]+ m\/s: /);
  assert.ok(seen.map((mark) => mark.slice(14, 30)).every((time, at, all) => at === 0 || time > all[at - 1]), 'in order of time');
  await changed(page, () => page.keyboard.press('p'));
  assert.equal(await page.textContent('#mark'), seen[1]);
  await picture(page, 'second-mark');
});

test('the filter lets through kind, verdict, time and place; stations by measurement', async (t) => {
  const page = await open(t, served.address);
  const found = async () => Number((await page.textContent('#count')).replaceAll(',', '').match(/^\d+/)[0]);
  const after = async (act, of) => { await act(); await page.waitForFunction((text) => document.getElementById('count').textContent.includes(text), of); };
  await after(() => page.selectOption('#kind', 'wind'), '185 of 544');
  await after(() => page.selectOption('#verdict', 'event'), '43 of 544');
  await after(() => page.fill('#since', '2017-09-01'), ' of 544');
  await page.waitForTimeout(300);
  const since = await found();
  assert.ok(since < 43 && since > 0);
  await page.fill('#search', 'palm beach');
  await page.waitForFunction(() => document.querySelectorAll('#list button').length === 1);
  const link = page.url();
  const other = await open(t, link);
  assert.equal(await other.textContent('#count'), '1 of 544 events', 'the address says the filter');
  await page.click('#list-stations');
  await page.fill('#search', '');
  await page.fill('#since', '');
  await page.waitForFunction(() => /^63 stations/.test(document.getElementById('count').textContent));
  await page.selectOption('#measured', 'sea_level_pressure');
  await page.waitForFunction(() => /^36 of 63/.test(document.getElementById('count').textContent));
  await page.check('#on-map');
  await page.selectOption('#measured', '');
  await page.waitForTimeout(400);
  await picture(page, 'stations');
  await page.keyboard.press('Escape');
  await changed(page, () => page.keyboard.press('j'));
  await page.locator('#measurement').selectOption('all');
  await page.waitForFunction(() => document.getElementById('series').layout.annotations.length >= 8);
  await picture(page, 'all-measurements');
});

test('the address says the view, and going back shows the one before', async (t) => {
  const page = await open(t, served.address);
  await chooseIrma(page);
  await changed(page, () => page.keyboard.press('+'));
  const [link, there] = [page.url(), await span(page)];
  const other = await open(t, link);
  assert.deepEqual(await span(other), there);
  assert.equal(await other.textContent('#subject'), await page.textContent('#subject'));
  await changed(page, () => page.keyboard.press('j'));
  await changed(page, () => page.goBack());
  assert.match(await page.textContent('#subject'), /2017-09-10/);
});

test('what is seen is saved as PNG, SVG and CSV', async (t) => {
  const page = await open(t, served.address);
  await chooseIrma(page);
  const saved = async (button) => { const [download] = await Promise.all([page.waitForEvent('download'), page.click(button)]); return readFileSync(await download.path()); };
  assert.equal((await saved('#save-png')).subarray(1, 4).toString(), 'PNG');
  const svg = (await saved('#save-svg')).toString();
  assert.ok(svg.includes('<svg') && svg.includes('PALM BEACH'));
  const rows = (await saved('#save-csv')).toString().trim().split('\n');
  assert.equal(rows[0], 'station_id,timestamp,measurement,value');
  assert.ok(rows.includes('722030-12844,2017-09-10T20:00:00Z,wind_speed_rate,25.7'));
  const [from, to] = await span(page);
  assert.ok(rows.slice(1).every((row) => { const at = Date.parse(row.split(',')[1]); return at >= from && at < to; }));
});

test('the exported report shows the same from a file', async (t) => {
  const report = join(place, 'report.html');
  tool('isd-view', join(place, 'observations'), ...files, '--export', report);
  const page = await open(t, pathToFileURL(report).href);
  await chooseIrma(page);
  assert.equal((await titles(page)).length, 3);
  const exceedances = (await traces(page)).find(({ name }) => name === 'exceedances');
  assert.ok(exceedances.y.includes(25.7));
  await changed(page, () => page.keyboard.press('n'));
  assert.match(await page.textContent('#mark'), /UTC/);
  await changed(page, () => page.click('#hour'));
  const [from, to] = await span(page);
  assert.equal(to - from, HOUR);
  await changed(page, () => page.keyboard.press('0'));
  await picture(page, 'report');
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#save-csv')]);
  assert.ok(readFileSync(await download.path(), 'utf8').includes('722030-12844,2017-09-10T20:00:00Z,wind_speed_rate,25.7'));
});
