"""Every method for links."""

from urllib.parse import parse_qs, urlsplit

from dub.models import errors
from dub.models.components import LinkErrorSchema

from _world import Case, client, dub, every, main, visit, world


def made(**fields):
    return dub.links.create(request={"url": "https://example.com/", "domain": world.domain, **fields})


class Links(Case):
    def test_a_link_is_created_with_its_defaults(self):
        link = made(key="plain")
        self.assertRegex(link.id, "^link_")
        self.assertRegex(link.user_id, "^user_")
        self.assert_recent(link.created_at)
        self.assertEqual(parse_qs(urlsplit(link.qr_code).query)["url"], [f"https://{world.domain}/plain?qr=1"])
        nothing = (
            "external_id tenant_id program_id partner_id expires_at expired_url disabled_at password title description "
            "image video ios android geo folder_id comments utm_source utm_medium utm_campaign utm_term utm_content "
            "test_variants test_started_at test_completed_at last_clicked tag_id"
        )
        self.has(
            link,
            domain=world.domain,
            key="plain",
            url="https://example.com/",
            short_link=f"https://{world.domain}/plain",
            tags=[],
            webhook_ids=[],
            workspace_id=world.workspaceId,
            updated_at=link.created_at,
            **dict.fromkeys(nothing.split()),
            **dict.fromkeys("track_conversion archived proxy rewrite do_index public_stats".split(), False),
            **dict.fromkeys("clicks leads conversions sales sale_amount".split(), 0),
        )

    def test_every_field_is_kept(self):
        fields = {
            "key": "full",
            "external_id": "full-1",
            "tenant_id": "tenant-full",
            "program_id": "prog_1",
            "partner_id": "pn_1",
            "track_conversion": True,
            "archived": True,
            "comments": "a comment",
            "expires_at": "2030-01-02T03:04:05.000Z",
            "expired_url": "https://example.com/expired",
            "proxy": True,
            "title": "A title",
            "description": "A description",
            "image": "https://example.com/i.png",
            "video": "https://example.com/v.mp4",
            "rewrite": True,
            "ios": "https://apps.apple.com/app/1",
            "android": "https://play.google.com/store/apps/1",
            "geo": {"DE": "https://example.com/de", "FR": "https://example.com/fr"},
            "do_index": True,
            "public_stats": True,
            "utm_source": "news",
            "utm_medium": "mail",
            "utm_campaign": "summer",
            "utm_term": "shoes",
            "utm_content": "top",
        }
        link = made(**{**fields, "url": "https://example.com/full?a=1", "ref": "me"})
        self.has(link, **fields)
        search = {name: [fields[name]] for name in fields if name.startswith("utm_")}
        self.assertEqual(parse_qs(urlsplit(link.url).query), {"a": ["1"], "ref": ["me"], **search})
        self.assertEqual(dub.links.get(request={"link_id": link.id}), link)

    def test_several_destinations_of_one_link(self):
        variants = [{"url": f"https://example.com/{name}", "percentage": 50} for name in "ab"]
        link = made(test_variants=variants, test_started_at="2026-09-21T00:00:00.000Z")
        self.assertEqual([variant.model_dump() for variant in link.test_variants], variants)

    def test_a_key_is_made_when_none_is_given(self):
        self.assertRegex(made().key, "^[0-9A-Za-z]{7}$")
        self.assertRegex(made(key_length=12).key, "^[0-9A-Za-z]{12}$")

    def test_a_link_is_found_by_its_id_its_place_and_the_id_of_somebody_else(self):
        link = made(key="found", external_id="found-1")
        for name in ({"link_id": link.id}, {"domain": world.domain, "key": "found"}, {"external_id": "ext_found-1"}):
            self.assertEqual(dub.links.get(request=name), link)
        self.refused(errors.NotFound, "Link not found.", dub.links.get, request={"external_id": "ext_unknown"})
        theirs = client(world.otherKey).links.create(request={"url": "https://example.com", "domain": world.otherDomain})
        self.refused(errors.NotFound, "Link not found.", dub.links.get, request={"link_id": theirs.id})

    def test_a_link_is_updated_and_deleted(self):
        link = made(key="before", title="Before", external_id="update-1")
        changed = dub.links.update(link_id=link.id, request_body={"title": None, "comments": "new"})
        new = {"title": None, "comments": "new", "updated_at": changed.updated_at}
        self.assertEqual(changed, link.model_copy(update=new))
        changed = dub.links.update(link_id="ext_update-1", request_body={"key": "after", "utm_source": "letter"})
        self.has(changed, id=link.id, key="after", url="https://example.com/?utm_source=letter", utm_source="letter")
        self.assertEqual(dub.links.delete(link_id="ext_update-1").id, link.id)
        self.refused(errors.NotFound, "Link not found.", dub.links.delete, link_id=link.id)

    def test_a_list_comes_page_by_page(self):
        newest = [made(key=f"page-{number}", tenant_id="paging") for number in range(5)][::-1]
        page = dub.links.list(request={"tenant_id": "paging", "page_size": 2})
        pages = []
        while page is not None:
            pages.append(page.result)
            page = page.next()
        self.assertEqual(pages, [newest[:2], newest[2:4], newest[4:]])
        page = dub.links.list(request={"tenant_id": "paging", "starting_after": newest[1].id, "page_size": 2})
        self.assertEqual(page.result, newest[2:4])
        page = dub.links.list(request={"tenant_id": "paging", "ending_before": newest[3].id})
        self.assertEqual(page.result, newest[:3])

    def test_a_list_and_its_count_are_of_the_same_links(self):
        one = made(tenant_id="filter", key="filter-apple", url="https://example.com/apple")
        two = made(tenant_id="filter", key="filter-pear", archived=True)
        for names, links in [
            ({}, [one]),
            ({"show_archived": True}, [two, one]),
            ({"search": "apple"}, [one]),
            ({"domain": "nobody.example.com"}, []),
            ({"user_id": one.user_id}, [one]),
        ]:
            request = {"tenant_id": "filter", **names}
            self.assertEqual(every(dub.links.list(request=request)), links, names)
            self.assertEqual(dub.links.count(request=request), len(links), names)

    def test_a_link_is_upserted_by_its_destination(self):
        url = "https://example.com/upserted"
        link = dub.links.upsert(request={"url": url, "domain": world.domain, "key": "upsert", "title": "One"})
        again = dub.links.upsert(request={"url": url, "domain": world.domain, "title": "Two"})
        self.has(again, id=link.id, key="upsert", title="Two", url=url)
        other = dub.links.upsert(request={"url": f"{url}?a=1", "domain": world.domain})
        self.assertNotEqual(other.id, link.id)

    def test_many_links_at_once(self):
        made(key="many-taken")
        keys = ["many-one", "many-taken", "many-two"]
        bodies = [
            {"url": f"https://example.com/{key}", "domain": world.domain, "key": key, "tenant_id": "many"} for key in keys
        ]
        one, taken, two = dub.links.create_many(request=bodies)
        self.assertEqual([(link.key, link.url) for link in (one, two)], [(bodies[i]["key"], bodies[i]["url"]) for i in (0, 2)])
        self.assertIs(type(taken), LinkErrorSchema)
        self.assertEqual((taken.code.value, taken.error[:13], taken.link["key"]), ("conflict", "Duplicate key", "many-taken"))
        self.assertEqual(every(dub.links.list(request={"tenant_id": "many"})), [two, one])
        changed = dub.links.update_many(request={"link_ids": [one.id, two.id], "data": {"comments": "both"}})
        self.assertEqual([(link.id, link.comments) for link in changed], [(one.id, "both"), (two.id, "both")])
        self.assertEqual(dub.links.delete_many(request={"link_ids": [one.id, two.id, "link_unknown"]}).deleted_count, 2)
        self.assertEqual(dub.links.count(request={"tenant_id": "many"}), 0)
        self.refused(errors.BadRequest, "", dub.links.create_many, request=[bodies[0], bodies[0]])

    def test_a_short_link_leads_to_its_destination(self):
        made(key="go", url="https://example.com/there?a=1")
        self.has(visit("/go?b=2"), status=302, location="https://example.com/there?a=1&b=2")

    def test_what_is_taken_foreign_or_wrong_is_refused(self):
        made(key="taken", external_id="taken-1")
        with self.subTest("taken"):
            self.refused(errors.Conflict, "Duplicate key: This short link already exists.", made, key="taken")
            self.refused(errors.Conflict, "", made, external_id="taken-1")
        with self.subTest("foreign"):
            words = "Domain does not belong to workspace."
            self.refused(errors.Forbidden, words, made, domain=world.otherDomain)
        with self.subTest("wrong"):
            self.refused(errors.UnprocessableEntity, "Invalid destination URL", made, url="no url")
            self.refused(errors.UnprocessableEntity, "Invalid key.", made, key="_x")


main()
