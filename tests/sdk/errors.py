"""Failures as the client tells them."""

from dub import Dub
from dub.models import errors

from _world import Case, client, dub, main, world


class Errors(Case):
    def test_a_wrong_key_a_weak_one_and_none(self):
        wrong, weak = client("dub_wrong"), client(world.weakKey)
        self.refused(errors.Unauthorized, "Unauthorized: Invalid API key.", wrong.links.count, request={})
        self.refused(errors.Unauthorized, "", wrong.analytics.retrieve, request={})
        self.assertEqual(weak.links.count(request={"tenant_id": "nobody"}), 0)
        self.refused(errors.Forbidden, "", weak.links.create, request={"url": "https://example.com"})
        self.refused(errors.Forbidden, "", weak.analytics.retrieve, request={})
        self.refused(errors.Forbidden, "", weak.events.list, request={})
        self.refused(errors.Forbidden, "", weak.customers.list, request={})

    def test_too_many_wrong_keys(self):
        headers = {"x-forwarded-for": "198.51.100.202"}
        with self.assertRaises(errors.RateLimitExceeded) as caught:
            for tries in range(100):
                try:
                    client(f"{world.key[:-3]}{tries:03}").links.count(request={}, http_headers=headers)
                except errors.Unauthorized:
                    pass
        self.assertEqual(caught.exception.data.error.code.value, "rate_limit_exceeded")
        self.assertIn(int(caught.exception.headers["retry-after"]), range(1, 61))

    def test_what_is_unknown_or_makes_no_sense(self):
        self.refused(errors.NotFound, "Customer not found.", dub.customers.get, request={"id": "cus_unknown"})
        retrieve = dub.analytics.retrieve
        self.refused(errors.NotFound, "Link not found.", retrieve, request={"external_id": "ext_unknown"})
        self.refused(errors.BadRequest, "Did you forget to prefix it", retrieve, request={"external_id": "unknown"})
        self.refused(errors.NotFound, "Folder not found.", retrieve, request={"folder_id": "fold_unknown"})
        self.refused(errors.UnprocessableEntity, "custom: start: Invalid date", retrieve, request={"start": "once"})
        words = "too_big: limit: Max page size is 1000."
        self.refused(errors.UnprocessableEntity, words, dub.events.list, request={"limit": 1001})

    def test_a_server_address_with_a_path(self):
        below = Dub(token=world.key, server_url=f"{world.url}/api")
        link = below.links.create(request={"url": "https://example.com/", "domain": world.domain})
        self.assertEqual(below.links.get(request={"link_id": link.id}), link)
        self.has(below.analytics.retrieve(request={}), clicks=0, leads=0, sales=0, sale_amount=0)
        self.assertEqual(below.events.list(request={}), [])
        self.assertEqual(below.links.delete(link_id=link.id).id, link.id)


main()
