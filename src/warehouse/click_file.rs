//! Clicks as a file holds them, one row a click, written by ClickHouse itself (Linkly contract, 1.6). What is unknown is
//! null in JSON and an empty cell in CSV and TSV.
//!
//! An id is the one thing that ClickHouse cannot write, since it is signed: in its place stands the file's mark, which no
//! stored text can hold, and the event's identity in [`IDENTITY_DIGITS`] hexadecimal digits.

use crate::encode::Format;
use crate::plan::{Order, Query};

use super::condition::{TimeColumn, push_where};
use super::source::push_firsts;
use super::sql::{Sql, Value};

/// Digits of an identity after the mark.
pub const IDENTITY_DIGITS: usize = 16;

/// A column of the file: its name, and its value where it is not that of the column of this name.
struct Column {
    name: &'static str,
    value: &'static str,
    is_text: bool,
}

const fn text(name: &'static str, value: &'static str) -> Column {
    Column { name, value, is_text: true }
}

/// The columns after `id`, in order.
const COLUMNS: &[Column] = &[
    Column { name: "link_id", value: "link_id", is_text: false },
    Column { name: "timestamp", value: "timestamp", is_text: false },
    text("country", "nullIf(country, '')"),
    text("platform", "nullIf(if(lower(os) IN ('mac os', 'macos'), 'Mac', os), '')"),
    text("browser", "nullIf(browser, '')"),
    text("referer", "nullIf(lower(referrer_host), '')"),
    text("isp", "nullIf(isp, '')"),
    text("bot", "nullIf(bot, '')"),
    text("url", "nullIf(url, '')"),
    text("params", "nullIf(params, '')"),
    text("region", "nullIf(region, '')"),
    text("city", "nullIf(city, '')"),
    text("device", "nullIf(device, '')"),
    text("referer_url", "nullIf(referrer_url, '')"),
    text("ad_network", "nullIf(ad_network, '')"),
    text("utm_source", "nullIf(utm_source, '')"),
    text("utm_medium", "nullIf(utm_medium, '')"),
    text("utm_campaign", "nullIf(utm_campaign, '')"),
    text("utm_term", "nullIf(utm_term, '')"),
    text("utm_content", "nullIf(utm_content, '')"),
    text("user_agent", "nullIf(user_agent, '')"),
];

/// The visit's parameters by name, decoded; of a repeated one the last.
const PARAMS_OBJECT: &str = "mapFromArrays(\
     arrayMap(pair -> pair.1, arrayFilter((pair, place) -> place = arrayLastIndex(other -> other.1 = pair.1, pairs), \
     (arrayMap(pair -> (toValidUTF8(decodeURLFormComponent(splitByChar('=', pair)[1])), \
     toValidUTF8(decodeURLFormComponent(substring(pair, position(concat(pair, '='), '=') + 1)))), \
     arrayFilter(pair -> pair != '', splitByChar('&', params))) AS pairs), arrayEnumerate(pairs)) AS kept), \
     arrayMap(pair -> pair.2, kept))";

/// What a spreadsheet would run, as `encode::delimited` tells it: a line that begins with a tab or, after any blanks, with one
/// of the signs of a formula.
const FORMULA: &str = r"'(?:^|[\\r\\n])(?:\\t|[\\p{Z}\\p{Cc}\\x{feff}]*[=+\\-@＝＋－＠])'";

/// Columns of the file, in order.
pub fn columns() -> impl Iterator<Item = &'static str> {
    ["id"].into_iter().chain(COLUMNS.iter().map(|column| column.name))
}

/// SQL of the clicks that a query means, in this order, and the format to ask for; its shape is not looked at.
/// `spreadsheet_safe` puts an apostrophe before cells that a spreadsheet would run.
pub fn click_file(
    query: &Query,
    order: Order,
    format: Format,
    spreadsheet_safe: bool,
    mark: &str,
) -> (Sql, &'static str) {
    let mut sql = Sql::new("SELECT concat(");
    sql.bind(Value::Text(mark.to_owned())).push(", leftPad(hex(event_id), 16, '0')) AS id");
    for column in COLUMNS {
        sql.push(", ");
        if format == Format::Json && column.name == "params" {
            sql.push(PARAMS_OBJECT);
        } else if column.is_text && spreadsheet_safe && format != Format::Json {
            sql.push("if(match(").push(column.value).push(", ").push(FORMULA).push("), concat('''', ");
            sql.push(column.value).push("), ").push(column.value).push(")");
        } else {
            sql.push(column.value);
        }
        sql.push(" AS ").push(column.name);
    }
    sql.push(" FROM events");
    push_where(&mut sql, query, query.range, TimeColumn::Timestamp);
    let ascending = order == Order::Ascending;
    if query.counting.unique && !ascending {
        push_firsts(&mut sql, query);
    }
    sql.push(if ascending { " ORDER BY timestamp, event_id" } else { " ORDER BY timestamp DESC, event_id DESC" });
    if query.counting.unique && ascending {
        // ClickHouse: LIMIT 1 BY keeps the first row of each pair in the order just before it, as rows pass.
        sql.push(" LIMIT 1 BY link_id, visitor");
    }
    // ClickHouse: else a name given in the list above would be meant by the conditions, too.
    sql.set("prefer_column_name_to_alias", "1");
    sql.set("date_time_output_format", "iso");
    match format {
        Format::Json => {
            sql.set("output_format_json_array_of_rows", "1");
            sql.set("output_format_json_quote_64bit_integers", "0");
            sql.set("output_format_json_escape_forward_slashes", "0");
            (sql, "JSONEachRow")
        }
        Format::Csv | Format::Tsv => {
            sql.set("format_csv_null_representation", "");
            // ClickHouse: its own TSV escapes with backslashes; ours quotes as CSV does.
            sql.set("format_csv_delimiter", if format == Format::Tsv { "\t" } else { "," });
            (sql, "CSVWithNames")
        }
    }
}
