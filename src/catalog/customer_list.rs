//! Lists of customers.

use super::customers::{customer_columns, from_row};
use super::link_list::Conditions;
use super::{Catalog, Cursor, Page, Result, like_anywhere};
use crate::domain::customer::Customer;
use crate::domain::id::{CustomerId, LinkId, WorkspaceId};

/// Which customers are wanted; what is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CustomerQuery {
    /// With this mail address, without regard to case.
    pub email: Option<String>,
    /// With this id in the user's own database.
    pub external_id: Option<String>,
    /// Name, mail address or external id holds this, without regard to case.
    pub search: Option<String>,
    /// From this country.
    pub country: Option<String>,
    /// Whose first click was on this link.
    pub link: Option<LinkId>,
    /// Whose first click was on a link of this program.
    pub program: Option<String>,
    /// Whose first click was on a link of this partner.
    pub partner: Option<String>,
    /// Smallest first; largest, or newest, first by default.
    pub ascending: bool,
    /// By these numbers instead of the time they were made; who is not listed has none and comes last.
    pub by: Option<Vec<(CustomerId, i64)>>,
}

impl Catalog {
    /// A page of the workspace's customers. `None` when the cursor is no customer of the workspace. A cursor goes with the
    /// order by time only.
    pub async fn customers(
        &self,
        workspace: WorkspaceId,
        query: &CustomerQuery,
        page: Page<CustomerId>,
    ) -> Result<Option<Vec<Customer>>> {
        let session = self.call().await?;
        let mut list = Conditions::new(concat!("SELECT ", customer_columns!(), " FROM customer"));
        if let Some(by) = &query.by {
            let (ids, numbers): (Vec<i64>, Vec<i64>) = by.iter().map(|(id, number)| (id.row(), *number)).unzip();
            list.push(" LEFT JOIN unnest(?::bigint[],", ids);
            list.push(" ?::bigint[]) AS ranked (id, number) ON ranked.id = customer.id", numbers);
        }
        list.push(" WHERE customer.workspace_id = ?", workspace.row());
        if let Some(email) = &query.email {
            list.push(" AND lower(customer.email) = lower(?)", email.as_str());
        }
        if let Some(external_id) = &query.external_id {
            list.push(" AND customer.external_id = ?", external_id.as_str());
        }
        if let Some(search) = &query.search {
            list.push(
                " AND (customer.name ILIKE ? OR customer.email ILIKE ? OR customer.external_id ILIKE ?)",
                like_anywhere(search),
            );
        }
        if let Some(country) = &query.country {
            list.push(" AND customer.country = ?", country.as_str());
        }
        if let Some(link) = query.link {
            list.push(" AND customer.link_id = ?", link.row());
        }
        for (id, of_links) in [
            (&query.program, " AND customer.link_id IN (SELECT link.id FROM link WHERE link.program_id = ?"),
            (&query.partner, " AND customer.link_id IN (SELECT link.id FROM link WHERE link.partner_id = ?"),
        ] {
            if let Some(id) = id {
                list.push(of_links, id.as_str());
                list.push(" AND link.workspace_id = ?)", workspace.row());
            }
        }
        let (cursor, backwards) = match page.cursor {
            Cursor::Offset(_) => (None, false),
            Cursor::After(id) => (Some(id), false),
            Cursor::Before(id) => (Some(id), true),
        };
        // Reading backwards from the cursor is reading the reversed order forwards, and turning the page around.
        let rising = query.ascending != backwards;
        // The number of those that have none: they come last in either order.
        let last = if query.ascending { i64::MAX } else { i64::MIN };
        if let Some(id) = cursor {
            let text = "SELECT created_at FROM customer WHERE workspace_id = $1 AND id = $2";
            let Some(row) = session.query_opt(text, &[&workspace.row(), &id.row()]).await? else { return Ok(None) };
            let at: chrono::DateTime<chrono::Utc> = row.try_get(0)?;
            match &query.by {
                Some(by) => {
                    let ranked = by.iter().find(|(ranked, _)| *ranked == id).map_or(last, |(_, number)| *number);
                    list.push(" AND (coalesce(ranked.number, ?), customer.created_at, customer.id)", last);
                    list.push(if rising { " > (?," } else { " < (?," }, ranked);
                }
                None => {
                    list.plain(" AND (customer.created_at, customer.id)");
                    list.plain(if rising { " > (" } else { " < (" });
                }
            }
            list.push(" ?,", at);
            list.push(" ?)", id.row());
        }
        list.plain(" ORDER BY");
        if query.by.is_some() {
            list.push(" coalesce(ranked.number, ?)", last);
            list.plain(if rising { "," } else { " DESC," });
        }
        list.plain(if rising {
            " customer.created_at, customer.id"
        } else {
            " customer.created_at DESC, customer.id DESC"
        });
        list.push(" LIMIT ?", i64::from(page.size));
        if let Cursor::Offset(rows) = page.cursor {
            list.push(" OFFSET ?", i64::from(rows));
        }
        let rows = session.query_composed(&list.text, &list.values()).await?;
        let mut customers = rows.iter().map(from_row).collect::<Result<Vec<_>>>()?;
        if backwards {
            customers.reverse();
        }
        Ok(Some(customers))
    }
}
