// What happens in `_story.json`, made to happen, and what is to be told of it.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dub, eventually, visit, world } from './_world.mjs';

const story = JSON.parse(readFileSync(new URL('_story.json', import.meta.url), 'utf8'));

// By their names.
export const tags = {};
export const folders = {};
export const links = {};
// Each event that counts, with the visit that led to it.
export const facts = [];

// Makes it all happen and returns when it is stored.
export async function tell() {
  for (const name of story.tags) tags[name] = await dub.tags.create({ name, color: 'green' });
  for (const name of story.folders) folders[name] = await dub.folders.create({ name });
  for (const [key, { folder, ...fields }] of Object.entries(story.links)) {
    links[key] = await dub.links.create({ domain: world.domain, key, folderId: folders[folder]?.id, ...fields });
  }
  const visits = [];
  for (const { visitor, link, agent, place, referer, query, uncounted } of story.visits) {
    const path = `/${link === '_root' ? '' : link}${query ? `?${query}` : ''}`;
    const [who, where] = [story.agents[agent], story.places[place]];
    const { status, location, clickId } = await visit(path, { visitor, agent: who.agent, place: where, referer });
    assert.ok([301, 302].includes(status), `${path}: ${status}`);
    const seen = { ...where, ...who, link: links[link], referer, query: query ?? '', clickId, location };
    visits.push(seen);
    if (!uncounted) facts.push({ kind: 'clicks', visit: seen });
  }
  const customers = {};
  for (const { visit, ...lead } of story.leads) {
    // Of a customer who is known the click is too.
    const clickId = customers[lead.customerExternalId] ? '' : visits[visit].clickId;
    customers[lead.customerExternalId] = true;
    const answer = await dub.track.lead({ clickId, ...lead });
    facts.push({ kind: 'leads', visit: visits[visit], given: lead, answer });
  }
  for (const { visit, saleType, ...sale } of story.sales) {
    const answer = await dub.track.sale(sale);
    facts.push({ kind: 'sales', visit: visits[visit], saleAmount: sale.amount, saleType, given: sale, answer });
  }
  for (const kind of ['clicks', 'leads', 'sales']) {
    await eventually(async () => assert.deepEqual(await dub.analytics.retrieve({ event: kind }), totals(of(kind))));
  }
}

// The facts of this kind, or of every kind.
export const of = (kind, keep = () => true) =>
  facts.filter(fact => (kind === 'composite' || fact.kind === kind) && keep(fact));

export function totals(some) {
  const sums = { clicks: 0, leads: 0, sales: 0, saleAmount: 0 };
  for (const { kind, saleAmount = 0 } of some) {
    sums[kind] += 1;
    sums.saleAmount += saleAmount;
  }
  return sums;
}

const base = url => url.split('?')[0];
// The final address, as visitors reach it but for their own click id.
export function finalUrl({ link, query }) {
  const url = new URL(link.url);
  for (const [name, value] of new URLSearchParams(query)) if (name !== 'qr') url.searchParams.set(name, value);
  return url.href;
}
const utm = name => visit => {
  const value = new URL(finalUrl(visit)).searchParams.get(name);
  return value === null ? null : { [name]: value };
};
export const refererOf = visit => visit.referer ? new URL(visit.referer).hostname.replace(/^www\./, '') : '(direct)';
export const refererUrlOf = visit => visit.referer ? base(visit.referer) : '(direct)';
export const triggerOf = visit => visit.query.includes('qr=1') ? 'qr' : 'link';

function topLink({ link }) {
  const { id, domain, key, shortLink, url, title, comments, folderId, partnerId, createdAt } = link;
  return { link: id, id, domain, key, shortLink, url, title, comments, folderId, partnerId, createdAt };
}

// What a visit is counted under, by `groupBy`; null for nothing.
export const GROUPS = {
  continents: ({ continent }) => ({ continent }),
  countries: ({ country }) => ({ country, region: '*', city: '*' }),
  regions: ({ country, region }) => ({ country, region, city: '*' }),
  cities: ({ country, region, city }) => ({ country, region, city }),
  devices: ({ device }) => ({ device }),
  browsers: ({ browser }) => ({ browser }),
  os: ({ os }) => ({ os }),
  trigger: visit => ({ trigger: triggerOf(visit) }),
  triggers: visit => ({ trigger: triggerOf(visit) }),
  referers: visit => ({ referer: refererOf(visit) }),
  referer_urls: visit => ({ refererUrl: refererUrlOf(visit) }),
  top_links: topLink,
  top_urls: visit => ({ url: finalUrl(visit) }),
  top_base_urls: visit => ({ url: base(finalUrl(visit)) }),
};

// Those whose rows the client's own schema has no place for: it throws, and gives the rows with the error.
export const THROWN = {
  top_domains: ({ link }) => ({ domain: link.domain }),
  top_folders({ link }) {
    const folder = Object.values(folders).find(({ id }) => id === link.folderId);
    return folder ? { folderId: folder.id, folder: { id: folder.id, name: folder.name } } : null;
  },
  top_link_tags: ({ link }) => link.tags.map(tag => ({ tagId: tag.id, tag })),
  utm_sources: utm('utm_source'),
  utm_mediums: utm('utm_medium'),
  utm_campaigns: utm('utm_campaign'),
  utm_terms: utm('utm_term'),
  utm_contents: utm('utm_content'),
};

// The rows of these facts, in no particular order.
export function rows(group, some) {
  const groups = new Map();
  for (const fact of some) {
    for (const fields of [group(fact.visit)].flat()) {
      if (fields === null) continue;
      const name = JSON.stringify(fields);
      if (!groups.has(name)) groups.set(name, { fields, facts: [] });
      groups.get(name).facts.push(fact);
    }
  }
  return [...groups.values()].map(({ fields, facts }) => ({ ...fields, ...totals(facts) }));
}
