//! The engine's side: a question goes the way that a surface sends it, through the parsers of the program.

use std::collections::{BTreeSet, HashMap};

use futures_util::TryStreamExt as _;
use linktrail::calendar::{Bound, Bucket, Buckets, Interval, Range, Span, Zone};
use linktrail::domain::click_id::EventId;
use linktrail::domain::dimension::{ATTRIBUTES, DIMENSIONS, LinkAttribute};
use linktrail::domain::id::LinkId;
use linktrail::filter::metadata::Expression;
use linktrail::filter::{Field, Filter, SaleType, Separator};
use linktrail::plan::{Bots, Counting, From, Order, Page, Query, Request, Shape, build};
use linktrail::warehouse::event::EventRow;

use super::answer::{Answer, Seen, SeenLink};
use super::question::{Form, KINDS, MOST_BUCKETS, Question};
use super::scene::Scene;

/// What the engine answers; its errors as text.
pub async fn ask(scene: &Scene, question: &Question) -> Result<Answer, String> {
    let Some((request, zone, span)) = request(scene, question).await? else { return Ok(Answer::Refused) };
    let with = |shape| build(Request { shape, ..request.clone() });
    let table = async |shape| match question.compared {
        None => run(scene, with(shape)).await,
        Some(name) => {
            let (_, kinds) = KINDS.iter().find(|(known, _)| *known == name).ok_or("no such kinds")?;
            let request = Request { shape, ..request.clone() };
            let compared = scene.stores.analytics.compare(request, kinds).await.map_err(text)?;
            Ok(Answer::Compared(compared.table, compared.currency))
        }
    };
    match &question.form {
        Form::Total => table(Shape::Total).await,
        Form::Series => {
            let bucket = question.granularity.map_or(Ok(span.bucket), Bucket::parse).map_err(text)?;
            match Buckets::cover(bucket, span.range, &zone, MOST_BUCKETS) {
                Ok(buckets) => table(Shape::Series(buckets)).await,
                Err(_) => Ok(Answer::Refused),
            }
        }
        Form::Groups { by, unknown, limit } => {
            let line = DIMENSIONS.iter().find(|line| line.dub_group == Some(*by)).ok_or("no such group")?;
            table(Shape::Groups { by: line.dimension, unknown: *unknown, limit: *limit }).await
        }
        Form::Attributes(name) => table(Shape::Attributes(attribute(name).ok_or("no such attribute")?)).await,
        Form::Page { ascending, limit, offset } => {
            let page = Page { limit: *limit, from: From::Offset(*offset) };
            events(scene, with(Shape::Events { order: order(*ascending), page })).await.map(Answer::Events)
        }
        Form::After { ascending, limit, at_ms, id } => {
            let page = Page { limit: *limit, from: From::After { at_ms: *at_ms, id: EventId(*id) } };
            events(scene, with(Shape::Events { order: order(*ascending), page })).await.map(Answer::Events)
        }
        Form::Walk { ascending, limit } => {
            let mut all: Vec<Seen> = Vec::new();
            let mut from = From::Offset(0);
            // A walk that does not come to an end is cut off, and so differs.
            for _ in 0..WALK_PAGES {
                let page = Page { limit: *limit, from };
                let more = events(scene, with(Shape::Events { order: order(*ascending), page })).await?;
                let ended = (more.len() as u64) < *limit;
                all.extend(more);
                match all.last() {
                    Some(last) if !ended => {
                        from = From::After { at_ms: last.event.at_ms, id: EventId(last.event.event_id) };
                    }
                    _ => break,
                }
            }
            Ok(Answer::Events(all))
        }
    }
}

/// Pages of a walk at most.
pub const WALK_PAGES: usize = 12;

/// `None` for a start after the end.
pub async fn request(scene: &Scene, question: &Question) -> Result<Option<(Request, Zone, Span)>, String> {
    let workspace = scene.workspaces[question.workspace].id;
    let zone = Zone::parse(question.timezone).map_err(text)?;
    let span = match &question.start {
        Some(start) => {
            let start = Bound::parse(start).map_err(text)?;
            let end = question.end.as_deref().map(Bound::parse).transpose().map_err(text)?;
            match Span::between(&start, end.as_ref(), question.now_ms, &zone) {
                Ok(span) => span,
                Err(_) => return Ok(None),
            }
        }
        None => {
            let beginning_ms = scene.stores.analytics.beginning_ms(workspace).await.map_err(text)?;
            let interval = Interval::parse(question.interval).map_err(text)?;
            interval.resolve(question.now_ms, &zone, beginning_ms.unwrap_or(question.now_ms))
        }
    };
    let mut filters = Vec::new();
    for (name, list) in &question.filters {
        filters.extend(Filter::parse(field(name).ok_or("no such filter")?, list, Separator::Comma).map_err(text)?);
    }
    let sale_type = |name| if name == "new" { SaleType::New } else { SaleType::Recurring };
    filters.extend(question.sale_type.map(|name| Filter::SaleType(sale_type(name))));
    if let Some((_, written)) = &question.metadata {
        filters.push(Filter::Metadata(Expression::parse(written).map_err(text)?));
    }
    let bots = match question.bots {
        "include" => Bots::Include,
        "only" => Bots::Only,
        _ => Bots::Exclude,
    };
    let request = Request {
        workspace,
        kind: question.kind,
        range: Range::new(span.range.start_ms(), span.range.end_ms()).map_err(text)?,
        counting: Counting { bots, repeats: question.repeats, unique: question.unique },
        filters,
        link: question.link,
        root: question.root,
        shape: Shape::Total,
    };
    Ok(Some((request, zone, span)))
}

fn field(parameter: &str) -> Option<Field> {
    let dimension = DIMENSIONS.iter().find(|line| line.dub_filter == Some(parameter));
    match parameter {
        "customerId" => Some(Field::Customer),
        _ => dimension
            .map(|line| Field::Dimension(line.dimension))
            .or_else(|| attribute(parameter).map(Field::Attribute)),
    }
}

fn attribute(parameter: &str) -> Option<LinkAttribute> {
    ATTRIBUTES.iter().find(|line| line.dub_filter == parameter).map(|line| line.attribute)
}

fn order(ascending: bool) -> Order {
    if ascending { Order::Ascending } else { Order::Descending }
}

async fn run(scene: &Scene, query: Query) -> Result<Answer, String> {
    scene.stores.analytics.run(query).await.map(Answer::Table).map_err(text)
}

/// The events, with their links as they are now.
async fn events(scene: &Scene, query: Query) -> Result<Vec<Seen>, String> {
    let (analytics, workspace) = (&scene.stores.analytics, query.workspace);
    let chunks: Vec<Vec<EventRow>> = analytics.events(query).try_collect().await.map_err(text)?;
    let events = chunks.concat();
    let ids: BTreeSet<LinkId> = events.iter().map(|event| LinkId(event.link_id)).collect();
    let ids: Vec<LinkId> = ids.into_iter().collect();
    let counters = analytics.counters(workspace, &ids).await.map_err(text)?;
    let links = analytics.links(workspace, &ids).await.map_err(text)?.into_iter().map(|link| {
        let counters = counters.get(&link.id).cloned().unwrap_or_default();
        let (clicks, last_ms) = (counters.clicks, counters.last_clicked_ms);
        (link.id, SeenLink { id: link.id, workspace: link.workspace, clicks, last_ms })
    });
    let links: HashMap<LinkId, SeenLink> = links.collect();
    let seen = events.into_iter().map(|event| Seen { link: links.get(&LinkId(event.link_id)).cloned(), event });
    Ok(seen.collect())
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
