//! What a site earned, against a slow reckoning.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;
use linktrail::calendar::rfc3339;
use linktrail::domain::click_id::EventId;
use linktrail::domain::event::{Channel, Conversion, Event, EventKind, PageEvent, Utm};
use linktrail::domain::id::{CustomerId, LinkId};
use rand::RngExt;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};

use super::scene::{NOW_MS, Scene, rng};

const DAY_MS: i64 = 86_400_000;
/// The midnight after now.
const MIDNIGHT_MS: i64 = 1_773_187_200_000;

/// How visitor `n` first came: to the site directly, by a campaign, or not at all.
fn touch(visitor: u64) -> Option<(Channel, Utm)> {
    match visitor % 3 {
        0 => None,
        1 => Some((Channel::Direct, Utm::default())),
        _ => Some((
            Channel::Email,
            Utm { source: "newsletter".into(), medium: "email".into(), campaign: "first".into(), ..Utm::default() },
        )),
    }
}

fn decimal(amount: i64, currency: &str) -> String {
    let minus = if amount < 0 { "-" } else { "" };
    if currency == "jpy" {
        return amount.to_string();
    }
    format!("{minus}{}.{:02}", amount.abs() / 100, amount.abs() % 100)
}

type Keys = Vec<Option<String>>;

fn shares(sales: &[&Event], keys: impl Fn(&Event) -> Option<Keys>, names: &[&str]) -> Value {
    let mut by: BTreeMap<Vec<String>, (i64, u64, BTreeSet<u64>)> = BTreeMap::new();
    for sale in sales {
        let Some(keys) = keys(sale) else { continue };
        let sums = by.entry(keys.into_iter().map(Option::unwrap_or_default).collect()).or_default();
        sums.0 += sale.conversion.as_deref().unwrap().amount;
        sums.1 += 1;
        sums.2.insert(buyer(sale));
    }
    let mut rows: Vec<_> = by.into_iter().collect();
    rows.sort_by_key(|(keys, (sum, count, _))| (Reverse(*sum), Reverse(*count), keys.clone()));
    let rows = rows.into_iter().map(|(keys, (sum, count, buyers))| {
        let mut row = json!({
            "revenue": decimal(sum, "eur"),
            "transactions": count.to_string(),
            "customers": buyers.len().to_string(),
        });
        for (name, key) in names.iter().zip(keys) {
            row[*name] = if key.is_empty() { Value::Null } else { json!(key) };
        }
        row
    });
    rows.collect()
}

fn buyer(sale: &Event) -> u64 {
    match sale.conversion.as_deref().unwrap().customer.0 {
        0 => sale.visitor,
        customer => customer,
    }
}

#[tokio::test]
async fn revenue_is_told_by_what_brought_it() {
    let scene = Scene::new("ghostid_revenue").await;
    let mut rng = rng();
    let ours = scene.add_links(&scene.ours, &[Some("a"), Some("b"), None]).await;
    // Another site of the same workspace.
    let (status, second) =
        scene.send(Method::POST, "/api/sites", &scene.ours.key, Some(json!({ "domain": "second.example" }))).await;
    assert_eq!(status.as_u16(), 200, "{second}");
    let visits = (1..12_u64).filter_map(|visitor| {
        let (channel, utm) = touch(visitor)?;
        Some(Event {
            workspace: scene.ours.workspace,
            site: scene.ours.site,
            kind: EventKind::Pageview,
            at_ms: NOW_MS - 50 * DAY_MS,
            id: EventId::new(1, visitor),
            visitor,
            channel,
            utm,
            page: Some(Box::new(PageEvent { user_id: format!("v{visitor}@example.com"), ..PageEvent::default() })),
            ..Event::default()
        })
    });
    let mut events: Vec<Event> = visits.collect();
    let links = [ours[0], ours[1], ours[2], LinkId(0)];
    for sequence in 100..400 {
        let currency = *["eur", "eur", "eur", "usd", "jpy"].choose(&mut rng).unwrap();
        events.push(Event {
            workspace: scene.ours.workspace,
            kind: EventKind::Sale,
            at_ms: NOW_MS - rng.random_range(0..40 * DAY_MS),
            id: EventId::new(1, sequence),
            link: *links.choose(&mut rng).unwrap(),
            visitor: rng.random_range(1..12),
            repeat: rng.random_bool(0.1),
            channel: Channel::Link,
            utm: Utm {
                source: "ads".into(),
                campaign: (*["", "spring"].choose(&mut rng).unwrap()).into(),
                ..Utm::default()
            },
            conversion: Some(Box::new(Conversion {
                customer: CustomerId(rng.random_range(0..3)),
                amount: rng.random_range(-500..10_000),
                currency: currency.to_owned(),
                payment_processor: "stripe".to_owned(),
                invoice_id: format!("in_{sequence}"),
                ..Conversion::default()
            })),
            ..Event::default()
        });
    }
    scene.store(&mut rng, &events).await;
    let site = scene.ours.site.0;
    let belongs =
        |sale: &Event| !sale.repeat && (sale.link == ours[0] || sale.link == ours[1] || touch(sale.visitor).is_some());
    let of = |start_ms: i64, currency: &str| -> Vec<&Event> {
        let sold = events.iter().filter(|event| event.kind == EventKind::Sale && belongs(event));
        sold.filter(|sale| start_ms <= sale.at_ms && sale.conversion.as_deref().unwrap().currency == currency).collect()
    };
    for (query, start_ms, days) in [
        ("", MIDNIGHT_MS - 30 * DAY_MS, Some(30)),
        ("&timeRange=7d", MIDNIGHT_MS - 7 * DAY_MS, Some(7)),
        ("&timeRange=90d", MIDNIGHT_MS - 90 * DAY_MS, Some(90)),
        ("&timeRange=all", 0, None),
    ] {
        let shown = scene.json(&format!("/api/revenue?siteId={site}&currency=eur&limit=500{query}")).await;
        let sales = of(start_ms, "eur");
        let amounts: Vec<i64> = sales.iter().map(|sale| sale.conversion.as_deref().unwrap().amount).collect();
        let sum: i64 = amounts.iter().sum();
        let mean = (sum as f64 / amounts.len() as f64).round() as i64;
        let buyers: BTreeSet<u64> = sales.iter().map(|sale| buyer(sale)).collect();
        assert_eq!(
            shown["summary"],
            json!({
                "total_revenue": decimal(sum, "eur"),
                "total_transactions": amounts.len().to_string(),
                "avg_order_value": decimal(mean, "eur"),
                "unique_customers": buyers.len().to_string(),
                "largest_transaction": decimal(*amounts.iter().max().unwrap(), "eur"),
            }),
            "{query}"
        );
        let attribution = shares(
            &sales,
            |sale| {
                let (channel, utm) = touch(sale.visitor).unwrap_or((sale.channel, sale.utm.clone()));
                Some(vec![Some(channel.name().to_owned()), Some(utm.source)])
            },
            &["channel", "source"],
        );
        assert_eq!(shown["by_attribution"], attribution, "{query}");
        let campaigns = shares(
            &sales,
            |sale| {
                let utm = if sale.utm.campaign.is_empty() { touch(sale.visitor)?.1 } else { sale.utm.clone() };
                (!utm.campaign.is_empty()).then(|| vec![Some(utm.campaign), Some(utm.source), Some(utm.medium)])
            },
            &["campaign", "source", "medium"],
        );
        assert_eq!(shown["by_campaign"], campaigns, "{query}");
        let mut all: Vec<&Event> = ["eur", "usd", "jpy"].iter().flat_map(|code| of(start_ms, code)).collect();
        all.sort_by_key(|sale| Reverse((sale.at_ms, sale.id)));
        let recent = shown["recent_transactions"].as_array().unwrap();
        assert_eq!(recent.len(), all.len());
        for (row, sale) in recent.iter().zip(&all) {
            let conversion = sale.conversion.as_deref().unwrap();
            let seen = touch(sale.visitor);
            let (channel, utm) = seen.clone().unwrap_or((sale.channel, sale.utm.clone()));
            let text = |text: &str| if text.is_empty() { Value::Null } else { json!(text) };
            let name = seen.map(|_| format!("v{}@example.com", sale.visitor));
            assert_eq!(
                row,
                &json!({
                    "id": sale.id.0,
                    "ghost_vid": format!("gv_00000000_{:08x}", sale.visitor),
                    "amount": decimal(conversion.amount, &conversion.currency),
                    "currency": conversion.currency.to_uppercase(),
                    "source": "stripe",
                    "first_touch_channel": channel.name(),
                    "first_touch_source": text(&utm.source),
                    "first_touch_campaign": text(&utm.campaign),
                    "identified_user_id": name,
                    "identified_email": name,
                    "transaction_id": conversion.invoice_id,
                    "created_at": rfc3339(sale.at_ms),
                })
            );
        }
        let daily = shown["daily"].as_array().unwrap();
        match days {
            Some(days) => assert_eq!(daily.len(), days),
            None => assert!(daily.iter().all(|day| day["transactions"] != "0")),
        }
        for day in daily {
            let date = &day["date"].as_str().unwrap()[..10];
            let of_day: Vec<i64> = sales
                .iter()
                .filter(|sale| rfc3339(sale.at_ms).starts_with(date))
                .map(|sale| sale.conversion.as_deref().unwrap().amount)
                .collect();
            assert_eq!(
                (&day["revenue"], &day["transactions"]),
                (&json!(decimal(of_day.iter().sum(), "eur")), &json!(of_day.len().to_string())),
                "{date}"
            );
        }
        assert_eq!(shown["currency"], "EUR");
        let mut each: Vec<(usize, &str)> = ["eur", "usd", "jpy"].map(|code| (of(start_ms, code).len(), code)).into();
        each.sort_by_key(|(count, code)| (Reverse(*count), *code));
        let each: Vec<&str> = each.into_iter().map(|(_, code)| code).collect();
        let listed: Vec<String> = shown["currencies"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["currency"].as_str().unwrap().to_lowercase())
            .collect();
        assert_eq!(listed, each, "{query}");
    }
    // That with the most sales is the one that is shown; yen have no decimal places.
    assert_eq!(scene.json(&format!("/api/revenue?siteId={site}&timeRange=all")).await["currency"], "EUR");
    let yen = scene.json(&format!("/api/revenue?siteId={site}&timeRange=all&currency=JPY")).await;
    let sum: i64 = of(0, "jpy").iter().map(|sale| sale.conversion.as_deref().unwrap().amount).sum();
    assert_eq!(yen["summary"]["total_revenue"], sum.to_string());

    let csv = scene.text(&format!("/api/revenue?siteId={site}&format=csv&table=daily")).await;
    assert_eq!((csv.lines().next(), csv.lines().count()), (Some("date,revenue,transactions"), 31));
    scene.closed(&format!("/api/revenue?siteId={site}")).await;
    for (query, words) in [("currency=bitcoin", "currency"), ("timeRange=8d", "timeRange"), ("bots=x", "bots")] {
        scene.refused(&format!("/api/revenue?siteId={site}&{query}"), 400, words).await;
    }
    // The second site has no visitors and no links.
    let second: Value = serde_json::from_str(&second).unwrap();
    let none = scene.json(&format!("/api/revenue?siteId={}", second["site"]["siteId"])).await;
    assert_eq!(none["summary"]["total_revenue"], "0.00");
    assert_eq!((&none["currency"], &none["recent_transactions"]), (&Value::Null, &json!([])));
    assert_eq!(none["daily"].as_array().unwrap().len(), 30);
}
