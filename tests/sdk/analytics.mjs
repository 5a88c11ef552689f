// Every way to ask for numbers. Spans of time are the subject of intervals.mjs.

import assert from 'node:assert/strict';
import test from 'node:test';
import { ResponseValidationError } from 'dub/models/errors';
import { GROUPS, THROWN, facts, finalUrl, folders, links, of, refererOf, rows, tags, tell, totals, triggerOf } from './_story.mjs';
import { dub, eventually, raw, world } from './_world.mjs';

const EVENTS = ['clicks', 'leads', 'sales', 'composite'];

await tell();

const retrieve = request => dub.analytics.retrieve(request);
const count = async (event, filter, keep, what = '') =>
  assert.deepEqual(await retrieve({ event, ...filter }), totals(of(event, keep)), `${event} ${JSON.stringify(filter)} ${what}`);

// Equal rows in any order, and the order is by the event's own metric.
function same(actual, expected, event) {
  const sorted = list => list.map(row => JSON.stringify(Object.entries(row).sort())).sort();
  assert.deepEqual(sorted(actual), sorted(expected));
  const metric = { leads: 'leads', sales: 'saleAmount' }[event] ?? 'clicks';
  if (event !== 'composite') {
    const values = actual.map(row => row[metric]);
    assert.deepEqual(values, values.toSorted((left, right) => right - left));
  }
}

for (const event of EVENTS) {
  test(`${event}: count`, () => count(event, { groupBy: 'count' }));

  test(`${event}: timeseries`, async () => {
    const points = await retrieve({ event, groupBy: 'timeseries' });
    const expected = totals(of(event));
    assert.equal(points.length, 25);
    assert.deepEqual(points.at(-1), { start: '2026-09-21T14:00:00.000+0000', ...expected });
    for (const { start, ...empty } of points.slice(0, -1)) assert.deepEqual(empty, totals([]), start);
  });

  for (const [groupBy, group] of Object.entries(GROUPS)) {
    test(`${event}: ${groupBy}`, async () => {
      const expected = rows(group, of(event));
      assert.ok(expected.length > 0);
      same(await retrieve({ event, groupBy }), expected, event);
    });
  }

  for (const [groupBy, group] of Object.entries(THROWN)) {
    test(`${event}: ${groupBy}`, async () => {
      const expected = rows(group, of(event));
      assert.ok(expected.length > 0);
      await assert.rejects(retrieve({ event, groupBy }), error => {
        assert.ok(error instanceof ResponseValidationError, error);
        assert.equal(error.statusCode, 200);
        same(error.rawValue, expected, event);
        return true;
      });
    });
  }
}

test('filters', async t => {
  const { shop, blog } = links;
  const place = (name, ...values) => ({ visit }) => values.includes(visit[name]);
  const not = keep => fact => !keep(fact);
  const utm = (name, value) => ({ visit }) => new URL(finalUrl(visit)).searchParams.get(name) === value;
  const link = (...wanted) => ({ visit }) => wanted.includes(visit.link);
  const both = (one, two) => fact => one(fact) && two(fact);
  for (const [filter, keep] of [
    [{ country: 'DE' }, place('country', 'DE')],
    [{ country: 'DE,US' }, place('country', 'DE', 'US')],
    [{ country: '-DE,US' }, not(place('country', 'DE', 'US'))],
    [{ country: 'XX' }, () => false],
    [{ country: '-XX' }, () => true],
    [{ country: '-' }, () => true],
    [{ city: 'Berlin,San José' }, place('city', 'Berlin', 'San José')],
    [{ city: '-New York' }, not(place('city', 'New York'))],
    [{ region: 'US-CA' }, place('region', 'US-CA')],
    [{ region: 'DE-BE,US-NY' }, place('region', 'DE-BE', 'US-NY')],
    [{ region: '-DE-BE' }, not(place('region', 'DE-BE'))],
    [{ continent: 'EU,AS' }, place('continent', 'EU', 'AS')],
    [{ continent: '-EU' }, not(place('continent', 'EU'))],
    [{ device: 'mobile' }, place('device', 'Mobile')],
    [{ device: '-Mobile' }, not(place('device', 'Mobile'))],
    [{ browser: 'Chrome,Firefox' }, place('browser', 'Chrome', 'Firefox')],
    [{ browser: '-chrome' }, not(place('browser', 'Chrome'))],
    [{ os: 'iOS,Android' }, place('os', 'iOS', 'Android')],
    [{ os: '-windows' }, not(place('os', 'Windows'))],
    [{ trigger: 'qr' }, ({ visit }) => triggerOf(visit) === 'qr'],
    [{ trigger: '-qr' }, ({ visit }) => triggerOf(visit) !== 'qr'],
    [{ qr: true }, ({ visit }) => triggerOf(visit) === 'qr'],
    [{ referer: 'news.example' }, ({ visit }) => refererOf(visit) === 'news.example'],
    [{ referer: '-news.example' }, ({ visit }) => refererOf(visit) !== 'news.example'],
    [{ referer: '(direct),search.example' }, ({ visit }) => refererOf(visit) !== 'news.example'],
    [{ refererUrl: 'https://news.example/today' }, ({ visit }) => visit.referer?.includes('/today')],
    [{ url: 'https://blog.example/post' }, link(blog)],
    [{ url: '-https://blog.example/post' }, not(link(blog))],
    [{ utmSource: 'news' }, utm('utm_source', 'news')],
    [{ utmSource: 'letter,news' }, both(({ visit }) => finalUrl(visit).includes('utm_source'), () => true)],
    [{ utmSource: '-news' }, not(utm('utm_source', 'news'))],
    [{ utmSource: 'new' }, () => false],
    [{ utmMedium: 'mail' }, utm('utm_medium', 'mail')],
    [{ utmCampaign: 'summer' }, utm('utm_campaign', 'summer')],
    [{ utmTerm: '-shoes' }, not(utm('utm_term', 'shoes'))],
    [{ utmContent: 'top' }, utm('utm_content', 'top')],
    [{ linkId: shop.id }, link(shop)],
    [{ linkId: `${shop.id},${blog.id}` }, link(shop, blog)],
    [{ linkId: `-${shop.id}` }, not(link(shop))],
    [{ linkId: 'link_unknown' }, () => false],
    [{ externalId: 'ext_shop-1' }, link(shop)],
    [{ domain: world.domain, key: 'blog' }, link(blog)],
    [{ domain: world.domain }, () => true],
    [{ domain: `-${world.domain}` }, () => false],
    [{ tenantId: 'tenant-1' }, link(shop)],
    [{ tagId: tags.Sales.id }, link(shop)],
    [{ tagId: `${tags.Sales.id},${tags.Season.id}` }, link(shop, blog)],
    [{ tagId: `-${tags.Sales.id}` }, not(link(shop))],
    [{ tagIds: tags.Season.id }, link(shop, blog)],
    [{ folderId: folders.Letters.id }, link(blog)],
    [{ folderId: `-${folders.Letters.id}` }, not(link(blog))],
    [{ partnerId: 'pn_1' }, link(shop)],
    [{ partnerId: '-pn_1' }, not(link(shop))],
    [{ groupId: 'group_1' }, () => false],
    [{ partnerTagId: '-ptag_1' }, () => true],
    [{ tenantId: '-tenant-1' }, not(link(shop))],
    [{ root: true }, link(links._root)],
    [{ root: false }, not(link(links._root))],
    [{ linkId: shop.id, country: 'DE', device: '-mobile' }, both(link(shop), place('city', 'Berlin'))],
    [{ linkId: shop.id, domain: `-${world.domain}` }, () => false],
    [{ linkId: shop.id, country: 'DE', interval: 'all' }, both(link(shop), place('country', 'DE'))],
    [{ linkId: `-${shop.id}`, interval: 'all' }, not(link(shop))],
  ]) {
    await t.test(JSON.stringify(filter), async () => {
      for (const event of EVENTS) await count(event, filter, keep);
      const composite = await retrieve({ event: 'composite', groupBy: 'cities', ...filter });
      same(composite, rows(GROUPS.cities, of('composite', keep)), 'composite');
    });
  }
});

test('a customer', async () => {
  const { answer } = facts.find(fact => fact.given?.customerExternalId === 'anna' && fact.kind === 'sales');
  const customerId = answer.customer.id;
  const hers = fact => fact.given ? fact.given.customerExternalId === 'anna' : fact.visit === facts[0].visit;
  for (const event of EVENTS) await count(event, { customerId }, hers);
});

test('new and recurring sales', async () => {
  for (const saleType of ['new', 'recurring']) {
    await count('sales', { saleType }, fact => fact.saleType === saleType);
    const cities = await retrieve({ event: 'sales', groupBy: 'cities', saleType });
    same(cities, rows(GROUPS.cities, of('sales', fact => fact.saleType === saleType)), 'sales');
  }
});

test('metadata', async () => {
  const plan = value => ({ given }) => given.metadata?.plan === value;
  for (const [query, keep] of [
    ["metadata['plan']:pro", plan('pro')],
    ["metadata['plan'] = 'free'", plan('free')],
    ["metadata['plan']='pro' OR metadata['plan']='free'", ({ given }) => given.metadata !== undefined],
    ["metadata['plan']='pro' AND metadata['plan']='free'", () => false],
    ["metadata['seats'] >= 5", ({ given }) => given.metadata?.seats >= 5],
    ["metadata['seats'] < 5", ({ given }) => given.metadata?.seats < 5],
    ["metadata['cart']['items'] > 2", ({ given }) => given.metadata?.cart?.items > 2],
  ]) {
    for (const event of ['leads', 'sales']) await count(event, { query }, keep);
  }
});

test('what clients have no word for', async () => {
  const names = await raw('GET', '/analytics?event=leads&groupBy=event_names');
  same(names.json, [
    { eventName: 'Sign up', clicks: 0, leads: 2, sales: 0, saleAmount: 0 },
    { eventName: 'Trial', clicks: 0, leads: 2, sales: 0, saleAmount: 0 },
  ], 'leads');
  const robots = await raw('GET', '/analytics?bots=only');
  assert.deepEqual(robots.json, { clicks: 1, leads: 0, sales: 0, saleAmount: 0 });
  const repeats = await raw('GET', '/analytics?repeats=include');
  assert.equal(repeats.json.clicks, of('clicks').length + 1);
});

test('a link counts what its events are', async () => {
  await eventually(async () => {
    for (const link of Object.values(links)) {
      const { clicks, leads, sales, saleAmount } = await dub.links.get({ linkId: link.id });
      const expected = totals(of('composite', fact => fact.visit.link === link));
      assert.deepEqual({ clicks, leads, sales, saleAmount }, expected, link.key);
    }
  });
});
