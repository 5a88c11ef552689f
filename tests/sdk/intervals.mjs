// Spans of time. The workspace has nine clicks, which tests/it/sdk/past.rs put there: 2 and 26 hours, and 10, 22, 40, 85, 120,
// 300 and 700 days before now, which is 2026-09-21T14:13:20Z.

import assert from 'node:assert/strict';
import test from 'node:test';
import { dub, raw, refused } from './_world.mjs';

const count = async filter => (await dub.analytics.retrieve(filter)).clicks;
const series = filter => dub.analytics.retrieve({ groupBy: 'timeseries', ...filter });
const sum = rows => rows.reduce((total, row) => total + row.clicks, 0);

// Clicks, points of the series and the first point's start.
const INTERVALS = {
  '24h': [1, 25, '2026-09-20T14:00:00.000+0000'],
  '7d': [2, 8, '2026-09-14T00:00:00.000+0000'],
  mtd: [3, 21, '2026-09-01T00:00:00.000+0000'],
  '30d': [4, 31, '2026-08-22T00:00:00.000+0000'],
  qtd: [5, 83, '2026-07-01T00:00:00.000+0000'],
  '90d': [6, 91, '2026-06-23T00:00:00.000+0000'],
  ytd: [7, 9, '2026-01-01T00:00:00.000+0000'],
  '1y': [8, 13, '2025-09-01T00:00:00.000+0000'],
  all: [9, 24, '2024-10-01T00:00:00.000+0000'],
};

for (const [interval, [clicks, points, start]] of Object.entries(INTERVALS)) {
  test(`the last ${interval}`, async () => {
    assert.equal(await count({ interval }), clicks);
    const rows = await series({ interval });
    assert.deepEqual([sum(rows), rows.length, rows[0].start], [clicks, points, start]);
    const others = rows.map(({ leads, sales, saleAmount }) => leads + sales + saleAmount);
    assert.deepEqual(others, rows.map(() => 0));
    const starts = rows.map(row => row.start);
    assert.deepEqual(starts, starts.toSorted());
  });
}

test('intervals that only the API knows', async () => {
  for (const [interval, clicks] of [['1h', 0], ['today', 1], ['yesterday', 1], ['all_unfiltered', 9]]) {
    const answer = await raw('GET', `/analytics?interval=${interval}`);
    assert.deepEqual([answer.status, answer.json?.clicks], [200, clicks], interval);
  }
});

test('from a start to an end', async () => {
  assert.equal(await count({ start: '2026-09-20', end: '2026-09-20' }), 1);
  assert.equal(await count({ start: '2026-09-20' }), 2);
  assert.equal(await count({ start: '2026-09-20T12:13:20Z', end: '2026-09-21T12:13:20Z' }), 1);
  assert.equal(await count({ start: '2026-09-20T12:13:21Z', end: '2026-09-21T12:13:21Z' }), 1);
  assert.equal(await count({ start: '2026-06-01', end: '2026-08-31', interval: '24h' }), 3);
  await refused(count({ start: 'once upon a time' }), 'UnprocessableEntity', 'custom: start: Invalid date');
});

test('days are those of the zone', async () => {
  const rows = await series({ start: '2026-09-19', end: '2026-09-22', timezone: 'Asia/Kolkata' });
  assert.deepEqual(rows.map(row => [row.start, row.clicks]), [
    ['2026-09-19T00:00:00.000+0530', 0],
    ['2026-09-20T00:00:00.000+0530', 1],
    ['2026-09-21T00:00:00.000+0530', 1],
    ['2026-09-22T00:00:00.000+0530', 0],
  ]);
  const hours = await series({ start: '2026-09-21', end: '2026-09-21', timezone: 'Asia/Kolkata' });
  assert.deepEqual(hours.filter(row => row.clicks > 0).map(row => row.start), ['2026-09-21T17:00:00.000+0530']);
  assert.equal(hours.length, 24);
  // 12:13:20 in UTC is of the next day there.
  assert.equal(await count({ start: '2026-09-21', end: '2026-09-21', timezone: 'Pacific/Auckland' }), 1);
  assert.equal(await count({ start: '2026-09-22', end: '2026-09-22', timezone: 'Pacific/Auckland' }), 1);
  assert.equal(await count({ start: '2026-09-20', end: '2026-09-20', timezone: 'Pacific/Auckland' }), 0);
  await refused(count({ timezone: 'Mars/Olympus' }), 'UnprocessableEntity', 'timezone');
});
