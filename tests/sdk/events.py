"""Lists of what happened, one by one; which are chosen by what is the subject of events.mjs."""

from dub.models.operations import ClickEvent, LeadEvent, SaleEvent

from _story import KINDS, final_url, of, referer, tell
from _world import Case, dub, main

MODELS = {"clicks": ClickEvent, "leads": LeadEvent, "sales": SaleEvent}


def listed(**request):
    return dub.events.list(request=request)


class Events(Case):
    @classmethod
    def setUpClass(cls):
        tell(cls())

    def agree(self, kind, events):
        """Whether each is of its model, and says of its click and its link what is known of them."""
        facts = of(kind)[::-1]
        self.assertEqual(len(events), len(facts))
        for event, fact in zip(events, facts):
            seen, qr = fact.visit, "qr=1" in fact.visit.query
            self.assertIs(type(event), MODELS[kind])
            self.assert_recent(event.timestamp)
            place = {name: getattr(seen, name) for name in ("continent", "country", "city", "device", "browser", "os")}
            self.has(event, url=final_url(seen), ip="", qr=int(qr), domain=seen.link.domain, key=seen.link.key, **place)
            self.has(event, link_id=seen.link.id, click_id=event.click.id)
            self.has(
                event.click,
                url=final_url(seen),
                ip="",
                qr=qr,
                trigger="qr" if qr else "link",
                timestamp=event.timestamp,
                region=seen.region,
                ua=seen.agent,
                referer=referer(seen),
                **place,
            )
            if seen.click_id:
                self.assertEqual(event.click.id, seen.click_id)
            self.has(event.link, id=seen.link.id, url=seen.link.url, short_link=seen.link.short_link, tags=seen.link.tags)
        return zip(events, facts)

    def test_clicks(self):
        self.agree("clicks", listed(event="clicks"))

    def test_leads(self):
        for event, fact in self.agree("leads", listed(event="leads")):
            self.has(event, event_name=fact.given["eventName"])
            self.assertEqual(event.metadata or None, fact.given.get("metadata"))
            self.assertEqual(event.customer.external_id, fact.given["customerExternalId"])
            self.assertEqual(event.customer.country, fact.visit.country)

    def test_sales(self):
        for event, fact in self.agree("sales", listed(event="sales")):
            given = fact.given
            self.has(event, event_name=given.get("eventName", "Purchase"), sale_amount=given["amount"])
            self.has(event.sale, amount=given["amount"], invoice_id=given.get("invoiceId"), currency="usd")
            self.assertEqual(event.sale.payment_processor.value, given.get("paymentProcessor", "custom"))
            self.assertEqual(event.metadata or None, given.get("metadata"))
            self.assertEqual(event.customer.id, fact.answer.customer.id)

    def test_pages(self):
        for kind in KINDS:
            with self.subTest(kind):
                events = listed(event=kind)
                pages = [listed(event=kind, limit=3, page=page) for page in (1, 2, 3)]
                self.assertEqual(sum(pages, []), events)
                self.assertEqual([len(page) for page in pages[:1]], [min(3, len(events))])
                self.assertEqual(listed(event=kind, sort_order="asc"), events[::-1])
                berlin = lambda fact: fact.visit.city == "Berlin"
                self.assertEqual(len(listed(event=kind, city="Berlin")), len(of(kind, berlin)))


main()
