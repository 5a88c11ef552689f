//! Links and clicks as webhooks are told of them: the very objects of the other endpoints.

use std::collections::HashMap;

use serde_json::Value;

use super::event_shape;
use super::shape_link::{LinkContext, short_link};
use crate::domain::click_id::EventId;
use crate::domain::event::Event;
use crate::domain::id::{LinkId, WorkspaceId};
use crate::domain::link::Link;
use crate::hooks::payload::{BoxFuture, NotNow, Shape};
use crate::web::state::App;

/// What webhooks show.
pub struct HookShape(pub App);

impl Shape for HookShape {
    fn dub_links(
        &self,
        workspace: WorkspaceId,
        links: Vec<Link>,
    ) -> BoxFuture<'_, Result<HashMap<LinkId, Value>, NotNow>> {
        Box::pin(async move {
            // A store that does not answer was logged on the way.
            let context = LinkContext::of(&self.0, workspace, &links).await.map_err(|_| NotNow)?;
            links
                .iter()
                .map(|link| match serde_json::to_value(context.answer(&self.0, link)) {
                    Ok(object) => Ok((link.id, object)),
                    Err(error) => {
                        tracing::error!(%error, "link cannot be encoded");
                        Err(NotNow)
                    }
                })
                .collect()
        })
    }

    fn dub_click(&self, event: &Event) -> Value {
        event_shape::click(&self.0, event)
    }

    fn click_id(&self, id: EventId) -> String {
        self.0.clicks.public(id)
    }

    fn short_link(&self, domain: &str, slug: &str) -> String {
        short_link(&self.0, domain, slug)
    }
}
