// Leads and sales, and the customers that they make known.

import assert from 'node:assert/strict';
import test from 'node:test';
import { all, dub, eventually, has, isRecent, refused, visit, world } from './_world.mjs';

const link = await dub.links.create({
  url: 'https://shop.example/', domain: world.domain, key: 'buy', trackConversion: true, externalId: 'buy-1', tenantId: 'tenant-1',
});
let visitor = 0;

// A click of somebody new.
async function click() {
  visitor += 1;
  const place = { continent: 'EU', country: 'DE', region: 'DE-BE', city: 'Berlin' };
  const { clickId } = await visit('/buy', { visitor, agent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', place });
  assert.match(clickId, /^[0-9A-Za-z]{16}$/);
  return clickId;
}

test('a lead', async () => {
  const clickId = await click();
  const customer = { customerExternalId: 'lea', customerName: 'Lea', customerEmail: 'lea@example.com', customerAvatar: 'https://example.com/lea.png' };
  const lead = { clickId, eventName: 'Sign up', metadata: { a: { b: [1, 'two', null] } }, ...customer };
  const { shortLink, url, domain, id } = link;
  const answer = {
    click: { id: clickId },
    link: { id, domain, key: 'buy', shortLink, url, partnerId: null, programId: null, tenantId: 'tenant-1', externalId: 'buy-1' },
    customer: { name: 'Lea', email: 'lea@example.com', avatar: 'https://example.com/lea.png', externalId: 'lea' },
  };
  assert.deepEqual(await dub.track.lead(lead), answer);
  // The same once more is none.
  assert.deepEqual(await dub.track.lead(lead), { ...answer, link: null });
  const next = await dub.track.lead({ clickId: '', eventName: 'Trial', customerExternalId: 'lea', mode: 'wait' });
  assert.deepEqual(next, answer);
});

test('leads in numbers, and ones to come', async () => {
  const clickId = await click();
  await dub.track.lead({ clickId, eventName: 'Seat', customerExternalId: 'many', eventQuantity: 3 });
  const later = await dub.track.lead({ clickId, eventName: 'Later', customerExternalId: 'later', mode: 'deferred' });
  has(later.customer, { externalId: 'later' });
  await eventually(async () => {
    const { id } = await dub.customers.get({ id: 'ext_many' });
    assert.equal((await dub.analytics.retrieve({ event: 'leads', customerId: id })).leads, 3);
  });
  const { id } = await dub.customers.get({ id: 'ext_later' });
  assert.equal((await dub.analytics.retrieve({ event: 'leads', customerId: id })).leads, 0);
});

test('a lead that makes no sense', async () => {
  const lead = { clickId: 'AAAAAAAAAAAAAAAA', eventName: 'Sign up', customerExternalId: 'nobody' };
  await refused(dub.track.lead(lead), 'NotFound', 'Click event not found for clickId: AAAAAAAAAAAAAAAA');
  await refused(dub.track.lead({ ...lead, clickId: '' }), 'BadRequest');
  await refused(dub.track.lead({ ...lead, eventName: '' }), 'UnprocessableEntity', 'too_small: eventName: eventName is required');
  await refused(dub.track.lead({ ...lead, customerEmail: 'x' }), 'UnprocessableEntity', 'invalid_format: customerEmail: Invalid email address');
  const metadata = { long: 'x'.repeat(10_000) };
  await refused(dub.track.lead({ ...lead, metadata }), 'UnprocessableEntity', 'custom: metadata: Metadata must be less than 10,000 characters');
});

test('a sale', async () => {
  const clickId = await click();
  await dub.track.lead({ clickId, eventName: 'Sign up', customerExternalId: 'sal', customerName: 'Sal' });
  const { id } = await dub.customers.get({ id: 'ext_sal' });
  const customer = { id, name: 'Sal', email: null, avatar: null, externalId: 'sal' };
  const metadata = { plan: 'pro' };
  const sale = { customerExternalId: 'sal', amount: 4900, invoiceId: 'in_sal', paymentProcessor: 'stripe', metadata };
  const answer = {
    eventName: 'Purchase', customer, sale: { amount: 4900, currency: 'usd', paymentProcessor: 'stripe', invoiceId: 'in_sal', metadata },
  };
  assert.deepEqual(await dub.track.sale(sale), answer);
  // An invoice is paid once, whatever else is said.
  assert.deepEqual(await dub.track.sale({ ...sale, amount: 1 }), answer);
  assert.deepEqual(await dub.track.sale({ customerExternalId: 'sal', amount: 700, eventName: 'Renewal', leadEventName: 'Sign up' }), {
    eventName: 'Renewal', customer, sale: { amount: 700, currency: 'usd', paymentProcessor: 'custom', invoiceId: null, metadata: null },
  });
  assert.deepEqual(await dub.track.sale({ customerExternalId: 'sal', amount: 0 }), { eventName: 'Purchase', customer: null, sale: null });
  await eventually(async () => {
    assert.deepEqual(await dub.analytics.retrieve({ event: 'sales', customerId: id }), { clicks: 0, leads: 0, sales: 2, saleAmount: 5600 });
    has(await dub.customers.get({ id }), { sales: 2, saleAmount: 5600 });
  });
  assert.ok(isRecent((await dub.customers.get({ id })).firstSaleAt));
});

test('a sale without a lead', async () => {
  const clickId = await click();
  const answer = await dub.track.sale({ customerExternalId: 'dora', customerName: 'Dora', clickId, amount: 900 });
  has(answer.customer, { name: 'Dora', externalId: 'dora' });
  has(answer.sale, { amount: 900 });
  assert.deepEqual(await dub.track.sale({ customerExternalId: 'unknown', amount: 900 }), { eventName: 'Purchase', customer: null, sale: null });
  await refused(dub.track.sale({ customerExternalId: 'unknown', amount: 900, clickId: 'AAAAAAAAAAAAAAAA' }), 'NotFound');
  await refused(dub.track.sale({ customerExternalId: 'dora', amount: 900, leadEventName: 'Other' }), 'NotFound', 'Lead event not found for externalId: dora and leadEventName: Other');
  await refused(dub.track.sale({ customerExternalId: 'dora', amount: -1 }), 'UnprocessableEntity', 'too_small: amount: amount cannot be negative');
  await eventually(async () => {
    const { leads, sales, saleAmount } = await dub.analytics.retrieve({ event: 'composite', customerId: answer.customer.id });
    assert.deepEqual({ leads, sales, saleAmount }, { leads: 1, sales: 1, saleAmount: 900 });
  });
});

test('customers with what brought them', async () => {
  await dub.track.lead({ clickId: await click(), eventName: 'Sign up', customerExternalId: 'brought' });
  const { id, domain, key, shortLink, url, programId } = link;
  const request = { includeExpandedFields: true };
  const customer = await dub.customers.get({ id: 'ext_brought', ...request });
  assert.deepEqual(customer.link, { id, domain, key, shortLink, url, programId });
  assert.deepEqual((await dub.customers.list({ externalId: 'brought', ...request })).result, [customer]);
  assert.equal((await dub.customers.get({ id: 'ext_brought' })).link, undefined);
});

test('customers', async () => {
  const people = ['one', 'two', 'three'];
  for (const name of people) {
    const lead = { clickId: await click(), eventName: 'Sign up', customerExternalId: `page-${name}`, customerName: `Page ${name}` };
    await dub.track.lead({ ...lead, customerEmail: `page-${name}@example.com` });
  }
  const newest = await all(dub.customers.list({ search: 'page-' }));
  assert.deepEqual(newest.map(({ externalId }) => externalId), ['page-three', 'page-two', 'page-one']);
  const [three, two, one] = newest;
  assert.deepEqual(two, {
    id: two.id, name: 'Page two', email: 'page-two@example.com', avatar: null, externalId: 'page-two', stripeCustomerId: null, country: 'DE',
    sales: 0, saleAmount: 0, createdAt: two.createdAt, firstSaleAt: null, subscriptionCanceledAt: null,
  });
  assert.ok(isRecent(two.createdAt) && /^cus_/.test(two.id));
  const pages = [];
  for await (const page of await dub.customers.list({ search: 'page-', pageSize: 2 })) pages.push(page.result);
  // The client goes on until there is nothing.
  assert.deepEqual(pages, [[three, two], [one], []]);
  for (const [filter, found] of [
    [{ email: 'page-two@example.com' }, [two]],
    [{ externalId: 'page-two' }, [two]],
    [{ search: 'page-', startingAfter: two.id }, [one]],
    [{ search: 'page-', endingBefore: two.id }, [three]],
    [{ search: 'page-', sortOrder: 'asc' }, [one, two, three]],
    [{ search: 'page-', country: 'DE' }, newest],
    [{ search: 'page-', country: 'FR' }, []],
    [{ search: 'page-', linkId: link.id }, newest],
    [{ search: 'page-', linkId: 'link_unknown' }, []],
  ]) {
    assert.deepEqual((await dub.customers.list(filter)).result, found, JSON.stringify(filter));
  }
});

test('customers by what they spent', async () => {
  const spent = { none: 0, some: 300, much: 900, more: 500, nothing: 0 };
  for (const [name, amount] of Object.entries(spent)) {
    await dub.track.lead({ clickId: await click(), eventName: 'Sign up', customerExternalId: `spent-${name}` });
    if (amount > 0) await dub.track.sale({ customerExternalId: `spent-${name}`, amount });
  }
  const mostFirst = ['much', 'more', 'some', 'nothing', 'none'];
  // Who has spent nothing comes last, whichever way.
  const leastFirst = ['some', 'more', 'much', 'none', 'nothing'];
  for (const [sortOrder, expected] of [['desc', mostFirst], ['asc', leastFirst]]) {
    const request = { search: 'spent-', sortBy: 'saleAmount', sortOrder };
    const found = await eventually(async () => {
      const pages = await all(dub.customers.list({ ...request, pageSize: 2 }));
      assert.deepEqual(pages.map(({ externalId }) => externalId), expected.map(name => `spent-${name}`));
      return pages;
    });
    const before = await dub.customers.list({ ...request, endingBefore: found[4].id, pageSize: 3 });
    assert.deepEqual(before.result, found.slice(1, 4));
  }
});

test('a customer is changed and deleted', async () => {
  await dub.track.lead({ clickId: await click(), eventName: 'Sign up', customerExternalId: 'old', customerName: 'Old' });
  const customer = await dub.customers.get({ id: 'ext_old' });
  const changes = { name: 'New', email: 'new@example.com', avatar: 'https://example.com/n.png', externalId: 'new', stripeCustomerId: 'cus_stripe' };
  const changed = await dub.customers.update({ id: customer.id, requestBody: changes });
  assert.deepEqual(changed, { ...customer, ...changes });
  assert.deepEqual(await dub.customers.get({ id: 'ext_new' }), changed);
  const emptied = await dub.customers.update({ id: 'ext_new', requestBody: { email: null, avatar: null } });
  assert.deepEqual(emptied, { ...changed, email: null, avatar: null });
  await dub.track.lead({ clickId: await click(), eventName: 'Sign up', customerExternalId: 'other' });
  await refused(dub.customers.update({ id: 'ext_other', requestBody: { externalId: 'new' } }), 'Conflict');
  assert.deepEqual(await dub.customers.delete(customer.id), { id: customer.id });
  await refused(dub.customers.get({ id: customer.id }), 'NotFound', 'Customer not found.');
  await refused(dub.customers.delete('ext_new'), 'NotFound', 'Customer not found.');
});
