"""Clicks by the values of something."""

from collections import Counter

from _world import ONLY_EMPTY, SEPARATORS, Case, counted, facts, fetch_json, main, with_duckdb, with_pandas, world

START = {"start": "2026-10-28"}


def values_of(counter, click):
    match counter:
        case "link_id":
            return [str(click["link"])]
        case "top_params":
            return click["pairs"]
        case "bot_name":
            return [click["bot"]]
        case _:
            return [click[counter]]


def ranked(counter, clicks):
    """Most frequent first, equals by value, the unknown after its equals."""
    counts = Counter(value for click in clicks for value in values_of(counter, click))
    return sorted(counts.items(), key=lambda item: (-item[1], item[0] is None, (item[0] or "").encode()))


class Counters(Case):
    def test_every_counter(self):
        clicks = counted()
        for counter in ["country", "platform", "browser", "referer", "isp", "bot_name", "top_params"]:
            expected = ranked(counter, clicks)
            self.assertGreater(len(expected), 1)
            for format in SEPARATORS:
                with self.subTest(counter=counter, format=format):
                    frame = with_pandas(f"clicks/counters/{counter}", format=format, read=ONLY_EMPTY, **START)
                    self.assertEqual(list(frame.columns), ["value", "count"])
                    self.assertEqual(frame["count"].dtype, "int64")
                    self.assert_strings(frame["value"])
                    values = [None if value != value else value for value in frame["value"]]
                    self.assertEqual(list(zip(values, frame["count"])), expected)
                    found = with_duckdb(f"clicks/counters/{counter}", format=format, **START)
                    self.assertEqual(found.columns, {"value": "VARCHAR", "count": "BIGINT"})
                    self.assertEqual(found.rows, expected)

    def test_links_are_numbers(self):
        expected = [(int(link), count) for link, count in ranked("link_id", counted())]
        self.assertEqual(len(expected), len(facts.links) - 1)
        frame = with_pandas("clicks/counters/link_id", **START)
        self.assertEqual((frame["value"].dtype, frame["count"].dtype), ("int64", "int64"))
        self.assertEqual(list(frame.itertuples(index=False, name=None)), expected)
        found = with_duckdb("clicks/counters/link_id", **START)
        self.assertEqual((found.columns["value"], found.rows), ("BIGINT", expected))
        # In JSON they are text.
        shown = fetch_json("clicks/counters/link_id", **START)["values"]
        self.assertEqual(
            [(row["value"], row["count"]) for row in shown], [(str(link), count) for link, count in expected]
        )

    def test_ways_of_counting(self):
        for bots in ["include", "exclude", "only"]:
            for unique in [False, True]:
                with self.subTest(bots=bots, unique=unique):
                    expected = ranked("country", counted(bots, unique))
                    query = {"bots": bots, "unique": str(unique).lower(), **START}
                    self.assertEqual(with_duckdb("clicks/counters/country", **query).rows, expected)
                    frame = with_pandas("clicks/counters/country", read=ONLY_EMPTY, **query)
                    self.assertEqual(list(frame["count"]), [count for _, count in expected])
                    self.assertEqual(fetch_json("clicks/counters/country", **query)["total"], frame["count"].sum())

    def test_nothing_was_clicked(self):
        frame = with_pandas("clicks/counters/country", world.empty)
        self.assertEqual((list(frame.columns), len(frame)), (["value", "count"], 0))
        found = with_duckdb("clicks/counters/country", world.empty)
        self.assertEqual((list(found.columns), found.rows), (["value", "count"], []))

    def test_formulas_are_text_unless_they_shall_be_safe(self):
        wild = with_pandas("clicks/counters/isp", read=ONLY_EMPTY, **START)
        self.assertIn("=cmd|' /C calc'!A0", list(wild["value"]))
        tame = with_pandas("clicks/counters/isp", read=ONLY_EMPTY, spreadsheet_safe="true", **START)
        self.assertIn("'=cmd|' /C calc'!A0", list(tame["value"]))
        self.assertEqual(list(wild["count"]), list(tame["count"]))

    def test_a_long_one_is_cut_and_its_total_is_not(self):
        query = {"start": "2026-10-01", "end": "2026-11-01"}
        frame = with_pandas("clicks/counters/top_params", world.many, **query)
        self.assertEqual((len(frame), frame["count"].sum()), (10_000, 10_000))
        self.assertEqual(len(with_duckdb("clicks/counters/top_params", world.many, **query).rows), 10_000)
        answer = fetch_json("clicks/counters/top_params", world.many, **query)
        self.assertEqual((answer["total"], len(answer["values"])), (world.manyClicks, 10_000))


if __name__ == "__main__":
    main()
