"""Every way to ask for numbers; filters one by one are the subject of analytics.mjs."""

import json

from dub.models import errors

from _story import GROUPS, THROWN, facts, folders, links, numbers, of, rows, tags, tell, totals
from _world import Case, dub, main

EVENTS = ["clicks", "leads", "sales", "composite"]


def retrieve(**request):
    return dub.analytics.retrieve(request=request)


class Analytics(Case):
    @classmethod
    def setUpClass(cls):
        tell(cls())

    def same(self, actual, expected, event):
        """Equal rows in any order, and the order is by the event's own metric."""
        key = lambda row: json.dumps(row, sort_keys=True)
        self.assertTrue(expected)
        self.assertEqual(sorted(actual, key=key), sorted(expected, key=key))
        metric = {"clicks": "clicks", "leads": "leads", "sales": "saleAmount"}.get(event)
        if metric:
            values = [row[metric] for row in actual]
            self.assertEqual(values, sorted(values, reverse=True))

    def test_counts(self):
        for event in EVENTS:
            with self.subTest(event):
                self.assertEqual(numbers(retrieve(event=event, group_by="count")), totals(of(event)))

    def test_series(self):
        for event in EVENTS:
            with self.subTest(event):
                points = retrieve(event=event, group_by="timeseries")
                self.assertEqual((len(points), points[-1].start), (25, "2026-09-21T14:00:00.000+0000"))
                self.assertEqual(numbers(points[-1]), totals(of(event)))
                for point in points[:-1]:
                    self.assertEqual(numbers(point), totals([]), point.start)

    def test_breakdowns(self):
        for event in EVENTS:
            for name, group in GROUPS.items():
                with self.subTest(event=event, group_by=name):
                    found = retrieve(event=event, group_by=name)
                    actual = [json.loads(row.model_dump_json(by_alias=True)) for row in found]
                    self.same(actual, rows(group, of(event)), event)

    def test_breakdowns_that_the_client_has_no_model_for(self):
        for event in EVENTS:
            for name, group in THROWN.items():
                with self.subTest(event=event, group_by=name):
                    with self.assertRaises(errors.ResponseValidationError) as caught:
                        retrieve(event=event, group_by=name)
                    self.assertEqual(caught.exception.status_code, 200)
                    self.same(json.loads(caught.exception.body), rows(group, of(event)), event)

    def test_filters(self):
        shop = links["shop"].id
        for request, keep in [
            ({"country": "-DE,US"}, lambda fact: fact.visit.country not in ("DE", "US")),
            ({"region": "DE-BE,US-NY"}, lambda fact: fact.visit.region in ("DE-BE", "US-NY")),
            ({"device": "mobile", "os": "-iOS"}, lambda fact: fact.visit.os == "Android"),
            ({"referer_url": "https://news.example/today"}, lambda fact: "today" in (fact.visit.referer_given or "")),
            ({"utm_source": "news"}, lambda fact: fact.visit.link.id == shop),
            ({"utm_source": "-news"}, lambda fact: fact.visit.link.id != shop),
            ({"link_id": f"-{shop}"}, lambda fact: fact.visit.link.id != shop),
            ({"external_id": "ext_shop-1"}, lambda fact: fact.visit.link.id == shop),
            ({"tenant_id": "tenant-1", "city": "Berlin"}, lambda fact: fact.visit.link.id == shop and fact.visit.city == "Berlin"),
            ({"tag_id": tags["Season"].id}, lambda fact: fact.visit.link.key != "_root"),
            ({"folder_id": f"-{folders['Letters'].id}"}, lambda fact: fact.visit.link.key != "blog"),
            ({"root": True}, lambda fact: fact.visit.link.key == "_root"),
            ({"qr": True}, lambda fact: "qr=1" in fact.visit.query),
        ]:
            for event in EVENTS:
                with self.subTest(event=event, **request):
                    self.assertEqual(numbers(retrieve(event=event, **request)), totals(of(event, keep)))

    def test_sales_by_type_and_events_by_metadata(self):
        for sale_type in ("new", "recurring"):
            found = retrieve(event="sales", sale_type=sale_type)
            self.assertEqual(numbers(found), totals(of("sales", lambda fact: fact.sale_type == sale_type)))
        pro = lambda fact: fact.given.get("metadata", {}).get("plan") == "pro"
        for event in ("leads", "sales"):
            found = retrieve(event=event, query="metadata['plan'] = 'pro'")
            self.assertEqual(numbers(found), totals(of(event, pro)))

    def test_a_customer(self):
        sale = next(fact for fact in facts if fact.kind == "sales" and fact.given["customerExternalId"] == "anna")
        hers = lambda fact: fact.given["customerExternalId"] == "anna" if fact.given else fact.visit is sale.visit
        for event in EVENTS:
            found = retrieve(event=event, customer_id=sale.answer.customer.id)
            self.assertEqual(numbers(found), totals(of(event, hers)), event)


main()
