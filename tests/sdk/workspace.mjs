// What a workspace holds beside links: tags, folders and domains; and QR codes of anything.

import assert from 'node:assert/strict';
import test from 'node:test';
import { all, dub, has, isRecent, raw, refused, visit, world } from './_world.mjs';

const url = 'https://example.com/';

test('tags', async () => {
  const news = await dub.tags.create({ name: 'News', color: 'red' });
  assert.deepEqual(news, { id: news.id, name: 'News', color: 'red' });
  assert.match(news.id, /^tag_/);
  const blue = await dub.tags.create({ tag: 'Archive', color: 'blue' });
  has(blue, { name: 'Archive', color: 'blue' });
  assert.deepEqual(await dub.tags.list({}), [blue, news]);
  assert.deepEqual(await dub.tags.list({ sortBy: 'createdAt', sortOrder: 'desc' }), [blue, news]);
  assert.deepEqual(await dub.tags.list({ sortBy: 'createdAt' }), [news, blue]);
  assert.deepEqual(await dub.tags.list({ search: 'ew' }), [news]);
  assert.deepEqual(await dub.tags.list({ ids: [news.id] }), [news]);
  assert.deepEqual(await dub.tags.list({ page: 2, pageSize: 1 }), [news]);
  await refused(dub.tags.create({ name: 'news' }), 'Conflict');
  await refused(dub.tags.create({}), 'UnprocessableEntity');
  const changed = await dub.tags.update(news.id, { name: 'Letters', color: 'pink' });
  assert.deepEqual(changed, { id: news.id, name: 'Letters', color: 'pink' });
  await refused(dub.tags.update('tag_unknown', { name: 'x' }), 'NotFound');

  const byId = await dub.links.create({ url, tagIds: [news.id, blue.id], tenantId: 'tags' });
  assert.deepEqual(byId.tags.map(tag => tag.name).sort(), ['Archive', 'Letters']);
  const byName = await dub.links.create({ url, tagNames: 'Letters', tenantId: 'tags' });
  assert.deepEqual(byName.tags, [changed]);
  assert.equal(byName.tagId, news.id);
  const plain = await dub.links.create({ url, tenantId: 'tags' });
  for (const [filter, found] of [
    [{ tagIds: [blue.id] }, [byId]],
    [{ tagIds: [news.id, blue.id] }, [byName, byId]],
    [{ tagId: news.id }, [byName, byId]],
    [{ tagNames: ['Archive'] }, [byId]],
    [{ tagNames: 'Archive' }, [byId]],
    [{ withTags: true }, [byName, byId]],
    [{}, [plain, byName, byId]],
  ]) {
    assert.deepEqual(await all(dub.links.list({ tenantId: 'tags', ...filter })), found, JSON.stringify(filter));
    assert.equal(await dub.links.count({ tenantId: 'tags', ...filter }), found.length, JSON.stringify(filter));
  }
  await refused(dub.links.create({ url, tagIds: ['tag_unknown'] }), 'UnprocessableEntity', 'Invalid tagIds detected: ');
  await refused(dub.links.create({ url, tagNames: ['Unknown'] }), 'UnprocessableEntity', 'Invalid tagNames detected: ');

  assert.deepEqual(await dub.tags.delete(news.id), { id: news.id });
  await refused(dub.tags.delete(news.id), 'NotFound');
  assert.deepEqual((await dub.links.get({ linkId: byName.id })).tags, []);
  assert.deepEqual((await dub.links.update(byId.id, { tagIds: [] })).tags, []);
});

test('folders', async () => {
  const folder = await dub.folders.create({ name: 'Campaigns', description: 'of the year' });
  const { id, createdAt } = folder;
  assert.deepEqual(folder, {
    id, name: 'Campaigns', description: 'of the year', type: 'default', accessLevel: 'write', createdAt, updatedAt: createdAt,
  });
  assert.match(id, /^fold_/);
  assert.ok(isRecent(createdAt));
  const other = await dub.folders.create({ name: 'Other', accessLevel: 'write' });
  const names = async request => (await dub.folders.list(request)).map(folder => folder.name).sort();
  assert.deepEqual(await names({}), ['Campaigns', 'Other']);
  assert.deepEqual(await names({ search: 'camp' }), ['Campaigns']);
  assert.equal((await dub.folders.list({ page: 1, pageSize: 1 })).length, 1);
  await refused(dub.folders.create({ name: 'Campaigns' }), 'Conflict');
  const changed = await dub.folders.update(id, { name: 'Old campaigns', description: null });
  assert.deepEqual(changed, { ...folder, name: 'Old campaigns', description: null, updatedAt: changed.updatedAt });

  const inside = await dub.links.create({ url, folderId: id, tenantId: 'folders' });
  assert.equal(inside.folderId, id);
  const outside = await dub.links.create({ url, tenantId: 'folders' });
  assert.deepEqual(await all(dub.links.list({ folderId: id })), [inside]);
  assert.deepEqual(await all(dub.links.list({ tenantId: 'folders' })), [outside, inside]);
  const shown = (await all(dub.links.list({}))).map(link => link.id);
  assert.ok(shown.includes(outside.id) && !shown.includes(inside.id));
  assert.equal(await dub.links.count({ folderId: id }), 1);
  await refused(dub.links.list({ folderId: 'fold_unknown' }), 'NotFound', 'Folder not found.');
  assert.equal((await dub.links.update(outside.id, { folderId: other.id })).folderId, other.id);
  assert.equal((await dub.links.update(outside.id, { folderId: null })).folderId, null);

  assert.deepEqual(await dub.folders.delete(id), { id });
  await refused(dub.folders.delete(id), 'NotFound');
  assert.equal((await dub.links.get({ linkId: inside.id })).folderId, null);
});

test('domains', async () => {
  const slug = `go.${world.domain}`;
  const [own] = await all(dub.domains.list({}));
  has(own, { slug: world.domain, verified: true, primary: true, archived: false, registeredDomain: null });
  const [status] = await dub.domains.checkStatus({ domains: [slug] });
  assert.deepEqual(status, { domain: slug, available: true, premium: null, prices: null, price: null });
  const added = await dub.domains.create({ slug, expiredUrl: 'https://example.com/expired', notFoundUrl: 'https://example.com/lost' });
  const { id, createdAt } = added;
  assert.deepEqual(added, {
    id, slug, verified: true, primary: false, archived: false, placeholder: null, expiredUrl: 'https://example.com/expired',
    notFoundUrl: 'https://example.com/lost', logo: null, assetLinks: null, appleAppSiteAssociation: null,
    createdAt, updatedAt: createdAt, registeredDomain: null,
  });
  assert.match(id, /^dom_/);
  assert.ok(isRecent(createdAt));
  assert.equal((await dub.domains.checkStatus({ domains: slug }))[0].available, false);
  await refused(dub.domains.create({ slug }), 'Conflict');
  await refused(dub.domains.create({ slug: world.otherDomain }), 'Conflict');
  await refused(dub.domains.register({ domain: 'linktrail.link' }), 'Forbidden');
  assert.deepEqual(await all(dub.domains.list({ search: 'go.', pageSize: 1 })), [added]);

  const link = await dub.links.create({ url, domain: slug, key: 'here' });
  assert.equal(link.shortLink, `https://${slug}/here`);
  has(await visit('/here', { domain: slug }), { status: 302, location: url });
  has(await visit('/nowhere', { domain: slug }), { status: 302, location: 'https://example.com/lost' });

  const changed = await dub.domains.update(slug, { archived: true, notFoundUrl: null });
  assert.deepEqual(changed, { ...added, archived: true, notFoundUrl: null, updatedAt: changed.updatedAt });
  assert.deepEqual((await all(dub.domains.list({}))).map(domain => domain.slug), [world.domain]);
  assert.deepEqual((await all(dub.domains.list({ archived: true }))).map(domain => domain.slug).sort(), [slug, world.domain].sort());
  await refused(dub.domains.update(world.otherDomain, { archived: true }), 'NotFound');
  assert.deepEqual(await dub.domains.delete(slug), { slug });
  await refused(dub.domains.delete(slug), 'NotFound');
  await refused(dub.links.get({ linkId: link.id }), 'NotFound');
});

test('QR codes', async () => {
  // The client reads the picture as text, so only its beginning is left of it.
  assert.equal((await dub.qrCodes.get({ url, size: 100, level: 'H', fgColor: '#ff0000', margin: 4 })).slice(1, 4), 'PNG');
  await refused(dub.qrCodes.get({ url: 'no url' }), 'UnprocessableEntity', 'url');
  const link = await dub.links.create({ url, domain: world.domain });
  const drawn = await fetch(world.url + new URL(link.qrCode).pathname + new URL(link.qrCode).search);
  assert.deepEqual([drawn.status, drawn.headers.get('content-type')], [200, 'image/png']);
  const svg = await raw('GET', `/qr?url=${encodeURIComponent(link.shortLink)}&format=svg`, { key: null });
  assert.equal(svg.headers.get('content-type'), 'image/svg+xml');
  assert.match(svg.text, /<svg /);
});
