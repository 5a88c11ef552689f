"""What a workspace holds beside links: tags, folders and domains; and QR codes of anything."""

from dub.models import errors

from _world import Case, dub, every, main, world

URL = "https://example.com/"


def made(**fields):
    return dub.links.create(request={"url": URL, **fields})


class Workspace(Case):
    def test_tags(self):
        news = dub.tags.create(request={"name": "News", "color": "red"})
        self.assertEqual((news.name, news.color.value), ("News", "red"))
        archive = dub.tags.create(request={"tag": "Archive", "color": "blue"})
        self.assertEqual(dub.tags.list(request={}), [archive, news])
        self.assertEqual(dub.tags.list(request={"search": "ew"}), [news])
        self.assertEqual(dub.tags.list(request={"ids": [news.id]}), [news])
        self.refused(errors.Conflict, "", dub.tags.create, request={"name": "news"})
        changed = dub.tags.update(id=news.id, request_body={"name": "Letters", "color": "pink"})
        self.assertEqual((changed.id, changed.name, changed.color.value), (news.id, "Letters", "pink"))
        both = made(tag_ids=[news.id, archive.id], tenant_id="tags")
        self.assertEqual({tag.id for tag in both.tags}, {news.id, archive.id})
        one = made(tag_names=["Letters"], tenant_id="tags")
        for request, found in [
            ({"tag_ids": [archive.id]}, [both]),
            ({"tag_ids": [news.id, archive.id]}, [one, both]),
            ({"tag_id": news.id}, [one, both]),
            ({"tag_names": ["Archive"]}, [both]),
        ]:
            request["tenant_id"] = "tags"
            self.assertEqual(every(dub.links.list(request=request)), found, request)
            self.assertEqual(dub.links.count(request=request), len(found), request)
        self.refused(errors.UnprocessableEntity, "Invalid tagIds detected: ", made, tag_ids=["tag_unknown"])
        self.assertEqual(dub.tags.delete(id=news.id).id, news.id)
        self.refused(errors.NotFound, "", dub.tags.delete, id=news.id)
        self.assertEqual(dub.links.get(request={"link_id": one.id}).tags, [])

    def test_folders(self):
        folder = dub.folders.create(request={"name": "Campaigns", "description": "of the year"})
        self.has(folder, name="Campaigns", description="of the year", updated_at=folder.created_at)
        self.assertEqual((folder.type.value, folder.access_level.value), ("default", "write"))
        self.assert_recent(folder.created_at)
        self.assertEqual(dub.folders.list(request={"search": "camp"}), [folder])
        self.refused(errors.Conflict, "", dub.folders.create, request={"name": "Campaigns"})
        changed = dub.folders.update(id=folder.id, request_body={"name": "Old", "description": None})
        self.has(changed, id=folder.id, name="Old", description=None)
        inside = made(folder_id=folder.id, tenant_id="folders")
        self.assertEqual(every(dub.links.list(request={"folder_id": folder.id})), [inside])
        self.assertEqual(dub.links.count(request={"folder_id": folder.id}), 1)
        self.assertEqual(dub.folders.delete(id=folder.id).id, folder.id)
        self.refused(errors.NotFound, "", dub.folders.delete, id=folder.id)
        self.assertIsNone(dub.links.get(request={"link_id": inside.id}).folder_id)

    def test_domains(self):
        slug = f"go.{world.domain}"
        (own,) = every(dub.domains.list(request={}))
        self.has(own, slug=world.domain, verified=True, primary=True, archived=False, registered_domain=None)
        (status,) = dub.domains.check_status(request={"domains": [slug]})
        self.has(status, domain=slug, available=True, premium=None, prices=None, price=None)
        added = dub.domains.create(request={"slug": slug, "expired_url": "https://example.com/expired"})
        self.has(added, slug=slug, verified=True, primary=False, expired_url="https://example.com/expired", logo=None)
        self.assert_recent(added.created_at)
        self.refused(errors.Conflict, "", dub.domains.create, request={"slug": slug})
        self.assertEqual(every(dub.domains.list(request={"search": "go."})), [added])
        changed = dub.domains.update(slug=slug, request_body={"archived": True, "expired_url": None})
        self.has(changed, id=added.id, archived=True, expired_url=None)
        self.assertEqual(dub.domains.delete(slug=slug).slug, slug)
        self.refused(errors.NotFound, "", dub.domains.delete, slug=slug)

    def test_qr_codes(self):
        # The client reads the picture as text, so only its beginning is left of it.
        drawn = dub.qr_codes.get(request={"url": URL, "size": 100, "level": "H", "fg_color": "#ff0000", "margin": 4})
        self.assertEqual(drawn[1:4], "PNG")
        self.refused(errors.UnprocessableEntity, "url", dub.qr_codes.get, request={"url": "no url"})


main()
