"""Clicks as a matrix of days and links."""

import datetime
from collections import Counter

import pandas as pd

from _world import (
    DAY,
    HOUR,
    SEPARATORS,
    Case,
    by_label,
    counted,
    facts,
    fetch_json,
    local,
    main,
    with_duckdb,
    with_pandas,
    world,
)

RANGE = {"start": "2026-10-28", "end": "2026-11-03", "pivot": "link_id"}
DAYS = [f"2026-10-{day}" for day in range(28, 32)] + [f"2026-11-0{day}" for day in range(1, 4)]
HEADERS = {"header": [0, 1, 2], "index_col": 0}


def cells(links, labels, form=DAY, zone="UTC", **counting):
    """The matrix, a row for each label."""
    counts = Counter((local(click, zone).strftime(form), click["link"]) for click in counted(zone=zone, **counting))
    return [[counts[label, link["id"]] for link in links] for label in labels]


class Pivot(Case):
    def clicked(self):
        known = {click["link"] for click in facts.clicks}
        return [link for link in sorted(facts.links, key=lambda link: link["id"]) if link["id"] in known]

    def test_three_rows_of_headers(self):
        links = self.clicked()
        for format in SEPARATORS:
            with self.subTest(format=format):
                frame = with_pandas("clicks", format=format, read=HEADERS, **RANGE)
                self.assertEqual(list(frame.columns.names), ["name", "full_url", "id"])
                self.assertEqual(
                    [int(link) for link in frame.columns.get_level_values("id")], [link["id"] for link in links]
                )
                self.assertEqual(list(frame.columns.get_level_values("full_url")), [link["full_url"] for link in links])
                # What has no name is given one by pandas.
                names = [
                    None if name.startswith("Unnamed: ") else name for name in frame.columns.get_level_values("name")
                ]
                self.assertEqual(names, [link["name"] for link in links])
                self.assertEqual(list(frame.index), DAYS)
                self.assertTrue((frame.dtypes == "int64").all(), frame.dtypes)
                self.assertEqual(frame.to_numpy().tolist(), cells(links, DAYS))
                dates = pd.to_datetime(frame.index)
                self.assertEqual(dates[0].date(), datetime.date(2026, 10, 28))

    def test_headers_skipped(self):
        """Two lines are passed over, and the third has the names of columns."""
        links = [link for link in self.clicked() if "\n" not in (link["name"] or "")]
        ids = "-".join(str(link["id"]) for link in links)
        expected = [(datetime.date.fromisoformat(day), *row) for day, row in zip(DAYS, cells(links, DAYS))]
        for format in SEPARATORS:
            with self.subTest(format=format):
                found = with_duckdb("clicks", format=format, read=", skip=2", link_ids=ids, **RANGE)
                self.assertEqual(found.columns, {"id": "DATE"} | {str(link["id"]): "BIGINT" for link in links})
                self.assertEqual(found.rows, expected)

    def test_links_in_the_order_asked_for(self):
        first, second, third = [facts.links[place] for place in (6, 2, 0)]
        wanted = [first, second, third]
        for ids in ["-".join(str(link["id"]) for link in wanted), ",".join(str(link["id"]) for link in wanted)]:
            frame = with_pandas("clicks", read=HEADERS, link_ids=ids, **RANGE)
            self.assertEqual(
                [int(link) for link in frame.columns.get_level_values("id")], [link["id"] for link in wanted]
            )
            # The first one has no clicks.
            self.assertEqual(frame.iloc[:, 0].sum(), 0)
            self.assertEqual(frame.to_numpy().tolist(), cells(wanted, DAYS))
        repeated = with_pandas("clicks", read=HEADERS, **{"link_ids[]": [link["id"] for link in wanted]}, **RANGE)
        pd.testing.assert_frame_equal(repeated, frame)

    def test_it_adds_up_to_the_series(self):
        for bots in ["include", "exclude", "only"]:
            for unique in [False, True]:
                with self.subTest(bots=bots, unique=unique):
                    query = RANGE | {"bots": bots, "unique": str(unique).lower()}
                    frame = with_pandas("clicks", read=HEADERS, **query)
                    series = with_pandas("clicks", read={"index_col": "t"}, **(query | {"pivot": ""}))
                    self.assertEqual(list(frame.sum(axis=1)), list(series["y"]))
                    totals = Counter(click["link"] for click in counted(bots, unique))
                    sums = {int(key[2]): total for key, total in frame.sum().items()}
                    self.assertEqual(sums, dict(totals))

    def test_hours(self):
        zone, day = "America/New_York", "2026-11-01"
        links = self.clicked()
        labels = [f"{day}T{hour:02}:00:00" for hour in range(24)]
        query = {"start": day, "end": day, "pivot": "link_id", "frequency": "hour", "timezone": zone}
        query["link_ids"] = "-".join(str(link["id"]) for link in links)
        frame = with_pandas("clicks", read=HEADERS, **query)
        self.assertEqual(list(frame.index), labels)
        self.assertEqual(frame.to_numpy().tolist(), cells(links, labels, HOUR, zone))
        self.assertEqual(
            frame.to_numpy().sum(), sum(by_label(counted(zone=zone, first=day, last=day), HOUR, zone).values())
        )

    def test_json(self):
        links = self.clicked()
        answer = fetch_json("clicks", **RANGE)
        self.assertEqual(answer["links"], [{name: link[name] for name in ("id", "name", "full_url")} for link in links])
        frame = pd.DataFrame(
            [point["values"] for point in answer["traffic"]],
            index=[point["t"] for point in answer["traffic"]],
            columns=[link["id"] for link in answer["links"]],
        )
        self.assertEqual((list(frame.index), frame.to_numpy().tolist()), (DAYS, cells(links, DAYS)))
        self.assertEqual([point["y"] for point in answer["traffic"]], list(frame.sum(axis=1)))

    def test_no_links(self):
        frame = with_pandas("clicks", world.empty, read={"header": [0, 1, 2]}, **RANGE)
        self.assertEqual((list(frame.columns), list(frame.iloc[:, 0])), ([("name", "full_url", "id")], DAYS))
        found = with_duckdb("clicks", world.empty, read=", skip=2, delim=','", **RANGE)
        self.assertEqual((found.columns, len(found.rows)), ({"id": "DATE"}, 7))


if __name__ == "__main__":
    main()
