// What the scripts share: the client under test, visits as browsers make them, and a way to wait.

import assert from 'node:assert/strict';
import http from 'node:http';
import { Dub } from 'dub';
import * as errors from 'dub/models/errors';

// Set by tests/it/sdk: `url`, the server's time `now` when it began, and the workspace's `key`, `domain` and `workspaceId`; `weakKey` may only read links;
// `otherKey` and `otherDomain` are another workspace's.
export const world = JSON.parse(process.env.LINKTRAIL_WORLD);

export const client = token => new Dub({ token, serverURL: world.url });
export const dub = client(world.key);

const PATIENCE_MS = 60_000;

// Requests a short link and follows nothing. A visitor is a number; each is somebody else.
export async function visit(path, { visitor = 1, agent, place, referer, domain = world.domain, cookie } = {}) {
  const headers = { host: domain, 'x-forwarded-for': `198.51.100.${visitor}` };
  if (agent) headers['user-agent'] = agent;
  if (referer) headers.referer = referer;
  if (cookie) headers.cookie = cookie;
  if (place) {
    headers['x-vercel-ip-country'] = place.country;
    headers['x-vercel-ip-country-region'] = place.region.split('-')[1];
    headers['x-vercel-ip-city'] = encodeURIComponent(place.city);
    headers['x-vercel-ip-continent'] = place.continent;
  }
  const answer = await new Promise((resolve, reject) => {
    const request = http.get(new URL(path, world.url), { headers }, response => {
      response.resume().on('end', () => resolve(response)).on('error', reject);
    });
    request.on('error', reject);
  });
  const location = answer.headers.location;
  const clickId = location?.startsWith('http') ? new URL(location).searchParams.get('dub_id') : null;
  return { status: answer.statusCode, location, clickId, headers: answer.headers };
}

// A request as no client sends it. A body that is no text is sent as JSON.
export async function raw(method, path, { key = world.key, body, headers = {} } = {}) {
  const all = { ...headers };
  if (key) all.authorization ??= `Bearer ${key}`;
  if (body !== undefined) all['content-type'] ??= 'application/json';
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  const answer = await fetch(world.url + path, { method, headers: all, body: text });
  const given = await answer.text();
  const isJson = answer.headers.get('content-type')?.startsWith('application/json');
  return { status: answer.status, headers: answer.headers, text: given, json: isJson ? JSON.parse(given) : undefined };
}

// Checks again and again until it holds, and fails with the last failure.
export async function eventually(check) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > end || !(error instanceof assert.AssertionError)) throw error;
      await new Promise(resolve => setTimeout(resolve, 100));
    }
  }
}

const STATUS = {
  BadRequest: [400, 'bad_request'],
  Unauthorized: [401, 'unauthorized'],
  Forbidden: [403, 'forbidden'],
  NotFound: [404, 'not_found'],
  Conflict: [409, 'conflict'],
  UnprocessableEntity: [422, 'unprocessable_entity'],
};

// Fails unless the call fails with this class of the client's, with its status and code, and these words of the message.
export async function refused(call, name, words = '') {
  const [status, code] = STATUS[name];
  await assert.rejects(call, error => {
    assert.equal(error.constructor, errors[name], `${error.name}: ${error.message} ${error.cause ?? ''}`);
    assert.equal(error.statusCode, status);
    assert.equal(error.error.code, code);
    assert.ok(error.error.message.includes(words), error.error.message);
    assert.equal(error.error.docUrl, `https://dub.co/docs/api-reference/errors#${code.replace('_', '-')}`);
    return true;
  });
}

// What a list gives page by page, all together.
export async function all(pages) {
  const items = [];
  for await (const page of await pages) items.push(...page.result);
  return items;
}

// Whether the fields that are expected are as expected; there may be others.
export function has(actual, expected) {
  const picked = Object.fromEntries(Object.keys(expected).map(name => [name, actual[name]]));
  assert.deepEqual(picked, expected);
}

// Whether it is a time in this run, as the API writes times.
export const isRecent = text =>
  new Date(text).toISOString() === text && text >= world.now && Date.parse(text) < Date.parse(world.now) + 3_600_000;
