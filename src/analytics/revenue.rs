//! What a site earned.

use futures_util::future::{try_join, try_join4};

use crate::calendar::{Buckets, Range};
use crate::catalog::{Choice, LinkFilter};
use crate::domain::currency::Currency;
use crate::domain::id::{CustomerId, LinkId, SiteId};
use crate::plan::Bots;
use crate::warehouse::revenue::{self, CurrencyRow, DayRow, SaleRow, Sales, ShareRow};
use crate::warehouse::session::SiteScope;

use super::{Analytics, Error};

/// What a site earned in a range.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Revenue {
    /// Each currency that something was sold in, that with the most sales first.
    pub currencies: Vec<CurrencyRow>,
    /// The one that the breakdowns are in; empty when nothing was sold and none was asked for.
    pub currency: String,
    /// By channel and source of the first touch, the most first.
    pub by_attribution: Vec<ShareRow>,
    /// By campaign, source and medium, the most first.
    pub by_campaign: Vec<ShareRow>,
    /// By day; days without sales are left out.
    pub daily: Vec<DayRow>,
    /// The last sales in any currency, newest first.
    pub recent: Vec<SaleRow>,
}

impl Analytics {
    /// What a site earned in a range, with breakdowns in one currency: the one asked for, else that with the most sales, of
    /// equals the first by its code. `days` cover the range.
    ///
    /// # Errors
    /// When a store does not answer, or a query costs more than it may.
    pub async fn revenue(
        &self,
        scope: SiteScope,
        range: Range,
        bots: Bots,
        currency: Option<Currency>,
        days: &Buckets,
        most_recent: u64,
    ) -> Result<Revenue, Error> {
        let (links, elsewhere) = try_join(self.links_of_site(scope), self.links_of_other_sites(scope)).await?;
        let sales = Sales { scope, range, bots, links, elsewhere };
        let currencies: Vec<CurrencyRow> = self.warehouse.collect(&revenue::currencies(&sales)).await?;
        let Some(first) = currencies.first() else {
            let currency = currency.map_or("", Currency::code).to_owned();
            return Ok(Revenue { currency, ..Revenue::default() });
        };
        let currency = currency.map_or_else(|| first.currency.clone(), |wanted| wanted.code().to_owned());
        let (by_attribution, by_campaign) =
            (revenue::by_attribution(&sales, &currency), revenue::by_campaign(&sales, &currency));
        let (daily, recent) = (revenue::daily(&sales, &currency, days), revenue::recent(&sales, most_recent));
        let (by_attribution, by_campaign, daily, recent) = try_join4(
            self.warehouse.collect(&by_attribution),
            self.warehouse.collect(&by_campaign),
            self.warehouse.collect(&daily),
            self.warehouse.collect(&recent),
        )
        .await?;
        Ok(Revenue { currencies, currency, by_attribution, by_campaign, daily, recent })
    }

    async fn links_of_other_sites(&self, scope: SiteScope) -> Result<Vec<LinkId>, Error> {
        let sites = self.catalog.sites(scope.workspace).await?;
        let others: Vec<SiteId> = sites.iter().map(|site| site.id).filter(|id| *id != scope.site).collect();
        if others.is_empty() {
            return Ok(Vec::new());
        }
        let filter = LinkFilter { site: Some(Choice::only(others)), ..LinkFilter::default() };
        Ok(self.catalog.link_ids_where(scope.workspace, &filter).await?)
    }

    /// The mail addresses of these customers of the site's workspace, of whom one is known.
    ///
    /// # Errors
    /// When Postgres does not answer.
    pub async fn emails_of(
        &self,
        scope: SiteScope,
        customers: &[CustomerId],
    ) -> Result<Vec<(CustomerId, String)>, Error> {
        let customers = self.catalog.customers_by_ids(scope.workspace, customers).await?;
        Ok(customers.into_iter().filter_map(|customer| Some((customer.id, customer.profile.email?))).collect())
    }
}
