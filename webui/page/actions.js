// SPDX-License-Identifier: MIT
// What the page asks the station to do, and to tell. Every function returns the answer or throws an Error for a person.

let token = null;

// The browser's own word for a lost connection helps nobody.
export async function reach(url, options) {
  try {
    return await fetch(url, options);
  } catch {
    throw new Error('no connection to the station: try again when the page is live');
  }
}

async function freshToken() {
  const answer = await reach('/api/v1/token', { cache: 'no-store' });
  if (!answer.ok) throw new Error('the station gives this page no token; load the page again');
  token = (await answer.json()).token;
}

async function read(answer) {
  const body = await answer.json().catch(() => ({}));
  if (answer.ok) return body;
  const error = new Error(body.error?.text || `the station answered ${answer.status}`);
  error.code = body.error?.code;
  throw error;
}

async function post(path, body, again = true) {
  if (!token) await freshToken();
  const answer = await reach(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-Gangway-Token': token },
    body: JSON.stringify(body),
  });
  try {
    return await read(answer);
  } catch (error) {
    // The web role has been restarted since this page was loaded: its token is new.
    if (error.code !== 'bad-token' || !again) throw error;
    token = null;
    return post(path, body, false);
  }
}

export function slotAction(slot, action, body = {}) {
  return post(`/api/v1/slots/${encodeURIComponent(slot)}/${action}`, body);
}

export function jobAction(action, body = {}) {
  return post(`/api/v1/job/${action}`, body);
}

export async function records(query) {
  return read(await reach('/api/v1/records?' + new URLSearchParams(query), { cache: 'no-store' }));
}
