// The list of reports: one item each, changed in place, so that focus and reading position stay.

import {cancelReport, getReport, retryReport} from '/api.js';

const list = document.getElementById('reports');
const template = document.getElementById('report-template');
const announcer = document.getElementById('announcer');

const FORMATS = {pdf: 'PDF', xlsx: 'Excel', csv: 'CSV', html: 'HTML'};
const STATES = {
  pending: 'Waiting',
  blocked: 'Waiting',
  running: 'In progress',
  completed: 'Ready',
  cancelled: 'Cancelled',
  dead: 'Failed',
  expired: 'Expired',
};
const ENDED = ['completed', 'cancelled', 'dead', 'expired'];

const dateAndTime = new Intl.DateTimeFormat(undefined, {dateStyle: 'medium', timeStyle: 'short'});
const timeOnly = new Intl.DateTimeFormat(undefined, {timeStyle: 'medium'});

export function announce(text) {
  announcer.textContent = text;
}

function stateText(report) {
  if (report.state === 'running' && report.cancel_requested) return 'Cancelling';
  if (report.state === 'pending' && report.attempt > 0) return 'Retrying';
  return STATES[report.state] ?? report.state;
}

function noteText(report) {
  const error = report.errors?.at(-1)?.message ?? '';
  switch (report.state) {
    case 'running':
      return report.note;
    case 'pending':
      if (report.attempt === 0) return 'Your report will start as soon as a worker is free.';
      return `Attempt ${report.attempt} of ${report.attempt_max} failed: ${error}. ` +
             `The next one follows at ${timeOnly.format(new Date(report.due_at))}.`;
    case 'dead':
      return `Given up after ${report.attempt} of ${report.attempt_max} attempts: ${error}`;
    case 'completed':
      return report.download ? `${report.download.name}, ${sizeText(report.download.size)}` : '';
    case 'cancelled':
      return 'You have cancelled this report.';
    case 'expired':
      return 'The document has been deleted.';
    default:
      return '';
  }
}

function sizeText(bytes) {
  const kilobytes = Math.max(1, Math.round(bytes / 1024));
  return kilobytes < 1024 ? `${kilobytes}\u00a0KB` : `${(kilobytes / 1024).toFixed(1)}\u00a0MB`;
}

// One report on the page.
class Item {
  constructor() {
    this.element = template.content.firstElementChild.cloneNode(true);
    this.report = null;
    this.acting = false;
    this.part('.cancel').addEventListener('click', () => this.act(cancelReport));
    this.part('.retry').addEventListener('click', () => this.act(retryReport));
    this.part('.download').addEventListener('click', (event) => this.refreshLink(event));
  }

  part(selector) {
    return this.element.querySelector(selector);
  }

  // Answers and events may overtake one another: what is older than what is shown is left out.
  show(report) {
    const before = this.report;
    if (before && report.as_of < before.as_of) return;
    this.report = report;
    this.element.dataset.state = report.state;
    this.element.dataset.id = report.id;
    this.part('.report-title').textContent = report.title;
    this.part('.state').textContent = stateText(report);
    const content = report.parameters.content === 'detail' ? 'Detail' : 'Summary';
    this.part('.what').textContent = `${content}, ${FORMATS[report.parameters.format]} ·`;
    const time = this.part('time');
    time.dateTime = report.created_at;
    time.textContent = dateAndTime.format(new Date(report.created_at));
    this.part('.note').textContent = noteText(report);
    this.showHistory(report);
    this.showProgress(report);
    this.showActions(report);
    if (before && before.state !== report.state) {
      announce(`${report.title}: ${stateText(report)}`);
    }
  }

  // Every failed attempt, for those who want to know. That somebody has cancelled is no failure.
  showHistory(report) {
    const errors = (report.errors ?? []).filter(({code}) => code !== 'CANCELLED');
    this.part('.history').hidden = errors.length === 0;
    this.part('.history summary').textContent =
        errors.length === 1 ? '1 failed attempt' : `${errors.length} failed attempts`;
    this.part('.history ol').replaceChildren(...errors.map(({attempt, at, message}) => {
      const entry = document.createElement('li');
      entry.textContent = `Attempt ${attempt}, ${timeOnly.format(new Date(at))}: ${message}`;
      return entry;
    }));
  }

  bringIntoView() {
    const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    this.element.scrollIntoView({block: 'nearest', behavior: calm ? 'auto' : 'smooth'});
  }

  showProgress(report) {
    const fraction = report.progress ?? 0;
    this.part('.bar').hidden = ENDED.includes(report.state) ||
                               (report.state === 'pending' && fraction === 0);
    const progress = this.part('progress');
    progress.value = fraction;
    progress.setAttribute('aria-label', `Progress of ${report.title}`);
    this.part('.percent').textContent = `${Math.floor(fraction * 100)} %`;
  }

  showActions(report) {
    const going = ['pending', 'running'].includes(report.state) && !report.cancel_requested;
    const again = ['dead', 'cancelled'].includes(report.state);
    const download = this.part('.download');
    const focused = document.activeElement;
    this.part('.cancel').hidden = !going;
    this.part('.retry').hidden = !again;
    download.hidden = !report.download;
    if (report.download) {
      download.href = report.download.href;
      download.download = report.download.name;
    }
    for (const action of ['.cancel', '.retry', '.download']) {
      const element = this.part(action);
      element.setAttribute('aria-label', `${element.textContent}: ${report.title}`);
    }
    // The button that was pressed is gone: the focus must not go with it.
    if (this.element.contains(focused) && focused.hidden) this.part('.report-title').focus();
  }

  // Once, however often the button is pressed meanwhile.
  async act(action) {
    if (this.acting) return;
    this.acting = true;
    try {
      this.show(await action(this.report));
    } catch (refused) {
      this.part('.note').textContent = refused.message;
      announce(refused.message);
    } finally {
      this.acting = false;
    }
  }

  // Links expire; a page may stay open for longer.
  async refreshLink(event) {
    if (Date.now() < Date.parse(this.report.download.expires_at)) return;
    event.preventDefault();
    try {
      this.show(await getReport(this.report));
      if (this.report.download) location.assign(this.report.download.href);
    } catch (refused) {
      announce(refused.message);
    }
  }
}

export class ReportList {
  #items = new Map();

  // Shows a report where it belongs: newest first.
  show(report) {
    let item = this.#items.get(report.id);
    if (!item) {
      item = new Item();
      this.#items.set(report.id, item);
      const older = [...list.children].find(
          (other) => Number(other.dataset.id) < Number(report.id));
      list.insertBefore(item.element, older ?? null);
    }
    item.show(report);
    document.getElementById('empty').hidden = true;
    return item;
  }

  // Whether the list goes back as far as to that report.
  reaches(id) {
    return Number(list.lastElementChild?.dataset.id ?? 0) <= Number(id);
  }

  clear() {
    this.#items.clear();
    list.replaceChildren();
  }

  hasEnded(id) {
    return ENDED.includes(this.#items.get(id)?.report.state);
  }

  get isEmpty() {
    return this.#items.size === 0;
  }
}
