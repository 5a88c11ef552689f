// Failures as the client tells them, and requests that only older clients and people send.

import assert from 'node:assert/strict';
import test from 'node:test';
import { Dub } from 'dub';
import { RateLimitExceeded } from 'dub/models/errors';
import { client, dub, has, raw, refused, world } from './_world.mjs';

const url = 'https://example.com/';
const { domain } = world;

test('a wrong key, a weak one and none', async () => {
  await refused(client('dub_wrong').links.list(), 'Unauthorized', 'Unauthorized: Invalid API key.');
  await refused(client('dub_wrong').analytics.retrieve({}), 'Unauthorized');
  const nobody = await raw('GET', '/links', { key: null });
  has(nobody, { status: 401 });
  has(nobody.json.error, { code: 'unauthorized', message: 'Missing Authorization header.' });
  const weak = client(world.weakKey);
  assert.equal(await weak.links.count({ tenantId: 'nobody' }), 0);
  await refused(weak.links.create({ url, domain }), 'Forbidden');
  await refused(weak.analytics.retrieve({}), 'Forbidden');
  await refused(weak.events.list({}), 'Forbidden');
  await refused(weak.customers.list({}), 'Forbidden');
  await refused(weak.track.lead({ clickId: 'x', eventName: 'x', customerExternalId: 'x' }), 'Forbidden');
});

test('what is unknown, foreign or taken', async () => {
  await refused(dub.links.get({ linkId: 'link_unknown' }), 'NotFound', 'Link not found.');
  await refused(dub.customers.get({ id: 'cus_unknown' }), 'NotFound', 'Customer not found.');
  await refused(dub.analytics.retrieve({ externalId: 'ext_unknown' }), 'NotFound', 'Link not found.');
  await refused(dub.analytics.retrieve({ externalId: 'unknown' }), 'BadRequest', 'Did you forget to prefix it with `ext_`?');
  await refused(dub.analytics.retrieve({ folderId: 'fold_unknown' }), 'NotFound', 'Folder not found.');
  await refused(dub.links.create({ url, domain: world.otherDomain }), 'Forbidden', 'Domain does not belong to workspace.');
  await dub.links.create({ url, domain, key: 'one' });
  await refused(dub.links.create({ url, domain, key: 'one' }), 'Conflict', 'Duplicate key');
});

test('too many wrong keys', async () => {
  const headers = { 'x-forwarded-for': '198.51.100.201' };
  let error;
  for (let tries = 0; tries < 100 && error?.statusCode !== 429; tries++) {
    // What cannot be a key is not looked up and costs nothing.
    const wrong = client(world.key.slice(0, -3) + String(tries).padStart(3, '0'));
    error = await wrong.links.count({}, { headers }).catch(error => error);
  }
  assert.ok(error instanceof RateLimitExceeded, error);
  assert.equal(error.error.code, 'rate_limit_exceeded');
  const seconds = Number(error.headers.get('retry-after'));
  assert.ok(seconds >= 1 && seconds <= 60, seconds);
});

test('what makes no sense', async () => {
  await refused(dub.links.create({ url: '' }), 'BadRequest', 'Missing destination URL');
  await refused(dub.links.list({ page: 0 }), 'UnprocessableEntity', 'too_small: page: Page must be greater than 0.');
  await refused(dub.links.list({ pageSize: 101 }), 'UnprocessableEntity', 'too_big: pageSize');
  const both = { startingAfter: 'link_a', endingBefore: 'link_b' };
  await refused(dub.links.list(both), 'UnprocessableEntity', 'You cannot use both startingAfter and endingBefore');
  await refused(dub.events.list({ limit: 1001 }), 'UnprocessableEntity', 'too_big: limit: Max page size is 1000.');
  await refused(dub.events.list({ limit: 0 }), 'UnprocessableEntity', 'too_small: limit: Page size must be greater than 0.');
  await refused(dub.analytics.retrieve({ query: 'x'.repeat(10_001) }), 'UnprocessableEntity', 'too_big: query');
});

test('values that clients refuse to send', async () => {
  for (const [path, words] of [
    ['/analytics?event=views', 'invalid_value: event: Invalid event type. Valid event types are: clicks, leads, sales'],
    ['/analytics?groupBy=moons', 'invalid_value: groupBy: Invalid type value. Valid values are: '],
    ['/analytics?interval=2w', 'invalid_value: interval: '],
    ['/analytics?saleType=old', 'invalid_value: saleType: Invalid option: expected one of "new"|"recurring"'],
    ['/analytics?root=maybe', 'invalid_value: root: Invalid option: expected one of "true"|"false"'],
    ['/events?event=composite', 'invalid_value: event: Invalid option: expected one of "clicks"|"leads"|"sales"'],
    ['/events?sortBy=clicks', 'invalid_value: sortBy: Invalid input: expected "timestamp"'],
    ['/links?page=two', 'invalid_type: page: Page must be a number.'],
  ]) {
    const answer = await raw('GET', path);
    assert.equal(answer.status, 422, path);
    has(answer.json.error, { code: 'unprocessable_entity' });
    assert.ok(answer.json.error.message.startsWith(words), answer.json.error.message);
  }
});

test('a server address with a path', async () => {
  const below = new Dub({ token: world.key, serverURL: `${world.url}/api` });
  const link = await below.links.create({ url, domain, key: 'below' });
  assert.deepEqual(await below.links.get({ linkId: link.id }), await dub.links.get({ linkId: link.id }));
  assert.deepEqual(await below.analytics.retrieve({}), { clicks: 0, leads: 0, sales: 0, saleAmount: 0 });
  assert.deepEqual(await below.events.list({}), []);
  assert.deepEqual((await below.customers.list({})).result, []);
  assert.deepEqual(await below.links.delete(link.id), { id: link.id });
  await refused(below.links.get({ linkId: link.id }), 'NotFound');
});

test('old ways to ask', async () => {
  // Keys of people name the workspace; one that is bound to it may.
  has(await raw('GET', `/links/count?workspaceId=${world.workspaceId}&tenantId=nobody`), { status: 200, json: 0 });
  // The last of a repeated parameter holds, and unknown ones are nothing.
  has(await raw('GET', '/links/count?tenantId=x&tenantId=nobody&unknown=1'), { status: 200, json: 0 });
  const answer = await raw('GET', '/links', { headers: { authorization: world.key } });
  has(answer, { status: 400 });
  has(answer.json.error, { code: 'bad_request' });
});

test('bodies by their type', async () => {
  const types = ['application/json', 'application/json; charset=utf-8', 'text/plain;charset=UTF-8', 'application/x-www-form-urlencoded'];
  for (const [number, type] of types.entries()) {
    const body = JSON.stringify({ url, domain, key: `typed-${number}` });
    const answer = await raw('POST', '/links', { body, headers: { 'content-type': type } });
    assert.equal(answer.status, 200, `${type}: ${answer.text}`);
    assert.equal(answer.json.key, `typed-${number}`);
  }
  for (const body of ['', '{"url":', '[]', 'url=https://example.com', '"x"', 'null']) {
    const answer = await raw('POST', '/links', { body });
    assert.ok([400, 422].includes(answer.status), `${body}: ${answer.status} ${answer.text}`);
  }
  const answer = await raw('POST', '/links', { body: '{"url":' });
  has(answer, { status: 400 });
  assert.ok(answer.json.error.message.startsWith('Invalid JSON format in request body'), answer.text);
});

test('every answer is JSON, as clients want it', async () => {
  for (const [method, path, status] of [
    ['GET', '/links', 200],
    ['GET', '/links/count', 200],
    ['GET', '/analytics', 200],
    ['GET', '/events', 200],
    ['GET', '/customers', 200],
    ['GET', '/nothing/here', 404],
    ['GET', '/api/nothing', 404],
  ]) {
    const answer = await raw(method, path);
    assert.deepEqual([path, answer.status], [path, status]);
    if (path !== '/nothing/here') assert.equal(answer.headers.get('content-type'), 'application/json', path);
  }
});
