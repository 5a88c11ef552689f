//! Who was on a site.

use futures_util::future::try_join;

use crate::calendar::Range;
use crate::catalog::{Choice, LinkFilter};
use crate::domain::id::LinkId;
use crate::plan::Bots;
use crate::warehouse::audience::{self, ActivityRow, AudienceRow, ClicksRow, CountRow, LeadsRow, Order, Seen};
use crate::warehouse::session::SiteScope;

use super::{Analytics, Error};

impl Analytics {
    /// Visitors of a site in a range, in order.
    ///
    /// # Errors
    /// When ClickHouse does not answer, or the query costs more than it may.
    pub async fn audience(
        &self,
        seen: Seen<'_>,
        order: Order,
        limit: u64,
        offset: u64,
    ) -> Result<Vec<AudienceRow>, Error> {
        Ok(self.warehouse.collect(&audience::audience(seen, None, order, limit, offset)).await?)
    }

    /// One visitor of a site; `None` when they did nothing there until the end of the range.
    ///
    /// # Errors
    /// When ClickHouse does not answer, or the query costs more than it may.
    pub async fn one_of_audience(&self, seen: Seen<'_>, visitor: u64) -> Result<Option<AudienceRow>, Error> {
        let rows: Vec<AudienceRow> =
            self.warehouse.collect(&audience::audience(seen, Some(visitor), Order::Recent, 1, 0)).await?;
        Ok(rows.into_iter().next())
    }

    /// How many visitors of a site in a range are known, and how many are hot.
    ///
    /// # Errors
    /// When ClickHouse does not answer, or the query costs more than it may.
    pub async fn leads(&self, seen: Seen<'_>) -> Result<LeadsRow, Error> {
        let rows: Vec<LeadsRow> = self.warehouse.collect(&audience::leads(seen)).await?;
        Ok(rows.first().copied().unwrap_or_default())
    }

    /// The pages of a site that were seen most in a range, and its visitors by country, the most first.
    ///
    /// # Errors
    /// When ClickHouse does not answer, or a query costs more than it may.
    pub async fn pages_and_countries(
        &self,
        scope: SiteScope,
        range: Range,
        bots: Bots,
        most_pages: u64,
    ) -> Result<(Vec<CountRow>, Vec<CountRow>), Error> {
        let (pages, countries) =
            (audience::top_pages(scope, range, bots, most_pages), audience::countries(scope, range, bots));
        Ok(try_join(self.warehouse.collect(&pages), self.warehouse.collect(&countries)).await?)
    }

    /// What happened last on a site in a range, newest first: everybody's doings, or one visitor's.
    ///
    /// # Errors
    /// When ClickHouse does not answer, or the query costs more than it may.
    pub async fn activity(
        &self,
        scope: SiteScope,
        range: Range,
        bots: Bots,
        only: Option<u64>,
        limit: u64,
    ) -> Result<Vec<ActivityRow>, Error> {
        Ok(self.warehouse.collect(&audience::activity(scope, range, bots, only, limit)).await?)
    }

    /// The links of a site, deleted ones too.
    ///
    /// # Errors
    /// When Postgres does not answer.
    pub async fn links_of_site(&self, scope: SiteScope) -> Result<Vec<LinkId>, Error> {
        let filter = LinkFilter { site: Some(Choice::only(vec![scope.site])), ..LinkFilter::default() };
        Ok(self.catalog.link_ids_where(scope.workspace, &filter).await?)
    }

    /// How often these visitors followed links of the site in a range; who never did is left out.
    ///
    /// # Errors
    /// When a store does not answer.
    pub async fn clicks_of(&self, scope: SiteScope, range: Range, visitors: &[u64]) -> Result<Vec<ClicksRow>, Error> {
        if visitors.is_empty() {
            return Ok(Vec::new());
        }
        let links = self.links_of_site(scope).await?;
        if links.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.warehouse.collect(&audience::clicks(scope, range, visitors, &links)).await?)
    }
}
