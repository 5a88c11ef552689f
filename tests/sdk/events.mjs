// Lists of what happened, one by one.

import assert from 'node:assert/strict';
import test from 'node:test';
import { finalUrl, links, of, refererOf, refererUrlOf, tell, triggerOf } from './_story.mjs';
import { dub, has, isRecent, raw } from './_world.mjs';

await tell();

const list = request => dub.events.list(request);
const newest = (kind, keep) => of(kind, keep).toReversed();

// What each event says of the click that led to it; `url` may have the click's own id in it for nobody.
function ofClick({ visit }) {
  const { continent, country, city, device, browser, os } = visit;
  return { url: finalUrl(visit), continent, country, city, device, browser, os, ip: '' };
}

async function agrees(event, fact) {
  const { visit } = fact;
  assert.ok(isRecent(event.timestamp), event.timestamp);
  const { continent, country, city, device, browser, os, url, ip } = ofClick(fact);
  const { id, ...click } = event.click;
  assert.match(id, /^[0-9A-Za-z]{16}$/);
  if (visit.clickId) assert.equal(id, visit.clickId);
  assert.deepEqual(click, {
    timestamp: event.timestamp, url, country, city, region: visit.region, continent, device, browser, os, ua: visit.agent,
    trigger: triggerOf(visit), referer: refererOf(visit), refererUrl: refererUrlOf(visit), qr: triggerOf(visit) === 'qr', ip,
  });
  has(event, {
    ...ofClick(fact), clickId: id, linkId: visit.link.id, domain: visit.link.domain, key: visit.link.key,
    qr: triggerOf(visit) === 'qr' ? 1 : 0,
  });
  const { clicks, leads, sales, saleAmount, conversions, lastClicked, ...link } = event.link;
  has(visit.link, link);
}

test('clicks', async () => {
  const events = await list({ event: 'clicks' });
  const facts = newest('clicks');
  assert.equal(events.length, facts.length);
  for (const [index, event] of events.entries()) {
    assert.equal(event.event, 'click');
    await agrees(event, facts[index]);
  }
});

test('leads', async () => {
  const events = await list({ event: 'leads' });
  const facts = newest('leads');
  assert.equal(events.length, facts.length);
  for (const [index, event] of events.entries()) {
    const { given } = facts[index];
    has(event, { event: 'lead', eventName: given.eventName });
    assert.deepEqual(event.metadata ?? undefined, given.metadata);
    await agrees(event, facts[index]);
    await isCustomer(event.customer, facts[index]);
  }
  assert.equal(new Set(events.map(event => event.eventId)).size, events.length);
});

test('sales', async () => {
  const events = await list({ event: 'sales' });
  const facts = newest('sales');
  assert.equal(events.length, facts.length);
  for (const [index, event] of events.entries()) {
    const { given } = facts[index];
    const paymentProcessor = given.paymentProcessor ?? 'custom';
    has(event, {
      event: 'sale', eventName: given.eventName ?? 'Purchase', saleAmount: given.amount, invoiceId: given.invoiceId ?? '', paymentProcessor,
    });
    assert.deepEqual(event.sale, { amount: given.amount, invoiceId: given.invoiceId ?? null, paymentProcessor, currency: 'usd' });
    assert.deepEqual(event.metadata ?? undefined, given.metadata);
    await agrees(event, facts[index]);
    await isCustomer(event.customer, facts[index]);
  }
});

async function isCustomer(customer, { given, visit }) {
  const { id, name, email, externalId, country, createdAt } = await dub.customers.get({ id: `ext_${given.customerExternalId}` });
  has(customer, { id, name, externalId, country, createdAt });
  // Unknown addresses are empty here.
  assert.equal(customer.email ?? '', email ?? '');
  assert.equal(country, visit.country);
}

for (const kind of ['clicks', 'leads', 'sales']) {
  test(`pages of ${kind}`, async () => {
    const all = await list({ event: kind });
    for (const [page, part] of [[1, all.slice(0, 3)], [2, all.slice(3, 6)], [3, all.slice(6)], [9, []]]) {
      assert.deepEqual(await list({ event: kind, limit: 3, page }), part, page);
    }
    assert.deepEqual(await list({ event: kind, sortOrder: 'asc' }), all.toReversed());
    assert.deepEqual(await list({ event: kind, order: 'asc', limit: 2 }), all.toReversed().slice(0, 2));
  });

  test(`chosen ${kind}`, async () => {
    const { shop, blog } = links;
    const [everything, facts] = [await list({ event: kind }), newest(kind)];
    const place = (name, value) => ({ visit }) => visit[name] === value;
    for (const [filter, keep] of [
      [{ country: '-DE' }, ({ visit }) => visit.country !== 'DE'],
      [{ city: 'Berlin', os: '-linux' }, ({ visit }) => visit.city === 'Berlin' && visit.os !== 'Linux'],
      [{ region: 'US-NY' }, place('region', 'US-NY')],
      [{ linkId: `${shop.id},${blog.id}` }, ({ visit }) => visit.link.key !== '_root'],
      [{ externalId: 'ext_shop-1' }, place('link', shop)],
      [{ domain: blog.domain, key: 'blog' }, place('link', blog)],
      [{ root: true }, place('link', links._root)],
      [{ utmSource: 'news' }, place('link', shop)],
      [{ interval: 'all' }, () => true],
      [{ start: '2026-09-21T14:00:00Z', end: '2026-09-21T15:00:00Z', timezone: 'America/New_York' }, () => true],
      [{ start: '2026-09-20', end: '2026-09-20' }, () => false],
    ]) {
      const expected = everything.filter((_, index) => keep(facts[index]));
      assert.deepEqual(await list({ event: kind, ...filter }), expected, JSON.stringify(filter));
    }
  });
}

test('events of a customer', async () => {
  const { id } = await dub.customers.get({ id: 'ext_anna' });
  const hers = kind => newest(kind, fact => fact.given.customerExternalId === 'anna').length;
  for (const kind of ['leads', 'sales']) {
    const events = await list({ event: kind, customerId: id });
    assert.deepEqual(events.map(event => event.customer.id), Array(hers(kind)).fill(id));
  }
});

test('pages go on from an event', async () => {
  const all = (await raw('GET', '/events?limit=100')).json;
  const rest = await raw('GET', `/events?startingAfter=${all[2].click.id}`);
  assert.deepEqual(rest.json, all.slice(3));
});
