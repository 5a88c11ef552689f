"""Clicks by day and by hour."""

import datetime
import tempfile

import duckdb
import pandas as pd

from _world import (
    DAY,
    HOUR,
    SEPARATORS,
    Case,
    by_label,
    counted,
    fetch,
    fetch_json,
    main,
    with_duckdb,
    with_pandas,
    world,
)

# The night to 1 November has an hour twice in New York.
RANGE = {"start": "2026-10-28", "end": "2026-11-04"}
DAYS = [f"2026-10-{day}" for day in range(28, 32)] + [f"2026-11-0{day}" for day in range(1, 5)]
NEW_YORK = "America/New_York"


class Series(Case):
    def test_days(self):
        for zone in ["UTC", NEW_YORK]:
            counts = by_label(counted(zone=zone, first=DAYS[0], last=DAYS[-1]), DAY, zone)
            expected = [(day, counts[day]) for day in DAYS]
            for format in SEPARATORS:
                with self.subTest(zone=zone, format=format):
                    frame = with_pandas("clicks", format=format, timezone=zone, **RANGE)
                    self.assertEqual(list(frame.columns), ["t", "y"])
                    self.assertEqual(frame["y"].dtype, "int64")
                    self.assert_strings(frame["t"])
                    self.assertEqual(list(frame.itertuples(index=False, name=None)), expected)
                    found = with_duckdb("clicks", format=format, timezone=zone, **RANGE)
                    self.assertEqual(found.columns, {"t": "DATE", "y": "BIGINT"})
                    dates = [(datetime.date.fromisoformat(day), count) for day, count in expected]
                    self.assertEqual(found.rows, dates)

    def test_days_as_an_index_of_dates(self):
        frame = with_pandas("clicks", read={"parse_dates": ["t"], "index_col": "t"}, **RANGE)
        self.assertTrue(pd.api.types.is_datetime64_any_dtype(frame.index.dtype), frame.index.dtype)
        self.assertEqual(list(frame.index), list(pd.date_range(DAYS[0], DAYS[-1])))
        # What two answers say of a day meets, and no row is lost.
        humans = with_pandas("clicks", read={"parse_dates": ["t"], "index_col": "t"}, bots="false", **RANGE)
        robots = with_pandas("clicks", read={"parse_dates": ["t"], "index_col": "t"}, bots="only", **RANGE)
        merged = humans.merge(robots, on="t", suffixes=("_humans", "_robots"), validate="one_to_one")
        self.assertEqual(list(merged["y_humans"] + merged["y_robots"]), list(frame["y"]))

    def test_hours(self):
        for zone in ["UTC", NEW_YORK]:
            day = "2026-11-01"
            counts = by_label(counted(zone=zone, first=day, last=day), HOUR, zone)
            labels = [f"{day}T{hour:02}:00:00" for hour in range(24)]
            for format in SEPARATORS:
                with self.subTest(zone=zone, format=format):
                    query = {"frequency": "hour", "start": day, "end": day, "timezone": zone, "format": format}
                    frame = with_pandas("clicks", read={"parse_dates": ["t"], "index_col": "t"}, **query)
                    self.assertTrue(frame.index.is_unique)
                    self.assertEqual([when.isoformat() for when in frame.index], labels)
                    self.assertEqual(list(frame["y"]), [counts[label] for label in labels])
                    found = with_duckdb("clicks", **query)
                    self.assertEqual(found.columns, {"t": "TIMESTAMP", "y": "BIGINT"})
                    expected = [(datetime.datetime.fromisoformat(label), counts[label]) for label in labels]
                    self.assertEqual(found.rows, expected)

    def test_the_hour_that_is_skipped(self):
        query = {"frequency": "hour", "start": "2026-03-08", "end": "2026-03-08", "timezone": NEW_YORK}
        frame = with_pandas("clicks", **query)
        self.assertEqual(list(frame["t"].str[11:13].astype(int)), [0, 1, *range(3, 24)])
        self.assertEqual(frame["y"].sum(), 0)
        self.assertEqual(len(with_duckdb("clicks", **query).rows), 23)

    def test_ways_of_counting(self):
        for bots in ["include", "exclude", "only"]:
            for unique in [False, True]:
                with self.subTest(bots=bots, unique=unique):
                    counts = by_label(counted(bots, unique), DAY)
                    query = {"bots": bots, "unique": str(unique).lower(), **RANGE}
                    expected = [counts[day] for day in DAYS]
                    self.assertGreater(sum(expected), 0)
                    self.assertEqual(list(with_pandas("clicks", **query)["y"]), expected)
                    self.assertEqual([row[1] for row in with_duckdb("clicks", **query).rows], expected)

    def test_filters_of_any_letters(self):
        isps = sorted({click["isp"] for click in counted() if click["isp"]})
        self.assertEqual(len(isps), 6)
        for isp in isps:
            with self.subTest(isp=isp):
                expected = len(counted(where=lambda click: click["isp"] == isp))
                self.assertEqual(with_pandas("clicks", isp=isp, **RANGE)["y"].sum(), expected)

    def test_json(self):
        traffic = fetch_json("clicks", **RANGE)["traffic"]
        counts = by_label(counted(), DAY)
        self.assertEqual(pd.DataFrame(traffic).to_dict("records"), [{"t": day, "y": counts[day]} for day in DAYS])
        # As a client keys them.
        self.assertEqual(
            {point["t"][:10]: int(point["y"] or 0) for point in traffic}, {day: counts[day] for day in DAYS}
        )
        # DuckDB reads JSON from files only.
        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            file.write(fetch("clicks", **RANGE).body)
            file.flush()
            points = duckdb.sql(f"SELECT unnest(traffic, recursive := true) FROM read_json('{file.name}')").fetchall()
        self.assertEqual([(str(t), y) for t, y in points], [(day, counts[day]) for day in DAYS])

    def test_nothing_was_clicked(self):
        frame = with_pandas("clicks", world.empty, **RANGE)
        self.assertEqual((list(frame["t"]), frame["y"].dtype, frame["y"].sum()), (DAYS, "int64", 0))
        found = with_duckdb("clicks", world.empty, **RANGE)
        self.assertEqual(
            (found.columns, sum(row[1] for row in found.rows), len(found.rows)), ({"t": "DATE", "y": "BIGINT"}, 0, 8)
        )

    def test_a_day_that_never_was_leaves_no_row(self):
        query = {"start": "2011-12-30", "end": "2011-12-30", "timezone": "Pacific/Apia"}
        frame = with_pandas("clicks", **query)
        self.assertEqual((list(frame.columns), len(frame)), (["t", "y"], 0))
        # Without rows DuckDB cannot guess what a header is.
        found = with_duckdb("clicks", read=", header=true", **query)
        self.assertEqual((list(found.columns), found.rows), (["t", "y"], []))

    def test_ten_years_of_days(self):
        query = {"start": "2016-11-05", "end": "2026-11-02"}
        frame = with_pandas("clicks", **query)
        self.assertEqual((len(frame), frame["y"].sum()), (3650, len(counted())))
        found = with_duckdb("clicks", **query)
        self.assertEqual((len(found.rows), sum(row[1] for row in found.rows)), (3650, len(counted())))


if __name__ == "__main__":
    main()
