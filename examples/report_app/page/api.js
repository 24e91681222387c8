// The server's API, as the page needs it.

// What the server said about a request it refused (RFC 9457), or why none could be sent.
export class Refused extends Error {
  constructor(message, problem = {}) {
    super(message);
    this.fields = problem.errors ?? [];
  }
}

async function send(path, options = {}) {
  let response;
  try {
    response = await fetch(path, {cache: 'no-store', ...options});
  } catch {
    throw new Refused('The server cannot be reached. Please try again in a moment.');
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  const text = problem.detail ?? problem.title ?? `The server answered ${response.status}.`;
  const wait = response.headers.get('Retry-After');
  throw new Refused(wait ? `${text} (in ${wait} seconds)` : text, problem);
}

const call = async (path, options) => (await send(path, options)).json();

export const getChoices = () => call('/choices');
export const getPage = (path = '/reports') => call(path);
export const getReport = (report) => call(report.links.self);
export const cancelReport = (report) => call(report.links.self, {method: 'DELETE'});
export const retryReport = (report) => call(report.links.retry, {method: 'POST'});

// The same key with the same wish is the same report, however often it is sent; `replayed` says
// that the report was there already.
export async function createReport(wish, key) {
  const response = await send('/reports', {
    method: 'POST',
    headers: {'Content-Type': 'application/json', 'Idempotency-Key': key},
    body: JSON.stringify(wish),
  });
  return {report: await response.json(), replayed: response.headers.has('Idempotent-Replayed')};
}

// Follows the changes of all reports, over lost connections and restarts of the server.
// One stream for all of them: a browser opens only six connections to a server.
export function followReports(path, {onReport, onReset, onConnected}) {
  const source = new EventSource(path);
  let last = path;
  source.addEventListener('open', () => onConnected(true));
  source.addEventListener('report', (event) => {
    last = `/reports/events?after=${event.lastEventId}`;
    onReport(JSON.parse(event.data));
  });
  source.addEventListener('reset', () => {
    source.close();
    onReset();
  });
  source.addEventListener('error', () => {
    onConnected(false);
    if (source.readyState !== EventSource.CLOSED) return;  // The browser reconnects by itself.
    setTimeout(() => followReports(last, {onReport, onReset, onConnected}), 3000);
  });
}
