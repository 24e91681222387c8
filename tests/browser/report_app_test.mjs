// The page of the report app, used as people use it.

import assert from 'node:assert/strict';
import {createHash} from 'node:crypto';
import {after, afterEach, before, beforeEach, describe, test} from 'node:test';

import {findFaintText, findFaults, overflows} from './accessibility.mjs';
import {App, openPage, readBytes, startBrowser} from './harness.mjs';

const SLOW = ['--pace', '40', '--concurrency', '1'];

let browser, context, app, page;

before(async () => { browser = await startBrowser(); });
after(async () => { await browser?.close(); });
beforeEach(async () => {
  context = await browser.newContext({viewport: {width: 1280, height: 900}});
});
afterEach(async () => {
  await context?.close();
  await app?.remove();
});

async function open(...options) {
  app = await new App(...options).start();
  page = await openPage(context, app.url);
}

const item = (nth = 0) => page.locator('.report').nth(nth);
const state = (text, nth = 0) => item(nth).locator('.state', {hasText: text}).waitFor();
const generate = () => page.getByRole('button', {name: 'Generate report'}).click();
const choose = (name) => page.getByRole('radio', {name}).check();
const progress = (nth = 0) => item(nth).locator('progress').evaluate((bar) => bar.value);

// Resolves once the bar of the newest report has gone beyond `value`.
async function progressBeyond(value) {
  await page.waitForFunction(
      (least) => document.querySelector('.report progress')?.value > least, value);
}

async function download(nth = 0) {
  const [file] = await Promise.all([
    page.waitForEvent('download'), item(nth).getByRole('link', {name: /Download/}).click()]);
  return {name: file.suggestedFilename(), bytes: readBytes(await file.path())};
}

const report = (nth = 0) => page.evaluate(
    async (place) => (await (await fetch('/reports')).json()).reports[place], nth);

describe('the page', () => {
  test('fill, generate, watch, reload in the middle, download', async () => {
    await open('--pace', '10');
    await page.locator('.states summary').click();
    await page.getByLabel('Texas').check();
    await page.getByLabel('Utah').check();
    assert.equal(await page.locator('#states-chosen').textContent(), 'Texas and Utah');
    await page.getByLabel('From').selectOption('1995');
    await page.getByLabel('Species').fill('bird');
    await choose('PDF');
    await generate();
    await state('In progress');
    await progressBeyond(0.1);
    const seen = await progress();
    await page.reload();
    await page.locator('.report').waitFor();
    assert.ok(await progress() >= seen, 'the bar has gone back');
    await state('Ready');
    assert.equal(await item().locator('.report-title').textContent(),
                 'Texas and Utah, 1995–2002, species “bird”');
    const file = await download();
    const {download: expected} = await report();
    assert.equal(file.name, expected.name);
    assert.equal(createHash('sha256').update(file.bytes).digest('hex'), expected.sha256);
    assert.equal(file.bytes.subarray(0, 5).toString(), '%PDF-');
    assert.deepEqual(page.complaints, []);
  });

  // Each would set `attacked`, or load something, if it were markup, a link or code anywhere.
  const attacks = [
    '<script>attacked = 1</script>',
    '<img src=x onerror="attacked = 1">',
    '"\'><svg onload=attacked=1>',
    '</title></style></textarea><script>attacked=1</script>',
    '<a href="javascript:attacked=1">x</a>',
    '<iframe srcdoc="<script>top.attacked=1</script>"></iframe>',
    '<base href=//x.invalid><link rel=stylesheet href=/x>',
    '${attacked=1}{{attacked=1}}<!--',
    '&lt;script&gt;attacked=1&lt;/script&gt;',
  ];

  test('markup in a wish is text: on the page, after a reload, and in the document', async () => {
    await open();
    for (const [index, attack] of attacks.entries()) {
      assert.ok(attack.length <= 60, attack);
      await page.locator('#species').fill(attack);
      await choose('HTML');
      await generate();
      await page.waitForFunction(
          (count) => document.querySelectorAll('.report').length === count, index + 1);
      await state('Ready');
      assert.ok((await item().locator('.report-title').textContent()).includes(`“${attack}”`));
    }
    const inert = async () => {
      assert.equal(await page.evaluate(() => typeof window.attacked), 'undefined');
      assert.equal(await page.locator('#reports').locator(
          'script, img, svg, iframe, base, link, style, a[href^=javascript]').count(), 0);
      assert.deepEqual(page.complaints, []);
    };
    await inert();
    await page.reload();
    await page.waitForFunction(
        (count) => document.querySelectorAll('.report').length === count, attacks.length);
    await inert();
    // The document, where nothing but its own policy and its escaping protects whoever opens it.
    for (const [index, attack] of [...attacks].reverse().entries()) {
      const {bytes} = await download(index);
      const document = await context.newPage();
      await document.setContent(bytes.toString());
      assert.equal(await document.evaluate(() => typeof window.attacked), 'undefined', attack);
      assert.ok((await document.locator('body').textContent()).includes(attack), attack);
      assert.equal(await document.locator('script, img, iframe, base, link, a').count(), 0, attack);
      await document.close();
    }
  });

  test('every format can be chosen', async () => {
    await open();
    for (const [name, extension] of [['PDF', 'pdf'], ['Excel', 'xlsx'], ['CSV', 'csv'],
                                     ['HTML', 'html']]) {
      await choose(name);
      await choose('Summary');
      await generate();
      await page.locator('.report .what', {hasText: `Summary, ${name}`}).waitFor();
      await state('Ready');
      assert.match((await download()).name, new RegExp(`\\.${extension}$`));
    }
    assert.deepEqual(page.complaints, []);
  });

  test('cancel, and try again', async () => {
    await open(...SLOW);
    await generate();
    await progressBeyond(0);
    await item().getByRole('button', {name: /Cancel/}).click();
    await state('Cancelled');
    assert.equal(await item().locator('progress').isVisible(), false);
    assert.equal(await item().locator('.history').isVisible(), false);
    await item().getByRole('button', {name: /Try again/}).click();
    await state('In progress');
    assert.deepEqual(page.complaints, []);
  });

  test('a double click makes one report', async () => {
    await open(...SLOW);
    await page.getByRole('button', {name: 'Generate report'}).dblclick();
    await state('In progress');
    await generate();
    await page.locator('#announcer', {hasText: 'already being made'}).waitFor();
    assert.equal(await page.locator('.report').count(), 1);
    // Another wish is another report.
    await choose('CSV');
    await generate();
    await page.locator('.report').nth(1).waitFor();
    assert.equal((await page.evaluate(async () => (await (await fetch('/reports')).json())))
                     .reports.length, 2);
  });

  test('an answer that is overtaken by events changes nothing', async () => {
    await open('--allow-simulate', '--max-attempts', '1', ...SLOW);
    // Holds the answer back until the events have told more than it does.
    const overtake = (path, method, until, told) => page.route(path, async (route) => {
      if (route.request().method() !== method) return route.continue();
      const response = await route.fetch();
      await state(until);
      await route.fulfill({response, json: {...await response.json(), ...told}});
    });
    await overtake('**/reports', 'POST', 'Failed', {state: 'pending', attempt: 0, errors: []});
    await page.getByLabel('Fail on purpose').selectOption('dead');
    await generate();
    await page.locator('#announcer', {hasText: 'was accepted'}).waitFor();
    assert.equal(await item().locator('.state').textContent(), 'Failed');
    assert.ok(await item().getByRole('button', {name: /Try again/}).isVisible());

    await page.unrouteAll();
    await overtake('**/reports/2', 'DELETE', 'Cancelled', {state: 'running'});
    await page.getByLabel('Fail on purpose').selectOption('none');
    await generate();
    await page.locator('.report').nth(1).waitFor();
    await state('In progress');
    const [answer] = await Promise.all([
      page.waitForResponse((response) => response.request().method() === 'DELETE'),
      item().getByRole('button', {name: /Cancel/}).click()]);
    assert.equal((await answer.json()).state, 'running');
    // A button that has been pressed does nothing until its answer is there: by now it is.
    await item().getByRole('button', {name: /Try again/}).click();
    await page.waitForFunction(
        async () => (await (await fetch('/reports/2')).json()).generation === 1);
    assert.deepEqual(page.complaints, []);
  });

  test('failing, retrying, dead, and back to work', async () => {
    await open('--allow-simulate', '--retry-initial', '50ms', '--max-attempts', '2');
    await page.getByLabel('Fail on purpose').selectOption('fail');
    await generate();
    await state('Failed');
    assert.match(await item().locator('.note').textContent(), /after 2 of 2 attempts: simulated/);
    // With every error it met.
    const history = item().locator('.history');
    assert.equal(await history.locator('summary').textContent(), '2 failed attempts');
    await history.locator('summary').click();
    const entries = await history.locator('li').allTextContents();
    assert.deepEqual(entries.map((entry) => entry.replace(/, .*: simulated/, ': simulated')), [
      'Attempt 1: simulated: the printer is on fire',
      'Attempt 2: simulated: the printer is on fire',
    ]);
    // A double click is one wish here, too: the second would be refused.
    await item().getByRole('button', {name: /Try again/}).dblclick();
    await page.waitForFunction(async () => {
      const [report] = (await (await fetch('/reports')).json()).reports;
      return report.generation === 1 && report.state === 'dead';
    });
    await state('Failed');
    assert.deepEqual(page.complaints, []);
  });

  test('an open page survives a restart of the server', async () => {
    await open('--pace', '20', '--lease', '1s');
    await choose('CSV');
    await generate();
    await progressBeyond(0.05);
    await app.end('SIGKILL');
    await page.locator('#connection', {hasText: 'Reconnecting'}).waitFor();
    // Wherever the page is scrolled to.
    await page.setViewportSize({width: 360, height: 300});
    for (const top of [0, 400]) {
      await page.evaluate((y) => scrollTo(0, y), top);
      const box = await page.locator('#connection').boundingBox();
      assert.ok(box.y >= 0 && box.y + box.height <= 300, JSON.stringify(box));
    }
    assert.deepEqual(await findFaintText(page), []);
    await app.start('--pace', '0');
    await state('Ready');
    assert.equal(await page.locator('#connection').textContent(), '');
    assert.equal(await page.locator('.report').count(), 1);
  });

  test('a report survives closing the tab', async () => {
    await open('--pace', '10');
    await choose('CSV');
    await generate();
    await state('In progress');
    await page.close();
    page = await openPage(context, app.url);
    await state('Ready');
    // In another browser there is nothing.
    const stranger = await browser.newContext();
    const other = await openPage(stranger, app.url);
    await other.locator('#empty').waitFor();
    assert.equal(await other.locator('.report').count(), 0);
    await stranger.close();
  });

  test('mistakes are told at the field, in the words of the page', async () => {
    await open('--smtp-url', 'smtp://127.0.0.1:9', '--mail-from', 'reports@example.com');
    await page.locator('#email').fill('not an address');
    await page.locator('#year-from').selectOption('2001');
    await page.locator('#year-to').selectOption('2000');
    await generate();
    const error = page.getByRole('alert');
    const last = 'The last year must not be before 2001, the first year.';
    const address = 'The e-mail address must be an address like ann@example.com.';
    await error.filter({hasText: 'must be an address'}).waitFor();
    assert.equal(await error.textContent(), `${last}\n${address}`);
    for (const [id, text] of [['year-to', last], ['email', address]]) {
      const field = page.locator(`#${id}`);
      assert.equal(await field.getAttribute('aria-invalid'), 'true');
      const described = (await field.getAttribute('aria-describedby')).split(' ');
      assert.equal(await page.locator(`#${described[0]}`).textContent(), text);
    }
    assert.equal(await page.evaluate(() => document.activeElement.id), 'year-to');
    assert.deepEqual(await findFaintText(page), []);
    assert.deepEqual(await findFaults(page), []);
    await page.locator('#email').fill('');
    await generate();
    await page.locator('#email[aria-invalid]').waitFor({state: 'detached'});
    assert.equal(await error.textContent(), last);
    assert.equal(await page.locator('#email').getAttribute('aria-describedby'), 'email-hint');
    await page.locator('#year-to').selectOption('2002');
    await generate();
    await page.locator('.report').waitFor();
    assert.equal(await error.textContent(), '');
    assert.equal(await page.locator('.field-error, [aria-invalid]').count(), 0);
  });

  test('a refusal that is about no field is told, too', async () => {
    await open(...SLOW, '--backlog', '1');
    for (const name of ['PDF', 'Excel', 'CSV']) {
      await choose(name);
      await generate();
      await page.locator('.report .what', {hasText: name})
          .or(page.getByRole('alert').filter({hasText: /./})).waitFor();
    }
    await page.getByRole('alert').filter({
      hasText: 'too many reports are waiting; please try again (in 5 seconds)'}).waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.id), 'form-error');
  });

  test('older reports come on request', async () => {
    await open();
    await page.evaluate(async () => {
      for (let i = 0; i < 23; ++i) {
        await fetch('/reports', {method: 'POST', headers: {'Content-Type': 'application/json'},
                                 body: JSON.stringify({format: 'csv'})});
      }
    });
    await page.reload();
    await page.locator('.report').nth(19).waitFor();
    assert.equal(await page.locator('.report').count(), 20);
    await page.getByRole('button', {name: 'Show older reports'}).click();
    await page.locator('.report').nth(22).waitFor();
    const ids = await page.locator('.report').evaluateAll(
        (items) => items.map((one) => Number(one.dataset.id)));
    assert.deepEqual(ids, [...ids].sort((a, b) => b - a));
    assert.equal(await page.getByRole('button', {name: 'Show older reports'}).isVisible(), false);
  });
});

describe('everybody can use it', () => {
  test('by keyboard alone', async () => {
    await open(...SLOW);
    const focused = () => page.evaluate(() => document.activeElement.id ||
        document.activeElement.name || document.activeElement.tagName);
    const tabTo = async (wanted) => {
      for (let i = 0; i < 60; ++i) {
        await page.keyboard.press('Tab');
        if (await focused() === wanted) return;
      }
      assert.fail(`${wanted} cannot be reached; the focus is at ${await focused()}`);
    };
    await page.keyboard.press('Tab');  // The link that skips the form.
    assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
    await tabTo('SUMMARY');
    await page.keyboard.press('Enter');
    await tabTo('states');
    await page.keyboard.press('Space');
    assert.equal(await page.locator('#states-chosen').textContent(), 'Arizona');
    await tabTo('species');
    await page.keyboard.type('unknown');
    await tabTo('format');
    await page.keyboard.press('ArrowRight');
    await tabTo('generate');
    assert.notEqual(await page.locator('#generate').evaluate(
        (button) => getComputedStyle(button).outlineStyle), 'none');
    await page.keyboard.press('Enter');
    await page.locator('.report .what', {hasText: 'Excel'}).waitFor();
    assert.equal(await focused(), 'generate');
    for (let i = 0; i < 4; ++i) {
      await page.keyboard.press('Tab');
      if (await page.evaluate(() => document.activeElement.classList.contains('cancel'))) break;
    }
    await page.keyboard.press('Enter');
    await state('Cancelled');
    // The button is gone, the focus is not.
    assert.notEqual(await focused(), 'BODY');
    assert.deepEqual(page.complaints, []);
  });

  for (const width of [360, 768, 1280]) {
    test(`at ${width} pixels nothing is cut off`, async () => {
      await open('--allow-simulate', '--max-attempts', '1', '--smtp-url', 'smtp://127.0.0.1:9',
                 '--mail-from', 'reports@example.com');
      await page.setViewportSize({width, height: 800});
      assert.equal(await overflows(page), false);
      await page.locator('.states summary').click();
      for (const name of ['Pennsylvania', 'North Carolina', 'Massachusetts']) {
        await page.getByLabel(name).check();
      }
      await page.getByLabel('Species').fill('W'.repeat(60));
      await generate();
      await state('Ready');
      await page.getByLabel('Fail on purpose').selectOption('dead');
      await generate();
      await state('Failed');
      assert.equal(await overflows(page), false);
      for (const button of await page.locator('button:visible, a.primary:visible').all()) {
        const box = await button.boundingBox();
        assert.ok(box.height >= 32 && box.x >= 0 && box.x + box.width <= width,
                  `${await button.textContent()}: ${JSON.stringify(box)}`);
      }
    });
  }

  test('on a small screen a new report comes into view', async () => {
    await open(...SLOW);
    await page.setViewportSize({width: 360, height: 640});
    await generate();
    await page.locator('.report').waitFor();
    await page.waitForFunction(() => {
      const {top, bottom} = document.querySelector('.report').getBoundingClientRect();
      return top >= 0 && bottom <= innerHeight;
    });
    // The next ones go on top of the first, and are in view as well.
    await choose('CSV');
    await generate();
    await page.locator('.report').nth(1).waitFor();
    await page.waitForFunction(() => {
      const {top, bottom} = document.querySelector('.report').getBoundingClientRect();
      return top >= 0 && bottom <= innerHeight;
    });
    assert.deepEqual(page.complaints, []);
  });

  for (const colorScheme of ['light', 'dark']) {
    test(`names, structure and contrast (${colorScheme})`, async () => {
      await open('--allow-simulate', '--max-attempts', '1', ...SLOW);
      await page.emulateMedia({colorScheme});
      assert.deepEqual(await findFaintText(page), []);
      await page.locator('.states summary').click();
      for (const simulation of ['dead', 'none']) {
        await page.getByLabel('Fail on purpose').selectOption(simulation);
        await generate();
        await state(simulation === 'dead' ? 'Failed' : 'In progress');
      }
      await choose('CSV');
      await generate();
      await state('Waiting');
      assert.deepEqual(await findFaults(page), []);
      assert.deepEqual(await findFaintText(page), []);
      await item(0).getByRole('button', {name: /Cancel/}).click();
      await item(1).getByRole('button', {name: /Cancel/}).click();
      await state('Cancelled', 1);
      await choose('Summary');
      await generate();
      await state('Ready');
      assert.deepEqual(await findFaults(page), []);
      assert.deepEqual(await findFaintText(page), []);
    });
  }

  test('changes are announced, and motion is reduced on request', async () => {
    await open();
    await page.emulateMedia({reducedMotion: 'reduce'});
    // A report may be ready before anybody can look: every announcement is kept.
    await page.evaluate(() => {
      const announcer = document.getElementById('announcer');
      window.announced = [];
      new MutationObserver(() => window.announced.push(announcer.textContent))
          .observe(announcer, {childList: true});
    });
    const announced = (text) => page.waitForFunction(
        (wanted) => window.announced.some((each) => each.includes(wanted)), text);
    await choose('CSV');
    await generate();
    await announced('was accepted');
    await announced('Ready');
    assert.equal(await page.locator('#announcer').getAttribute('role'), 'status');
    assert.ok(await page.evaluate(() => [...document.styleSheets[0].cssRules].some(
        (rule) => rule.conditionText === '(prefers-reduced-motion: reduce)')));
  });
});
