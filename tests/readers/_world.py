"""What the scripts share: how an answer is asked for and read, and every click that there is."""

import datetime
import json
import os
import unittest
import urllib.request
from collections import Counter
from types import SimpleNamespace
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import duckdb
import fsspec
import pandas as pd

# Set by tests/it/readers: `url`; the workspaces `ours`, `empty` and `many`, each with `id` and `key`; `facts`, a file
# that tells of the links and clicks of `ours`; of `many` the one link and the number of clicks.
world = SimpleNamespace(**json.loads(os.environ["LINKTRAIL_WORLD"]))

with open(world.facts, encoding="utf-8") as file:
    facts = SimpleNamespace(**json.load(file))

SEPARATORS = {"csv": ",", "tsv": "\t"}
# A country is called NA, and a link NULL: only an empty cell is nothing.
ONLY_EMPTY = {"keep_default_na": False, "na_values": [""]}


def address(path, workspace=world.ours, **query):
    """Of an answer about a workspace; a list gives a parameter several times."""
    return f"{world.url}/api/v1/workspace/{workspace['id']}/{path}?{urlencode(query, doseq=True)}"


def bearer(workspace=world.ours):
    return {"Authorization": f"Bearer {workspace['key']}"}


def fetch(path, workspace=world.ours, method="GET", headers={}, **query):
    """The answer as bytes."""
    request = urllib.request.Request(
        address(path, workspace, **query), method=method, headers=bearer(workspace) | headers
    )
    with urllib.request.urlopen(request) as answer:
        return SimpleNamespace(status=answer.status, headers=answer.headers, body=answer.read())


def fetch_json(path, workspace=world.ours, **query):
    return json.loads(fetch(path, workspace, **query).body)


def with_pandas(path, workspace=world.ours, format="csv", read={}, headers={}, **query):
    """The answer as pandas reads it from its address."""
    url = address(path, workspace, format=format, **query)
    return pd.read_csv(url, sep=SEPARATORS[format], storage_options=bearer(workspace) | headers, **read)


def with_duckdb(path, workspace=world.ours, format="csv", select="*", read="", headers={}, **query):
    """The answer as DuckDB reads it from its address: names and types of its columns, and rows."""
    with duckdb.connect() as connection:
        # DuckDB's own way of reading `http://` is an extension, which is fetched from its maker.
        settings = {"headers": bearer(workspace) | headers}
        connection.register_filesystem(fsspec.filesystem("http", skip_instance_cache=True, client_kwargs=settings))
        url = address(path, workspace, format=format, **query)
        found = connection.execute(f"SELECT {select} FROM read_csv('{url}' {read})")
        columns = {column[0]: str(column[1]) for column in found.description}
        return SimpleNamespace(columns=columns, rows=found.fetchall())


def counted(bots="include", unique=False, where=lambda click: True, first=None, last=None, zone="UTC"):
    """The clicks that count, of the local days from `first` to `last`."""
    clicks = [click for click in facts.clicks if where(click)]
    if first:
        clicks = [click for click in clicks if first <= local(click, zone).date().isoformat() <= last]
    if bots != "include":
        clicks = [click for click in clicks if bool(click["bot"]) == (bots == "only")]
    if unique:
        known = {}
        for click in sorted(clicks, key=lambda click: (click["at"], click["id"])):
            known.setdefault((click["link"], click["visitor"]), click)
        clicks = list(known.values())
    return clicks


def local(click, zone="UTC"):
    return datetime.datetime.fromtimestamp(click["at"] / 1000, ZoneInfo(zone))


def by_label(clicks, form, zone="UTC"):
    """How many there are under each label of a day or an hour."""
    return Counter(local(click, zone).strftime(form) for click in clicks)


DAY = "%Y-%m-%d"
HOUR = "%Y-%m-%dT%H:00:00"


class Case(unittest.TestCase):
    maxDiff = None

    def assert_strings(self, series):
        """Whether a column of pandas holds text, whatever pandas calls that."""
        self.assertTrue(pd.api.types.is_string_dtype(series.dtype) or series.dtype == object, series.dtype)


def main():
    unittest.main(verbosity=2)
