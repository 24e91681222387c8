// The page as a whole: the form makes reports, the list shows them, events keep the list true.

import {followReports, getChoices, getPage} from '/api.js';
import {startForm} from '/form.js';
import {announce, ReportList} from '/reports.js';

const reports = new ReportList();
const more = document.getElementById('more');
const connection = document.getElementById('connection');
let next = null;

async function showPage(path) {
  const page = await getPage(path);
  for (const report of page.reports) reports.show(report);
  next = page.next;
  more.hidden = next === null;
  document.getElementById('empty').hidden = !reports.isEmpty;
  return page;
}

// Tries until it works: the server may be restarting.
async function persistently(action) {
  for (;;) {
    try {
      const result = await action();
      connection.textContent = '';
      return result;
    } catch (refused) {
      connection.textContent = refused.message;
      await new Promise((resolve) => setTimeout(resolve, 3000));
    }
  }
}

async function showReports() {
  const page = await persistently(() => showPage());
  followReports(page.events, {
    onReport: (report) => {
      // What happens to older ones is shown once somebody has asked for them.
      if (next === null || reports.reaches(report.id)) reports.show(report);
    },
    onReset: () => {
      reports.clear();
      showReports();
    },
    onConnected: (connected) => {
      connection.textContent = connected ? '' : 'Connection lost. Reconnecting…';
    },
  });
}

more.addEventListener('click', async () => {
  const first = document.querySelector('#reports > :last-child');
  try {
    await showPage(next);
    // On to the first of those that are new.
    if (more.hidden) first?.nextElementSibling?.querySelector('.report-title').focus();
  } catch (refused) {
    connection.textContent = refused.message;
  }
});

// The list first: with its answer a new visitor becomes a user, who can then ask for reports.
await showReports();
startForm({
  choices: await persistently(getChoices),
  hasEnded: (id) => reports.hasEnded(id),
  onCreated: (report, replayed) => {
    reports.show(report).bringIntoView();
    announce(replayed ? `${report.title} is already being made.`
                      : `${report.title} was accepted. You may close this page meanwhile.`);
  },
});
