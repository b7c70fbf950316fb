// What the tests share: isd-view and Chromium, and a page that fails its test when something is amiss.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

const { chromium } = createRequire(join(process.env.ISD_BROWSER_MODULES, 'package.json'))('playwright-core');

export const place = process.env.ISD_BROWSER_PLACE;
const tools = process.env.ISD_BROWSER_TOOLS;
const pictures = process.env.ISD_BROWSER_PICTURES;

export const tool = (name, ...args) => {
  const run = spawnSync(join(tools, name), args, { encoding: 'utf8' });
  assert.equal(run.status, 0, `${name}: ${run.stderr}`);
  return run;
};

// Serves a page; gives its address and what ends it.
export const serve = async (...args) => {
  const server = spawn(join(tools, 'isd-view'), [...args, '--no-open'], { stdio: ['ignore', 'pipe', 'pipe'] });
  const lines = await new Promise((said, failed) => {
    let text = '';
    let trouble = '';
    server.stderr.on('data', (piece) => { trouble += piece; });
    server.stdout.on('data', (piece) => { text += piece; if (text.includes('\n')) said(text); });
    server.once('exit', () => failed(new Error(trouble)));
  });
  const stop = () => new Promise((ended) => { server.once('exit', (status) => ended(status)); server.kill('SIGTERM'); });
  return { address: lines.trim(), stop };
};

export const browser = await chromium.launch({ executablePath: process.env.ISD_BROWSER, args: ['--no-sandbox', '--disable-background-networking'] });

// A page; after the test no request may have left the loopback address, and nothing may have been said on the console.
export const open = async (test, address, { width = 1280, height = 800, dark = false } = {}) => {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: dark ? 'dark' : 'light', acceptDownloads: true });
  const page = await context.newPage();
  const amiss = [];
  page.on('console', (message) => { if (['error', 'warning'].includes(message.type())) amiss.push(message.text()); });
  page.on('pageerror', (error) => amiss.push(error.stack));
  page.on('dialog', (dialog) => { amiss.push(`a dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on('request', (request) => { if (!/^(http:\/\/127\.0\.0\.1:|data:|blob:|file:)/.test(request.url())) amiss.push(`left the machine: ${request.url()}`); });
  test.after(async () => { await context.close(); assert.deepEqual(amiss, []); });
  await page.goto(address);
  await page.waitForSelector('html[data-ready]');
  return page;
};

export const picture = async (page, name) => {
  if (!pictures) return;
  mkdirSync(pictures, { recursive: true });
  await page.screenshot({ path: join(pictures, `${name}.png`) });
};

// What the page shows: span and panels, from its address and its plot.
export const span = (page) => page.evaluate(() => { const said = new URLSearchParams(location.hash.slice(1)); return [Number(said.get('from')), Number(said.get('to'))]; });
export const traces = (page) => page.evaluate(() => document.getElementById('series').data.map(({ name, x, y, text, yaxis }) => ({ name, x, y, text, yaxis })));
export const titles = (page) => page.evaluate(() => document.getElementById('series').layout.annotations.map(({ text }) => text));

// Waits until the view is that of another span.
export const changed = async (page, act) => {
  const before = page.url();
  await act();
  await page.waitForFunction((old) => location.href !== old, before);
  await page.waitForTimeout(150);
};
