// In: a Chromium, a page's file, a folder for pictures. Out, as JSON: what the browser and axe-core found wrong, per
// width and colour scheme.
//
//   node browser.mjs CHROMIUM PAGE.html FOLDER      (playwright-core and axe-core come from NODE_MODULES)

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [chromium, page, folder] = process.argv.slice(2);
const require = createRequire(join(process.env.NODE_MODULES, 'here.js'));
const playwright = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const url = pathToFileURL(page).href;

const browser = await playwright.chromium.launch({ executablePath: chromium, args: ['--no-sandbox', '--disable-gpu'] });
const found = { browser: browser.version(), views: [] };
for (const width of [390, 1440]) {
  for (const scheme of ['light', 'dark']) {
    const view = { width, scheme, console: [], requests: [] };
    // The page forbids every script; axe's is let in for the inspection alone.
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: scheme, bypassCSP: true });
    const tab = await context.newPage();
    tab.on('console', (message) => view.console.push(`${message.type()}: ${message.text()}`));
    tab.on('pageerror', (error) => view.console.push(`error: ${error.message}`));
    tab.on('request', (request) => view.requests.push(request.url()));
    await tab.goto(url);
    view.requests = view.requests.filter((request) => request !== url);
    Object.assign(view, await tab.evaluate(look));
    await tab.screenshot({ path: join(folder, `${width}-${scheme}.png`), fullPage: true });
    await tab.evaluate(() => document.querySelectorAll('details').forEach((details) => (details.open = true)));
    view.overflowOpened = await tab.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    await tab.addScriptTag({ content: axe });
    const result = await tab.evaluate(() => axe.run({ resultTypes: ['violations'] }));
    view.violations = result.violations.map(({ id, impact, nodes }) => ({
      id,
      impact,
      nodes: nodes.slice(0, 3).map((node) => `${node.target.join(' ')}: ${node.failureSummary}`),
    }));
    found.views.push(view);
    await context.close();
  }
}

// The same page with its own policy in force, and on paper.
const context = await browser.newContext({ viewport: { width: 794, height: 1123 }, colorScheme: 'dark' });
const tab = await context.newPage();
found.console = [];
tab.on('console', (message) => found.console.push(`${message.type()}: ${message.text()}`));
tab.on('pageerror', (error) => found.console.push(`error: ${error.message}`));
await tab.goto(url);
await tab.emulateMedia({ media: 'print' });
found.print = await tab.evaluate(look);
found.paper = await tab.evaluate(() => getComputedStyle(document.body).backgroundColor);
await tab.screenshot({ path: join(folder, 'print.png'), fullPage: true });
await tab.pdf({ path: join(folder, 'print.pdf'), format: 'A4', margin: { top: '15mm', bottom: '15mm', left: '12mm', right: '12mm' } });
await browser.close();
console.log(JSON.stringify(found));

/** Runs in the page: what stands out of it, and of each chart that shows its name, size and marks. */
function look() {
  const shown = [...document.querySelectorAll('figure > svg')].filter((svg) => svg.getClientRects().length > 0);
  return {
    overflow: document.documentElement.scrollWidth - innerWidth,
    figures: document.querySelectorAll('figure').length,
    charts: shown.map((svg) => {
      const box = svg.getBoundingClientRect();
      const letters = [...svg.querySelectorAll('text')];
      const right = Math.max(...letters.map((text) => text.getBoundingClientRect().right), 0);
      const marks = [...svg.querySelectorAll('polyline, polygon, rect')].filter((mark) => {
        const { width, height } = mark.getBoundingClientRect();
        return width > 0 || height > 0;
      });
      return {
        name: svg.getAttribute('aria-label'),
        width: Math.round(box.width),
        height: Math.round(box.height),
        marks: marks.length,
        letters: letters.length,
        smallest: Math.min(...letters.map((text) => (parseFloat(getComputedStyle(text).fontSize) * box.width) / svg.viewBox.baseVal.width)),
        outside: Math.round(right - svg.parentElement.getBoundingClientRect().right),
      };
    }),
  };
}
