//! Customers, one at a time. Their list is in `customer_list.rs`.

use chrono::{DateTime, Utc};
use tokio_postgres::Row;

use super::{Catalog, Error, Result, instant};
use crate::domain::click_id::EventId;
use crate::domain::customer::{Attribution, Customer, Profile};
use crate::domain::id::{CustomerId, LinkId, WorkspaceId};

/// The columns of [`from_row`].
macro_rules! customer_columns {
    () => {
        "customer.id, customer.workspace_id, customer.external_id, customer.name, customer.email, customer.avatar,
            customer.country, customer.link_id, customer.click_event_id, customer.stripe_customer_id,
            customer.created_at"
    };
}
pub(super) use customer_columns;

/// A customer to add.
#[derive(Clone, Debug, Default)]
pub struct NewCustomer {
    /// What is said of it.
    pub profile: Profile,
    /// Country of the first click.
    pub country: Option<String>,
    /// The first click, where one is known.
    pub first: Option<Attribution>,
    /// The id at Stripe.
    pub stripe_id: Option<String>,
}

/// A change of a customer; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CustomerChange {
    /// Another id in the user's own database.
    pub external_id: Option<String>,
    /// Another name, or none.
    pub name: Option<Option<String>>,
    /// Another mail address, or none.
    pub email: Option<Option<String>>,
    /// Another picture, or none.
    pub avatar: Option<Option<String>>,
    /// Another id at Stripe, or none.
    pub stripe_id: Option<Option<String>>,
}

/// How a customer is named by a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CustomerName {
    /// By our id.
    Id(CustomerId),
    /// By the id in the user's own database.
    External(String),
}

impl CustomerName {
    /// As two values of which one is null.
    fn values(&self) -> (Option<i64>, Option<&str>) {
        match self {
            Self::Id(id) => (Some(id.row()), None),
            Self::External(id) => (None, Some(id)),
        }
    }
}

/// An event's identity as a Postgres bigint, which has all of its bits.
pub(super) fn event_row(event: EventId) -> i64 {
    event.0.cast_signed()
}

pub(super) fn attribution(row: &Row) -> Result<Option<Attribution>> {
    let click: Option<i64> = row.try_get("click_event_id")?;
    let link: Option<i64> = row.try_get("link_id")?;
    Ok(click
        .zip(link)
        .map(|(click, link)| Attribution { click: EventId(click.cast_unsigned()), link: LinkId::from_row(link) }))
}

pub(super) fn from_row(row: &Row) -> Result<Customer> {
    Ok(Customer {
        id: CustomerId::from_row(row.try_get("id")?),
        workspace: WorkspaceId::from_row(row.try_get("workspace_id")?),
        profile: Profile {
            external_id: row.try_get("external_id")?,
            name: row.try_get("name")?,
            email: row.try_get("email")?,
            avatar: row.try_get("avatar")?,
        },
        country: row.try_get("country")?,
        first: attribution(row)?,
        stripe_id: row.try_get("stripe_customer_id")?,
        created_at_ms: row.try_get::<_, DateTime<Utc>>("created_at")?.timestamp_millis(),
    })
}

impl Catalog {
    /// One customer of the workspace.
    pub async fn customer(&self, workspace: WorkspaceId, name: &CustomerName) -> Result<Option<Customer>> {
        let text = concat!(
            "SELECT ",
            customer_columns!(),
            " FROM customer WHERE workspace_id = $1 AND (id = $2 OR external_id = $3)"
        );
        let (id, external) = name.values();
        let row = self.call().await?.query_opt(text, &[&workspace.row(), &id, &external]).await?;
        row.as_ref().map(from_row).transpose()
    }

    /// Those of `ids` that are customers of the workspace, in no particular order.
    pub async fn customers_by_ids(&self, workspace: WorkspaceId, ids: &[CustomerId]) -> Result<Vec<Customer>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let text = concat!("SELECT ", customer_columns!(), " FROM customer WHERE workspace_id = $1 AND id = ANY($2)");
        let rows: Vec<i64> = ids.iter().map(|id| id.row()).collect();
        self.call().await?.query(text, &[&workspace.row(), &rows]).await?.iter().map(from_row).collect()
    }

    /// Adds a customer. [`Error::Taken`] `customer_external_id`.
    pub async fn add_customer(&self, workspace: WorkspaceId, new: &NewCustomer, now_ms: i64) -> Result<Customer> {
        let text = concat!(
            "INSERT INTO customer (workspace_id, external_id, name, email, avatar, country, link_id, click_event_id,
                stripe_customer_id, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            RETURNING ",
            customer_columns!()
        );
        self.write_customer(text, workspace, new, now_ms).await
    }

    /// The customer of this external id, made if it is not there. What is known of it stays, the first click above all; what
    /// is not yet known is filled in. However often and from however many sides it is called, the answer is one customer.
    pub async fn meet_customer(&self, workspace: WorkspaceId, new: &NewCustomer, now_ms: i64) -> Result<Customer> {
        let text = concat!(
            "INSERT INTO customer (workspace_id, external_id, name, email, avatar, country, link_id, click_event_id,
                stripe_customer_id, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            ON CONFLICT (workspace_id, external_id) DO UPDATE SET
                name = coalesce(customer.name, excluded.name),
                email = coalesce(customer.email, excluded.email),
                avatar = coalesce(customer.avatar, excluded.avatar),
                country = coalesce(customer.country, excluded.country),
                link_id = CASE WHEN customer.click_event_id IS NULL THEN excluded.link_id ELSE customer.link_id END,
                click_event_id = coalesce(customer.click_event_id, excluded.click_event_id),
                stripe_customer_id = coalesce(customer.stripe_customer_id, excluded.stripe_customer_id)
            RETURNING ",
            customer_columns!()
        );
        self.write_customer(text, workspace, new, now_ms).await
    }

    async fn write_customer(
        &self,
        text: &'static str,
        workspace: WorkspaceId,
        new: &NewCustomer,
        now_ms: i64,
    ) -> Result<Customer> {
        let NewCustomer { profile, country, first, stripe_id } = new;
        let (link, click) = (first.map(|first| first.link.row()), first.map(|first| event_row(first.click)));
        let session = self.call().await?;
        let row = session
            .query_opt(
                text,
                &[
                    &workspace.row(),
                    &profile.external_id,
                    &profile.name,
                    &profile.email,
                    &profile.avatar,
                    country,
                    &link,
                    &click,
                    stripe_id,
                    &instant(now_ms)?,
                ],
            )
            .await?;
        from_row(&row.ok_or_else(|| Error::Bug("no row from a written customer".to_owned()))?)
    }

    /// Changes a customer; `None` when the workspace has no such customer. [`Error::Taken`] `customer_external_id`.
    pub async fn change_customer(
        &self,
        workspace: WorkspaceId,
        name: &CustomerName,
        change: &CustomerChange,
    ) -> Result<Option<Customer>> {
        let text = concat!(
            "UPDATE customer SET
                external_id = coalesce($4, external_id),
                name = CASE WHEN $5 THEN $6 ELSE name END,
                email = CASE WHEN $7 THEN $8 ELSE email END,
                avatar = CASE WHEN $9 THEN $10 ELSE avatar END,
                stripe_customer_id = CASE WHEN $11 THEN $12 ELSE stripe_customer_id END
            WHERE workspace_id = $1 AND (id = $2 OR external_id = $3)
            RETURNING ",
            customer_columns!()
        );
        let (id, external) = name.values();
        let CustomerChange { external_id, name, email, avatar, stripe_id } = change;
        let (new_name, new_email) = (name.clone().flatten(), email.clone().flatten());
        let (new_avatar, new_stripe) = (avatar.clone().flatten(), stripe_id.clone().flatten());
        let session = self.call().await?;
        let row = session
            .query_opt(
                text,
                &[
                    &workspace.row(),
                    &id,
                    &external,
                    external_id,
                    &name.is_some(),
                    &new_name,
                    &email.is_some(),
                    &new_email,
                    &avatar.is_some(),
                    &new_avatar,
                    &stripe_id.is_some(),
                    &new_stripe,
                ],
            )
            .await?;
        row.as_ref().map(from_row).transpose()
    }

    /// Removes a customer and what is known of the person, in remembered answers and posted conversions too; its events
    /// stay. `None` when the workspace has no such customer.
    pub async fn remove_customer(&self, workspace: WorkspaceId, name: &CustomerName) -> Result<Option<CustomerId>> {
        let (id, external) = name.values();
        let workspace = workspace.row();
        let mut session = self.call().await?;
        let work = session.begin().await?;
        let removing = "DELETE FROM customer WHERE workspace_id = $1 AND (id = $2 OR external_id = $3)
            RETURNING id, external_id";
        let Some(row) = work.query_opt(removing, &[&workspace, &id, &external]).await? else { return Ok(None) };
        let (id, external): (i64, String) = (row.try_get(0)?, row.try_get(1)?);
        let forgetting = "UPDATE idempotency SET answer = jsonb_set(answer, '{customer,profile}',
                '{\"external_id\": \"\", \"name\": null, \"email\": null, \"avatar\": null}')
            WHERE workspace_id = $1 AND answer #>> '{customer,id}' = $2";
        work.execute(forgetting, &[&workspace, &id.to_string()]).await?;
        let forgetting = "UPDATE idempotency SET answer = jsonb_set(jsonb_set(answer, '{fields,external_id}', 'null'),
                '{fields,metadata}', 'null')
            WHERE workspace_id = $1 AND purpose = 'conversion' AND answer #>> '{fields,external_id}' = $2";
        work.execute(forgetting, &[&workspace, &external]).await?;
        let forgetting = "UPDATE linkly_conversion
            SET fields = jsonb_set(jsonb_set(fields, '{external_id}', 'null'), '{metadata}', 'null')
            WHERE workspace_id = $1 AND fields ->> 'external_id' = $2";
        work.execute(forgetting, &[&workspace, &external]).await?;
        work.commit().await?;
        Ok(Some(CustomerId::from_row(id)))
    }

    /// To what the customer's lead of this name is put down, or its latest lead.
    pub async fn lead_of(
        &self,
        workspace: WorkspaceId,
        customer: CustomerId,
        name: Option<&str>,
    ) -> Result<Option<Attribution>> {
        let text = "SELECT link_id, click_event_id FROM customer_lead
            WHERE workspace_id = $1 AND customer_id = $2 AND ($3::text IS NULL OR name = $3)
            ORDER BY happened_at DESC LIMIT 1";
        let row = self.call().await?.query_opt(text, &[&workspace.row(), &customer.row(), &name]).await?;
        Ok(row.as_ref().map(attribution).transpose()?.flatten())
    }
}
