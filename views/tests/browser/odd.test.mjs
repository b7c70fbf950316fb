// Data that are not as one would like: names that mean something in HTML, no values, no places, stations that are not there.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { browser, open, picture, place, serve, titles, tool, traces } from './browser.mjs';

const BAD = '<img src=x onerror=alert(1)> </script><script>alert(2)</script> "quoted" \'Ōsaka\' 大阪 & Åre';
const folder = join(place, 'odd');
const dataset = join(folder, 'observations');
const files = ['--outliers', join(folder, 'outliers.csv'), '--flags', join(folder, 'flags.csv'), '--events', join(folder, 'events.csv')];
const quoted = (text) => `"${text.replaceAll('"', '""')}"`;
let served;

before(async () => {
  mkdirSync(folder, { recursive: true });
  const hour = (number) => new Date(Date.UTC(2020, 0, 1, number)).toISOString().slice(0, 19);
  const rows = Array.from({ length: 100 }, (_, at) => `A,${hour(at)},${at < 50 ? 2 : 3},${at}`);
  rows.push(`B,${hour(0)},,1`, `B,${hour(1)},,2`, `C,${hour(0)},7,1`, `D,${hour(0)},1,1`, `D,${hour(40000)},2,2`);
  writeFileSync(join(folder, 'rows.csv'), `station_id,timestamp,wind_speed_rate,${'odd_<b>_measurement'}\n${rows.join('\n')}\n`);
  tool('isd-convert', join(folder, 'rows.csv'), '-o', dataset, '--overwrite', '--quiet');
  const stations = [['A', BAD, 35, 135], ['B', 'none', 36, 136], ['C', 'one', 36.5, 137], ['D', 'gap', 34, 134]];
  writeFileSync(join(dataset, '_stations.csv'), `station_id,name,country,state,latitude,longitude,elevation,first,last,rows\n${stations.map(([id, name, north, east]) => `${id},${quoted(name)},JA,,${north},${east},,2020-01-01T00:00:00Z,2024-07-24T16:00:00Z,100`).join('\n')}\n`);
  writeFileSync(join(folder, 'outliers.csv'), `station_id,timestamp,measurement,value,zscore\nA,${hour(50)}Z,wind_speed_rate,3,inf\nA,${hour(60)}Z,wind_speed_rate,3,-inf\nZ,${hour(60)}Z,wind_speed_rate,3,7\n`);
  writeFileSync(join(folder, 'flags.csv'), `station_id,timestamp,measurement,value,test,verdict,statistic,lower,upper,detail\nA,${hour(70)}Z,wind_speed_rate,3,${quoted(BAD)},erroneous,1,,2,${quoted(BAD)}\n`);
  writeFileSync(join(folder, 'events.csv'), `event_id,kind,verdict,start,end,stations,observations,peak_value,peak_station,peak_time,latitude,longitude,extent_km,lowest_pressure,severity\n${quoted(BAD)},${quoted(BAD)},event,${hour(40)}Z,${hour(60)}Z,1,1,3,A,${hour(50)}Z,35,135,0,,1\n`);
  served = await serve(dataset, ...files);
});
after(async () => { assert.equal(await served.stop(), 0); await browser.close(); });

test('names of files and stations are shown as they are, and run nothing', async (t) => {
  for (const from of ['server', 'file']) {
    const report = join(folder, 'report.html');
    if (from === 'file') tool('isd-view', dataset, ...files, '--export', report);
    const page = await open(t, from === 'file' ? pathToFileURL(report).href : served.address);
    assert.ok((await page.textContent('#list button >> nth=0')).includes('<img src=x onerror=alert(1)>'));
    await page.click('#list button >> nth=0');
    await page.waitForFunction(() => document.getElementById('series').data);
    await page.waitForTimeout(300);
    assert.ok((await page.textContent('#subject')).includes('</script><script>'));
    assert.equal(await page.locator('img').count(), 0);
    const drawn = await page.evaluate(() => document.querySelector('#series .annotation-text').textContent);
    assert.ok(drawn.includes('A  <img src=x onerror=alert(1)>'), drawn);
    const flag = (await traces(page)).find(({ name }) => name === 'flagged erroneous');
    assert.ok(flag.text[0].startsWith('erroneous by &lt;img src=x'), flag.text[0]);
    await picture(page, `odd-${from}`);
  }
});

test('series without values, of one value and across a gap; infinite z-scores', async (t) => {
  const at = (station) => `${served.address}#list=stations&station=${station}&measurement=wind_speed_rate`;
  const none = await open(t, at('B'));
  assert.ok((await titles(none)).includes('no values in this span'));
  const one = await open(t, at('C'));
  assert.deepEqual((await traces(one)).find(({ name }) => name === 'values').y, [7]);
  const gap = await open(t, at('D'));
  assert.deepEqual((await traces(gap)).find(({ name }) => name === 'values').y, [1, 2]);
  const odd = await open(t, at('A'));
  const outliers = (await traces(odd)).find(({ name }) => name === 'outliers');
  assert.deepEqual(outliers.text, ['outlier, z inf', 'outlier, z -inf']);
});

test('a station that is not there is answered with the nearest', async (t) => {
  const context = await browser.newContext();
  t.after(() => context.close());
  const page = await context.newPage();
  await page.goto(`${served.address}#station=AA`);
  await page.waitForSelector('#message:not([hidden])');
  assert.equal(await page.textContent('#message'), 'the dataset holds no station AA: the nearest is A');
});

test('without places there is no map, and the series are there', async (t) => {
  writeFileSync(join(folder, 'few.csv'), 'station_id,timestamp,air_temperature\nX,2020-01-01T00:00:00,1.5\nX,2020-01-01T01:00:00,2.5\n');
  const bare = join(folder, 'bare');
  tool('isd-convert', join(folder, 'few.csv'), '-o', bare, '--overwrite', '--quiet');
  const other = await serve(bare);
  t.after(other.stop);
  const page = await open(t, other.address);
  assert.match(await page.textContent('#map-note'), /^It is not known where the stations are/);
  await page.click('#list button >> nth=0');
  await page.waitForFunction(() => document.getElementById('series').data);
  assert.deepEqual((await traces(page)).find(({ name }) => name === 'values').y, [1.5, 2.5]);
});

test('a link in another page leads here', async (t) => {
  const linking = join(folder, 'linking.html');
  const link = `${served.address}#list=stations&amp;station=C&amp;measurement=wind_speed_rate`;
  writeFileSync(linking, `<!doctype html><meta http-equiv="refresh" content="0; url=${link}">`);
  const page = await open(t, pathToFileURL(linking).href);
  assert.match(await page.textContent('#subject'), /^C  one/);
});

test('another page gets nothing', async (t) => {
  const context = await browser.newContext();
  t.after(() => context.close());
  const page = await context.newPage();
  // A page of another origin: a file.
  const stranger = join(folder, 'stranger.html');
  writeFileSync(stranger, '<!doctype html><title>x</title>');
  await page.goto(pathToFileURL(stranger).href);
  const got = await page.evaluate((address) => Promise.allSettled([
    fetch(`${address}api/overview`), fetch(`${address}api/overview`, { mode: 'no-cors' }).then(async (answer) => { if (!(await answer.text())) throw new Error('empty'); }),
    new Promise((loaded, failed) => { const script = document.createElement('script'); script.src = `${address}plotly.js`; script.onload = loaded; script.onerror = () => failed(new Error('refused')); document.head.append(script); }),
  ]).then((all) => all.map(({ status }) => status)), served.address);
  assert.deepEqual(got, ['rejected', 'rejected', 'rejected']);
});
