"""Links with their counters."""

from collections import Counter

import pandas as pd

from _world import ONLY_EMPTY, SEPARATORS, Case, counted, facts, fetch_json, main, with_duckdb, with_pandas, world

SHOWN = ["id", "name", "url", "full_url"]
COUNTED = ["clicks_count", "clicks_total", "clicks_today", "clicks_thirty_days"]
COUNTED += ["human_clicks_total", "human_clicks_today", "human_clicks_previous_day", "human_clicks_thirty_days"]
TODAY = {"first": "2026-11-02", "last": "2026-11-02"}
YESTERDAY = {"first": "2026-11-01", "last": "2026-11-01"}


def expected():
    """What is shown of each link, the oldest first. All clicks lie within thirty days."""
    every, today = Counter(), Counter()
    humans, humans_today, humans_before = Counter(), Counter(), Counter()
    for counter, clicks in [
        (every, counted()),
        (today, counted(**TODAY)),
        (humans, counted("exclude")),
        (humans_today, counted("exclude", **TODAY)),
        (humans_before, counted("exclude", **YESTERDAY)),
    ]:
        counter.update(click["link"] for click in clicks)
    for link in sorted(facts.links, key=lambda link: link["id"]):
        one = link["id"]
        counts = [every[one], every[one], today[one], every[one]]
        counts += [humans[one], humans_today[one], humans_before[one], humans[one]]
        # Quotes of an address are stored as its parser writes them.
        shown = link | {"url": link["url"].replace('"', "%22")}
        yield (*(shown[name] for name in SHOWN), *counts)


class Links(Case):
    def test_every_link_is_a_row(self):
        rows = list(expected())
        self.assertGreater(sum(row[4] for row in rows), 0)
        for path, query in [("links/export", {}), ("list_links", {"sort_by": "id", "sort_dir": "asc"})]:
            for format in SEPARATORS:
                with self.subTest(path=path, format=format):
                    frame = with_pandas(path, format=format, read=ONLY_EMPTY, **query)
                    for name in ["id", "workspace_id", *COUNTED]:
                        self.assertEqual(frame[name].dtype, "int64", name)
                    for name in ["enabled", "deleted"]:
                        self.assertEqual(frame[name].dtype, "bool", name)
                    shown = frame[SHOWN + COUNTED].itertuples(index=False, name=None)
                    self.assertEqual([tuple(None if pd.isna(value) else value for value in row) for row in shown], rows)
                    found = with_duckdb(path, format=format, select=", ".join(SHOWN + COUNTED), **query)
                    self.assertEqual(found.rows, rows)
                    numbers = {"id": "BIGINT"} | {name: "BIGINT" for name in COUNTED}
                    self.assertEqual({name: found.columns[name] for name in numbers}, numbers)

    def test_json(self):
        found = fetch_json("links/export")
        self.assertEqual([tuple(link[name] for name in SHOWN + COUNTED) for link in found], list(expected()))
        frame = pd.DataFrame(found)
        self.assertEqual(list(frame["sparkline"].map(sum)), list(frame["human_clicks_thirty_days"]))
        self.assertEqual(set(frame["sparkline"].map(len)), {30})

    def test_no_links(self):
        frame = with_pandas("links/export", world.empty)
        self.assertEqual(len(frame), 0)
        self.assertEqual(list(frame.columns), list(with_pandas("links/export").columns))
        self.assertEqual(fetch_json("links/export", world.empty), [])


if __name__ == "__main__":
    main()
