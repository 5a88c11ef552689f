"""The clicks themselves, a row each."""

import datetime

import pandas as pd

from _world import (
    ONLY_EMPTY,
    SEPARATORS,
    Case,
    counted,
    facts,
    fetch,
    fetch_json,
    main,
    with_duckdb,
    with_pandas,
    world,
)

RANGE = {"start": "2026-10-28", "end": "2026-11-03"}
TOLD = ["link_id", "country", "platform", "browser", "referer", "isp", "bot", "params"]
# What follows `id`.
FIRST_COLUMNS = "link_id timestamp country platform browser referer isp bot url params".split()
LATER_COLUMNS = (
    "region city device referer_url ad_network utm_source utm_medium utm_campaign utm_term utm_content user_agent"
).split()
FIRST_OF_MANY_MS = 1_790_812_800_000
COUNTRIES = ["DE", "US", None]
PROVIDERS = ["One, Inc.", 'Two "2"', "Three\n3", None]


def in_order(clicks):
    return sorted(clicks, key=lambda click: (click["at"], click["id"]))


def row(click):
    """What is told of a click, with nothing for what is not known."""
    names = {"link_id": "link", "params": "query"}
    return (click["at"], *(click[names.get(name, name)] or None for name in TOLD))


def milliseconds(column):
    return [stamp.value // 1_000_000 for stamp in column]


def clean(value):
    """pandas has its own nothing."""
    return None if pd.isna(value) else value


class Export(Case):
    def rows_of(self, frame):
        stamps = milliseconds(frame["timestamp"])
        return [
            (stamp, *map(clean, told)) for stamp, told in zip(stamps, frame[TOLD].itertuples(index=False, name=None))
        ]

    def test_every_click_is_a_row(self):
        expected = [row(click) for click in in_order(facts.clicks)]
        for format in SEPARATORS:
            with self.subTest(format=format):
                read = {"parse_dates": ["timestamp"], **ONLY_EMPTY}
                frame = with_pandas("clicks/export", format=format, read=read, **RANGE)
                self.assertEqual(list(frame.columns), ["id", *FIRST_COLUMNS, *LATER_COLUMNS])
                self.assertIsInstance(frame["timestamp"].dtype, pd.DatetimeTZDtype)
                self.assertEqual(str(frame["timestamp"].dtype.tz), "UTC")
                self.assertEqual(frame["link_id"].dtype, "int64")
                for name in ["id", "country", "isp", "url", "params"]:
                    self.assert_strings(frame[name])
                self.assertTrue(frame["id"].is_unique and (frame["id"].str.len() == 16).all())
                self.assertEqual(self.rows_of(frame), expected)
                self.assertEqual(set(frame["url"]), {'https://example.com/s?a=1,2&b="3"'})

                told = ", ".join(TOLD)
                found = with_duckdb("clicks/export", format=format, select=f"epoch_ms(timestamp), {told}", **RANGE)
                self.assertEqual(found.rows, expected)
                types = with_duckdb(
                    "clicks/export", format=format, select="typeof(timestamp), typeof(link_id), typeof(isp)", **RANGE
                )
                self.assertEqual(types.rows[0], ("TIMESTAMP WITH TIME ZONE", "BIGINT", "VARCHAR"))

    def test_json(self):
        found = fetch_json("clicks/export", **RANGE)
        frame = pd.DataFrame(found)
        self.assertEqual(list(frame.columns), ["id", *FIRST_COLUMNS, *LATER_COLUMNS])
        expected = in_order(facts.clicks)
        for shown, click in zip(found, expected, strict=True):
            at = datetime.datetime.fromisoformat(shown["timestamp"].replace("Z", "+00:00"))
            self.assertEqual(round(at.timestamp() * 1000), click["at"])
            for name in TOLD:
                if name != "params":
                    self.assertEqual(shown[name], click["link" if name == "link_id" else name], name)
            # Of a name that comes twice the last.
            pairs = dict(pair.split("=", 1) for pair in click["pairs"])
            self.assertEqual(shown["params"], pairs)

    def test_it_adds_up_to_the_series(self):
        for bots in ["include", "exclude", "only"]:
            for unique in [False, True]:
                with self.subTest(bots=bots, unique=unique):
                    query = {"bots": bots, "unique": str(unique).lower(), **RANGE}
                    frame = with_pandas("clicks/export", read={"parse_dates": ["timestamp"], **ONLY_EMPTY}, **query)
                    self.assertEqual(self.rows_of(frame), [row(click) for click in in_order(counted(bots, unique))])
                    series = with_pandas("clicks", read={"index_col": "t"}, **query)["y"]
                    by_day = frame["timestamp"].dt.strftime("%Y-%m-%d").value_counts()
                    self.assertEqual(by_day.to_dict(), series[series > 0].to_dict())

    def test_until_yesterday(self):
        frame = with_pandas("clicks/export", read=ONLY_EMPTY)
        self.assertEqual(len(frame), len(counted(first="2026-10-02", last="2026-11-01")))

    def test_nothing_was_clicked(self):
        frame = with_pandas("clicks/export", world.empty, **RANGE)
        self.assertEqual((list(frame.columns), len(frame)), (["id", *FIRST_COLUMNS, *LATER_COLUMNS], 0))
        found = with_duckdb("clicks/export", world.empty, read=", header=true", **RANGE)
        self.assertEqual((list(found.columns), found.rows), (list(frame.columns), []))
        self.assertEqual(fetch_json("clicks/export", world.empty, **RANGE), [])

    def test_formulas_are_text_unless_they_shall_be_safe(self):
        wild = with_pandas("clicks/export", read=ONLY_EMPTY, **RANGE)["isp"]
        tame = with_pandas("clicks/export", read=ONLY_EMPTY, spreadsheet_safe="true", **RANGE)["isp"]
        formula = "=cmd|' /C calc'!A0"
        self.assertGreater((wild == formula).sum(), 0)
        self.assertEqual((tame == "'" + formula).sum(), (wild == formula).sum())
        self.assertEqual(tame[tame != "'" + formula].to_list(), wild[wild != formula].to_list())


class Many(Case):
    """More rows than are read, or sent, at once."""

    query = {"workspace": world.many, "start": "2026-10-01", "end": "2026-11-01"}

    def expected(self, number):
        return (
            FIRST_OF_MANY_MS + number * 10_000,
            world.manyLink,
            COUNTRIES[number % 3],
            ["Chrome", "Firefox"][number % 2],
            PROVIDERS[number % 4],
            f"n={number}",
        )

    def check(self, rows):
        self.assertEqual(len(rows), world.manyClicks)
        # One after the other, so that a failure names a row and not all of them.
        for number, found in enumerate(rows):
            if found != self.expected(number):
                self.assertEqual(found, self.expected(number), number)

    def test_pandas_reads_all_of_it(self):
        for format, headers in [("csv", {}), ("tsv", {"Accept-Encoding": "gzip"})]:
            with self.subTest(headers=headers, format=format):
                read = {"parse_dates": ["timestamp"], **ONLY_EMPTY}
                frame = with_pandas("clicks/export", format=format, read=read, headers=headers, **self.query)
                self.assertTrue(frame["id"].is_unique)
                told = frame[["link_id", "country", "browser", "isp", "params"]].itertuples(index=False, name=None)
                rows = [(stamp, *map(clean, row)) for stamp, row in zip(milliseconds(frame["timestamp"]), told)]
                self.check(rows)

    def test_duckdb_reads_all_of_it(self):
        for format, headers in [("csv", {}), ("tsv", {"Accept-Encoding": "identity"})]:
            with self.subTest(headers=headers, format=format):
                select = "epoch_ms(timestamp), link_id, country, browser, isp, params"
                found = with_duckdb("clicks/export", format=format, select=select, headers=headers, **self.query)
                self.check(sorted(found.rows))

    def test_json(self):
        found = fetch_json("clicks/export", **self.query)
        self.assertEqual(len(found), world.manyClicks)
        self.assertEqual([int(shown["params"]["n"]) for shown in found], list(range(world.manyClicks)))

    def test_head_and_ranges(self):
        for format in [*SEPARATORS, "json"]:
            with self.subTest(format=format):
                whole = fetch("clicks/export", format=format, **self.query)
                head = fetch("clicks/export", method="HEAD", format=format, **self.query)
                self.assertEqual((head.status, head.body), (200, b""))
                self.assertEqual(int(head.headers["content-length"]), len(whole.body))
                for name in ["content-type", "content-disposition"]:
                    self.assertEqual(head.headers[name], whole.headers[name])
                part = fetch("clicks/export", format=format, headers={"Range": "bytes=1000-1999"}, **self.query)
                self.assertIn(part.status, [200, 206])
                self.assertEqual(part.body, whole.body[1000:2000] if part.status == 206 else whole.body)


if __name__ == "__main__":
    main()
