// Writes the table of crawlers, `src/enrich/bot/crawlers.txt`, from the pinned npm package crawler-user-agents: `make crawlers`.
//
// A pattern of the package becomes the plain tokens that it stands for; one that is more than a list of tokens, or that
// is found in the agents of others, is left to the tables written by hand, and told on standard error.

import { readFileSync } from 'node:fs';

const folder = new URL('./node_modules/crawler-user-agents/', import.meta.url);
const { version } = JSON.parse(readFileSync(new URL('package.json', folder), 'utf8'));
const entries = JSON.parse(readFileSync(new URL('crawler-user-agents.json', folder), 'utf8'));

// What the package takes for robots but people use, and words that are in the agents of many.
const LEFT = new Map([
  ['AP3A\\.240617\\.008', 'a build of Android'],
  ['MetaIAB Facebook', "Facebook's browser"],
  ['Viber', 'an app with a browser inside'],
  ['Tumblr\\/', 'an app with a browser inside'],
  ['Code\\/1\\.', 'an editor with a browser inside'],
  ['Fluid', 'makes apps of sites'],
  ['^Silk\\/', "begins like Amazon's browser"],
  ['Sogou', 'a browser too'],
  ['Sonic', 'in names of phones and shops'],
  ['Fetch\\/', 'in names of many'],
]);

const CATEGORIES = {
  academic: 'other',
  advertising: 'ads',
  'ai-crawler': 'ai',
  archiver: 'archive',
  'browser-automation': 'automation',
  'feed-reader': 'feed',
  'http-library': 'library',
  monitoring: 'monitor',
  scanner: 'scanner',
  'search-engine': 'search',
  'social-preview': 'preview',
};
// The package says `seo` of whatever is nothing else; here it is said of those whose name does.
const SEO = /seo|serp|rank|audit|backlink|linkdex|site ?(explorer|check|analy)/i;

function category({ pattern, tags = [] }) {
  const known = tags.map((tag) => CATEGORIES[tag]).filter(Boolean);
  if (known.includes('ai')) return 'ai';
  return known[0] ?? (SEO.test(pattern) ? 'seo' : 'other');
}

const PART =
  /\\(?<escaped>[^\w\s]| )|\[(?<letters>\w+)\]|\((?<words>\w+(?:\|\w+)+)\)|(?<start>^\^)|(?<plain>[^\\[\](){}.*+?|$^])/y;

// The texts that a pattern matches, in lower case, if these are few and plain; a `^` at the beginning stays.
function tokens(pattern) {
  let found = [''];
  PART.lastIndex = 0;
  while (PART.lastIndex < pattern.length) {
    const part = PART.exec(pattern)?.groups;
    if (!part) return undefined;
    const { escaped, letters, words, start, plain } = part;
    const tails = letters ? [...letters] : (words?.split('|') ?? [escaped ?? start ?? plain]);
    found = found.flatMap((head) => tails.map((tail) => head + tail));
  }
  return [...new Set(found.map((token) => token.toLowerCase()))];
}

function name(pattern) {
  const plain = pattern.replace(/\[(\w)\w*\]/g, '$1').replace(/\((\w+)[^)]*\)/g, '$1').replace(/\\/g, '');
  return plain.replace(/^[\^\s;(]+|^https?:\/\/|[\s\/;()]+$/g, '').slice(0, 40).trim();
}

const lines = new Map();
for (const entry of entries) {
  const { pattern } = entry;
  const left = LEFT.get(pattern) ?? (tokens(pattern) ? undefined : 'no list of tokens');
  if (left) {
    console.error(`left out: ${pattern} (${left})`);
    continue;
  }
  for (const token of tokens(pattern)) {
    if (!lines.has(token)) lines.set(token, `${token} | ${name(pattern)} | ${category(entry)}`);
  }
}
console.log(`# Robots that crawler-user-agents ${version} knows (MIT licence, .licenses/crawler-user-agents): token | name | category.
# Written by \`make crawlers\`; what is to be otherwise goes into names.rs, which is looked at first.`);
console.log([...lines.values()].sort().join('\n'));
