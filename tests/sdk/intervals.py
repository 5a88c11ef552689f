"""Spans of time; what happened is told in intervals.mjs."""

from _world import Case, dub, main

# Clicks, points of the series and the first point's start.
INTERVALS = {
    "24h": (1, 25, "2026-09-20T14:00:00.000+0000"),
    "7d": (2, 8, "2026-09-14T00:00:00.000+0000"),
    "mtd": (3, 21, "2026-09-01T00:00:00.000+0000"),
    "30d": (4, 31, "2026-08-22T00:00:00.000+0000"),
    "qtd": (5, 83, "2026-07-01T00:00:00.000+0000"),
    "90d": (6, 91, "2026-06-23T00:00:00.000+0000"),
    "ytd": (7, 9, "2026-01-01T00:00:00.000+0000"),
    "1y": (8, 13, "2025-09-01T00:00:00.000+0000"),
    "all": (9, 24, "2024-10-01T00:00:00.000+0000"),
}


class Intervals(Case):
    def test_every_interval(self):
        for interval, (clicks, points, start) in INTERVALS.items():
            with self.subTest(interval):
                self.assertEqual(dub.analytics.retrieve(request={"interval": interval}).clicks, clicks)
                rows = dub.analytics.retrieve(request={"interval": interval, "group_by": "timeseries"})
                self.assertEqual((sum(row.clicks for row in rows), len(rows), rows[0].start), (clicks, points, start))

    def test_from_a_start_to_an_end(self):
        for start, end, clicks in [
            ("2026-09-20", "2026-09-20", 1),
            ("2026-09-20", None, 2),
            ("2026-09-20T12:13:20Z", "2026-09-21T12:13:20Z", 1),
            ("2026-09-20T12:13:21Z", "2026-09-21T12:13:21Z", 1),
        ]:
            found = dub.analytics.retrieve(request={"start": start, **({"end": end} if end else {})})
            self.assertEqual(found.clicks, clicks, (start, end))

    def test_days_are_those_of_the_zone(self):
        request = {"start": "2026-09-19", "end": "2026-09-22", "group_by": "timeseries", "timezone": "Asia/Kolkata"}
        rows = dub.analytics.retrieve(request=request)
        self.assertEqual(
            [(row.start, row.clicks) for row in rows],
            [(f"2026-09-{day}T00:00:00.000+0530", clicks) for day, clicks in [(19, 0), (20, 1), (21, 1), (22, 0)]],
        )


main()
