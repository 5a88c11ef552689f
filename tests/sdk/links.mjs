// Every method for links.

import assert from 'node:assert/strict';
import test from 'node:test';
import { ResponseValidationError } from 'dub/models/errors';
import { all, client, dub, has, isRecent, refused, visit, world } from './_world.mjs';

const { domain } = world;
const made = body => dub.links.create({ url: 'https://example.com/', domain, ...body });

test('a link is created with its defaults', async () => {
  const link = await made({ key: 'plain' });
  assert.match(link.id, /^link_/);
  assert.deepEqual(link, {
    id: link.id,
    domain,
    key: 'plain',
    url: 'https://example.com/',
    trackConversion: false,
    externalId: null,
    tenantId: null,
    programId: null,
    partnerId: null,
    archived: false,
    expiresAt: null,
    expiredUrl: null,
    disabledAt: null,
    password: null,
    proxy: false,
    title: null,
    description: null,
    image: null,
    video: null,
    rewrite: false,
    doIndex: false,
    ios: null,
    android: null,
    geo: null,
    publicStats: false,
    tags: [],
    folderId: null,
    comments: null,
    shortLink: `https://${domain}/plain`,
    qrCode: link.qrCode,
    utmSource: null,
    utmMedium: null,
    utmCampaign: null,
    utmTerm: null,
    utmContent: null,
    testVariants: null,
    testStartedAt: null,
    testCompletedAt: null,
    userId: link.userId,
    workspaceId: world.workspaceId,
    clicks: 0,
    leads: 0,
    conversions: 0,
    sales: 0,
    saleAmount: 0,
    lastClicked: null,
    createdAt: link.createdAt,
    updatedAt: link.createdAt,
    tagId: null,
    projectId: link.projectId,
    webhookIds: [],
  });
  assert.match(link.userId, /^user_/);
  assert.ok(isRecent(link.createdAt), link.createdAt);
  const qrCode = new URL(link.qrCode);
  assert.equal(qrCode.pathname, '/qr');
  assert.equal(qrCode.searchParams.get('url'), `https://${domain}/plain?qr=1`);
});

test('every field is kept', async () => {
  const fields = {
    key: 'full',
    url: 'https://example.com/full?a=1',
    externalId: 'full-1',
    tenantId: 'tenant-full',
    programId: 'prog_1',
    partnerId: 'pn_1',
    trackConversion: true,
    archived: true,
    comments: 'a comment',
    expiresAt: '2030-01-02T03:04:05.000Z',
    expiredUrl: 'https://example.com/expired',
    proxy: true,
    title: 'A title',
    description: 'A description',
    image: 'https://example.com/i.png',
    video: 'https://example.com/v.mp4',
    rewrite: true,
    ios: 'https://apps.apple.com/app/1',
    android: 'https://play.google.com/store/apps/1',
    geo: { DE: 'https://example.com/de', FR: 'https://example.com/fr' },
    doIndex: true,
    publicStats: true,
  };
  const link = await made({
    ...fields, utmSource: 'news', utmMedium: 'mail', utmCampaign: 'summer', utmTerm: 'shoes', utmContent: 'top', ref: 'me',
  });
  const url = new URL(link.url);
  const search = { a: '1', utm_source: 'news', utm_medium: 'mail', utm_campaign: 'summer', utm_term: 'shoes', utm_content: 'top', ref: 'me' };
  assert.deepEqual(Object.fromEntries(url.searchParams), search);
  has(link, {
    ...fields, url: link.url, utmSource: 'news', utmMedium: 'mail', utmCampaign: 'summer', utmTerm: 'shoes', utmContent: 'top',
  });
  assert.deepEqual(await dub.links.get({ linkId: link.id }), link);
});

test('several destinations of one link', async () => {
  const testVariants = [{ url: 'https://example.com/a', percentage: 30 }, { url: 'https://example.com/b', percentage: 70 }];
  const times = { testStartedAt: '2026-09-21T00:00:00.000Z', testCompletedAt: '2026-12-24T00:00:00.000Z' };
  const link = await made({ key: 'several', testVariants, ...times });
  has(link, { testVariants, ...times });
  has(await dub.links.update(link.id, { testVariants: null, testStartedAt: null, testCompletedAt: null }), {
    testVariants: null, testStartedAt: null, testCompletedAt: null,
  });
});

test('a password is never told', async () => {
  const link = await made({ key: 'secret', password: 'open sesame' });
  assert.notEqual(link.password, null);
  assert.ok(!JSON.stringify(link).includes('sesame'));
});

test('a key is made when none is given', async () => {
  assert.match((await made({})).key, /^[0-9A-Za-z]{7}$/);
  assert.match((await made({ keyLength: 12 })).key, /^[0-9A-Za-z]{12}$/);
  assert.match((await made({ prefix: '/c/' })).key, /^c\/[0-9A-Za-z]{7}$/);
});

test('a link is found by its id, its place and the id of somebody else', async () => {
  const link = await made({ key: 'found', externalId: 'found-1' });
  for (const name of [{ linkId: link.id }, { domain, key: 'found' }, { externalId: 'ext_found-1' }]) {
    assert.deepEqual(await dub.links.get(name), link);
  }
  await refused(dub.links.get({ domain, key: 'unknown' }), 'NotFound', 'Link not found.');
  await refused(dub.links.get({}), 'BadRequest');
  const theirs = await client(world.otherKey).links.create({ url: 'https://example.com', domain: world.otherDomain, key: 'theirs' });
  await refused(dub.links.get({ linkId: theirs.id }), 'NotFound');
  await refused(dub.links.get({ domain: world.otherDomain, key: 'theirs' }), 'NotFound');
});

test('a link is updated, field by field', async () => {
  const link = await made({ key: 'before', title: 'Before', tenantId: 'tenant-update', externalId: 'update-1' });
  const changed = await dub.links.update(link.id, { key: 'after', title: null, comments: 'new', archived: true });
  assert.deepEqual(changed, {
    ...link, key: 'after', title: null, comments: 'new', archived: true, shortLink: changed.shortLink, qrCode: changed.qrCode,
    updatedAt: changed.updatedAt,
  });
  assert.equal(changed.shortLink, `https://${domain}/after`);
  assert.ok(isRecent(changed.updatedAt) && changed.updatedAt > link.updatedAt);
  const byExternal = await dub.links.update('ext_update-1', { url: 'https://example.com/new', utmSource: 'letter' });
  has(byExternal, { id: link.id, url: 'https://example.com/new?utm_source=letter', utmSource: 'letter', tenantId: 'tenant-update' });
  await refused(dub.links.get({ domain, key: 'before' }), 'NotFound');
  await refused(dub.links.update('link_unknown', { title: 'x' }), 'NotFound');
});

test('a link is deleted', async () => {
  const link = await made({ key: 'gone', externalId: 'gone-1' });
  assert.deepEqual(await dub.links.delete(link.id), { id: link.id });
  await refused(dub.links.get({ linkId: link.id }), 'NotFound');
  await refused(dub.links.delete(link.id), 'NotFound');
  const again = await made({ key: 'gone', externalId: 'gone-1' });
  assert.deepEqual(await dub.links.delete('ext_gone-1'), { id: again.id });
});

test('a list comes page by page', async () => {
  const links = [];
  for (let number = 0; number < 5; number++) links.push(await made({ key: `page-${number}`, tenantId: 'paging' }));
  const newest = links.toReversed();
  const pages = [];
  for await (const page of await dub.links.list({ tenantId: 'paging', pageSize: 2 })) pages.push(page.result);
  assert.deepEqual(pages, [newest.slice(0, 2), newest.slice(2, 4), newest.slice(4)]);
  assert.deepEqual((await dub.links.list({ tenantId: 'paging', page: 2, pageSize: 3 })).result, newest.slice(3));
  const after = await dub.links.list({ tenantId: 'paging', startingAfter: newest[1].id, pageSize: 2 });
  assert.deepEqual(after.result, newest.slice(2, 4));
  const before = await dub.links.list({ tenantId: 'paging', endingBefore: newest[3].id, pageSize: 100 });
  assert.deepEqual(before.result, newest.slice(0, 3));
  assert.deepEqual((await dub.links.list({ tenantId: 'nobody' })).result, []);
});

test('a list and its count are of the same links', async () => {
  const both = { tenantId: 'filter' };
  const one = await made({ ...both, key: 'filter-apple', url: 'https://example.com/apple' });
  const two = await made({ ...both, key: 'filter-pear', archived: true });
  const expect = async (filter, links) => {
    const ids = items => items.map(item => item.id).sort();
    assert.deepEqual(ids(await all(dub.links.list({ ...both, ...filter }))), ids(links), JSON.stringify(filter));
    assert.equal(await dub.links.count({ ...both, ...filter }), links.length, JSON.stringify(filter));
  };
  await expect({}, [one]);
  await expect({ showArchived: true }, [one, two]);
  await expect({ search: 'apple' }, [one]);
  await expect({ search: 'apple pie' }, []);
  await expect({ domain }, [one]);
  await expect({ domain: 'nobody.example.com' }, []);
  await expect({ userId: one.userId }, [one]);
  await expect({ userId: 'user_nobody' }, []);
});

test('a link is upserted by its destination', async () => {
  const url = 'https://example.com/upserted';
  const link = await dub.links.upsert({ url, domain, key: 'upsert', title: 'One' });
  has(link, { url, key: 'upsert', title: 'One' });
  const again = await dub.links.upsert({ url, domain, title: 'Two', comments: 'new' });
  assert.deepEqual(again, { ...link, title: 'Two', comments: 'new', updatedAt: again.updatedAt });
  const other = await dub.links.upsert({ url: `${url}?a=1`, domain });
  assert.notEqual(other.id, link.id);
});

test('many links at once', async () => {
  await made({ key: 'many-taken' });
  const bodies = ['one', 'two', 'three'].map(name => ({
    url: `https://example.com/${name}`, domain, key: `many-${name}`, externalId: `many-${name}`, tenantId: 'many', title: name,
  }));
  const refusedBody = { url: 'https://example.com/', domain, key: 'many-taken' };
  const answers = await dub.links.createMany([bodies[0], refusedBody, ...bodies.slice(1)]);
  const [one, taken, two, three] = answers;
  for (const [index, link] of [one, two, three].entries()) has(link, bodies[index]);
  assert.deepEqual(taken, { link: taken.link, error: taken.error, code: 'conflict' });
  assert.match(taken.error, /^Duplicate key/);
  has(taken.link, refusedBody);
  assert.deepEqual(await all(dub.links.list({ tenantId: 'many' })), [three, two, one]);
  await refused(dub.links.createMany([bodies[0], bodies[0]]), 'BadRequest');
  await refused(dub.links.createMany(Array(101).fill(bodies[0])), 'UnprocessableEntity');

  const changed = await dub.links.updateMany({ linkIds: [one.id, two.id], data: { comments: 'both', archived: true } });
  const expected = [one, two].map((link, index) => (
    { ...link, comments: 'both', archived: true, updatedAt: changed[index]?.updatedAt }
  ));
  assert.deepEqual(changed, expected);
  const byExternal = await dub.links.updateMany({ externalIds: ['many-three'], data: { utmSource: 'letter' } });
  assert.deepEqual(byExternal.map(link => link.url), ['https://example.com/three?utm_source=letter']);
  await refused(dub.links.updateMany({ data: { comments: 'x' } }), 'BadRequest');

  assert.deepEqual(await dub.links.deleteMany({ linkIds: [one.id, 'ext_many-two', 'link_unknown'] }), { deletedCount: 2 });
  assert.deepEqual((await all(dub.links.list({ tenantId: 'many', showArchived: true }))).map(link => link.id), [three.id]);
});

test('counts by what links have in common', async () => {
  // The client knows a count as a number only; the rows come with its error.
  await made({ tenantId: 'grouped' });
  await made({ tenantId: 'grouped' });
  await assert.rejects(dub.links.count({ tenantId: 'grouped', groupBy: 'domain' }), error => {
    assert.ok(error instanceof ResponseValidationError, error);
    assert.deepEqual(error.rawValue, [{ domain, _count: 2 }]);
    return true;
  });
});

test('a short link leads to its destination', async () => {
  await made({ key: 'go', url: 'https://example.com/there?a=1' });
  has(await visit('/go?b=2'), { status: 302, location: 'https://example.com/there?a=1&b=2' });
});

test('what is taken, foreign or wrong is refused', async () => {
  await made({ key: 'taken', externalId: 'taken-1' });
  await refused(made({ key: 'taken' }), 'Conflict', 'Duplicate key: This short link already exists.');
  await refused(made({ externalId: 'taken-1' }), 'Conflict');
  await refused(made({ domain: world.otherDomain }), 'Forbidden', 'Domain does not belong to workspace.');
  await refused(made({ url: 'no url' }), 'UnprocessableEntity', 'Invalid destination URL');
  await refused(made({ key: '_x' }), 'UnprocessableEntity', 'Invalid key.');
  await refused(client('dub_wrong').links.list(), 'Unauthorized');
  await refused(client(world.weakKey).links.create({ url: 'https://example.com' }), 'Forbidden');
});
