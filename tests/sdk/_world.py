"""What the scripts share: the client under test, visits as browsers make them, and a way to wait."""

import json
import os
import time
import unittest
from types import SimpleNamespace
from urllib.parse import parse_qs, quote, urlsplit

import httpx
from dub import Dub
from dub.models import errors

# Set by tests/it/sdk: `url`, the server's time `now` when it began, and the workspace's `key`, `domain` and `workspaceId`; `weakKey` may only read links;
# `otherKey` and `otherDomain` are another workspace's.
world = SimpleNamespace(**json.loads(os.environ["LINKTRAIL_WORLD"]))

PATIENCE_SECS = 60

STATUS = {
    errors.BadRequest: (400, "bad_request"),
    errors.Unauthorized: (401, "unauthorized"),
    errors.Forbidden: (403, "forbidden"),
    errors.NotFound: (404, "not_found"),
    errors.Conflict: (409, "conflict"),
    errors.UnprocessableEntity: (422, "unprocessable_entity"),
}


def client(token):
    return Dub(token=token, server_url=world.url)


dub = client(world.key)


def visit(path, visitor=1, agent=None, place=None, referer=None):
    """Requests a short link and follows nothing. A visitor is a number; each is somebody else."""
    headers = {"host": world.domain, "x-forwarded-for": f"198.51.100.{visitor}"}
    if agent:
        headers["user-agent"] = agent
    if referer:
        headers["referer"] = referer
    if place:
        headers["x-vercel-ip-country"] = place["country"]
        headers["x-vercel-ip-country-region"] = place["region"].split("-")[1]
        headers["x-vercel-ip-city"] = quote(place["city"])
        headers["x-vercel-ip-continent"] = place["continent"]
    answer = httpx.get(world.url + path, headers=headers, follow_redirects=False)
    location = answer.headers.get("location")
    clicks = parse_qs(urlsplit(location or "").query).get("dub_id", [None])
    return SimpleNamespace(status=answer.status_code, location=location, click_id=clicks[0])


def every(pages):
    """What a list gives page by page, all together."""
    items = []
    while pages is not None:
        items += pages.result
        pages = pages.next()
    return items


class Case(unittest.TestCase):
    maxDiff = None

    def eventually(self, check):
        """Checks again and again until it holds, and fails with the last failure."""
        end = time.monotonic() + PATIENCE_SECS
        while True:
            try:
                return check()
            except AssertionError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)

    def refused(self, kind, words, call, *args, **kwargs):
        """Fails unless the call fails with this class of the client's, its status and code, and these words."""
        status, code = STATUS[kind]
        with self.assertRaises(errors.DubError) as caught:
            call(*args, **kwargs)
        error = caught.exception
        self.assertIs(type(error), kind, error)
        self.assertEqual((error.status_code, error.data.error.code.value), (status, code))
        self.assertIn(words, error.data.error.message)
        url = f"https://dub.co/docs/api-reference/errors#{code.replace('_', '-', 1)}"
        self.assertEqual(error.data.error.doc_url, url)

    def assert_recent(self, text):
        """Whether it is a time in this run, as the API writes times."""
        self.assertRegex(text, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertTrue(world.now <= text < world.now.replace("T14:", "T15:"), text)

    def has(self, actual, **expected):
        """Whether the fields that are expected are as expected; there may be others."""
        self.assertEqual({name: getattr(actual, name) for name in expected}, expected)


def main():
    unittest.main(verbosity=2)
