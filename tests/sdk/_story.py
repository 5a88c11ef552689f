"""What happens in `_story.json`, made to happen, and what is to be told of it."""

import json
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qsl, urlencode, urlsplit

from _world import dub, visit, world

STORY = json.loads(Path(__file__).with_name("_story.json").read_text(encoding="utf-8"))
KINDS = ["clicks", "leads", "sales"]

# An event that counts: its kind, the visit that led to it, what it brought in, what was given and answered.
Fact = namedtuple("Fact", "kind visit sale_amount sale_type given answer")

# By their names.
tags = {}
folders = {}
links = {}
facts = []


def tell(case):
    """Makes it all happen and returns when it is stored."""
    for name in STORY["tags"]:
        tags[name] = dub.tags.create(request={"name": name, "color": "green"})
    for name in STORY["folders"]:
        folders[name] = dub.folders.create(request={"name": name})
    for key, fields in STORY["links"].items():
        fields = {"domain": world.domain, "key": key, **fields}
        if "folder" in fields:
            fields["folderId"] = folders[fields.pop("folder")].id
        links[key] = dub.links.create(request=snake(fields))
    visits = [make_visit(one) for one in STORY["visits"]]
    facts.extend(Fact("clicks", seen, 0, None, None, None) for seen in visits if not seen.uncounted)
    known = set()
    for lead in STORY["leads"]:
        given = {name: value for name, value in lead.items() if name != "visit"}
        seen, customer = visits[lead["visit"]], given["customerExternalId"]
        # Of a customer who is known the click is too.
        answer = dub.track.lead(request={"click_id": "" if customer in known else seen.click_id, **snake(given)})
        known.add(customer)
        facts.append(Fact("leads", seen, 0, None, given, answer))
    for sale in STORY["sales"]:
        given = {name: value for name, value in sale.items() if name not in ("visit", "saleType")}
        answer = dub.track.sale(request=snake(given))
        facts.append(Fact("sales", visits[sale["visit"]], sale["amount"], sale["saleType"], given, answer))
    for kind in KINDS:
        case.eventually(lambda: case.assertEqual(numbers(dub.analytics.retrieve(request={"event": kind})), totals(of(kind))))


def make_visit(one):
    path = "/" + ("" if one["link"] == "_root" else one["link"])
    query = one.get("query", "")
    who, where = STORY["agents"][one["agent"]], STORY["places"][one["place"]]
    answer = visit(f"{path}?{query}" if query else path, one["visitor"], who["agent"], where, one.get("referer"))
    assert answer.status in (301, 302), answer
    return SimpleNamespace(
        **where,
        **who,
        link=links[one["link"]],
        referer_given=one.get("referer"),
        query=query,
        click_id=answer.click_id,
        uncounted="uncounted" in one,
    )


def snake(fields):
    """Names as the client for Python has them."""
    return {"".join(f"_{c.lower()}" if c.isupper() else c for c in name): value for name, value in fields.items()}


def of(kind, keep=lambda fact: True):
    """The facts of this kind, or of every kind."""
    return [fact for fact in facts if kind in ("composite", fact.kind) and keep(fact)]


def totals(some):
    counts = {kind: sum(fact.kind == kind for fact in some) for kind in KINDS}
    return {**counts, "saleAmount": sum(fact.sale_amount for fact in some)}


def numbers(count):
    return {"clicks": count.clicks, "leads": count.leads, "sales": count.sales, "saleAmount": count.sale_amount}


def base(url):
    return url.split("?")[0]


def final_url(seen):
    """The final address, as visitors reach it but for their own click id."""
    parts = urlsplit(seen.link.url)
    query = dict(parse_qsl(parts.query)) | {name: value for name, value in parse_qsl(seen.query) if name != "qr"}
    return parts._replace(query=urlencode(query)).geturl()


def utm(name):
    def group(seen):
        values = dict(parse_qsl(urlsplit(final_url(seen)).query))
        return {name: values[name]} if name in values else None

    return group


def referer(seen):
    return urlsplit(seen.referer_given).hostname.removeprefix("www.") if seen.referer_given else "(direct)"


def top_link(seen):
    names = "id domain key shortLink url title comments folderId partnerId createdAt"
    link = seen.link.model_dump(by_alias=True)
    return {"link": link["id"], **{name: link[name] for name in names.split()}}


# What a visit is counted under, by `groupBy`; none for nothing.
GROUPS = {
    "continents": lambda seen: {"continent": seen.continent},
    "countries": lambda seen: {"country": seen.country, "region": "*", "city": "*"},
    "regions": lambda seen: {"country": seen.country, "region": seen.region, "city": "*"},
    "cities": lambda seen: {"country": seen.country, "region": seen.region, "city": seen.city},
    "devices": lambda seen: {"device": seen.device},
    "browsers": lambda seen: {"browser": seen.browser},
    "os": lambda seen: {"os": seen.os},
    "triggers": lambda seen: {"trigger": "qr" if "qr=1" in seen.query else "link"},
    "referers": lambda seen: {"referer": referer(seen)},
    "referer_urls": lambda seen: {"refererUrl": base(seen.referer_given) if seen.referer_given else "(direct)"},
    "top_links": top_link,
    "top_urls": lambda seen: {"url": final_url(seen)},
    "top_base_urls": lambda seen: {"url": base(final_url(seen))},
}

# Those whose rows the client's own schema has no place for: it throws, and gives the rows with the error.
THROWN = {
    "top_domains": lambda seen: {"domain": seen.link.domain},
    "top_folders": lambda seen: folder_of(seen),
    "top_link_tags": lambda seen: tags_of(seen),
    "utm_sources": utm("utm_source"),
    "utm_mediums": utm("utm_medium"),
    "utm_campaigns": utm("utm_campaign"),
    "utm_terms": utm("utm_term"),
    "utm_contents": utm("utm_content"),
}


def folder_of(seen):
    folder = next((folder for folder in folders.values() if folder.id == seen.link.folder_id), None)
    return folder and {"folderId": folder.id, "folder": {"id": folder.id, "name": folder.name}}


def tags_of(seen):
    return [{"tagId": tag.id, "tag": tag.model_dump(mode="json")} for tag in seen.link.tags]


def rows(group, some):
    """The rows of these facts, in no particular order."""
    groups = {}
    for fact in some:
        found = group(fact.visit)
        for fields in found if isinstance(found, list) else [found]:
            if fields is not None:
                groups.setdefault(json.dumps(fields), (fields, []))[1].append(fact)
    return [{**fields, **totals(found)} for fields, found in groups.values()]
