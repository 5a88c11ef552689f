//! The words that the fuzzer puts together, parted by blanks.

use std::sync::LazyLock;

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* pub static $name: LazyLock<Vec<&str>> = LazyLock::new(|| $text.split_whitespace().collect());)*
    };
}

words! {
    /// Every parameter there is.
    PARAMETERS = "
        event groupBy interval start end timezone granularity format country city region continent device browser os
        trigger referer refererUrl url utm_source utm_medium utm_campaign utm_term utm_content linkId externalId
        domain key tagId tagIds tagNames folderId tenantId partnerId groupId customerId root qr saleType query bots
        repeats unique includeUnknown spreadsheetSafe page limit pageSize sortBy sortOrder order startingAfter
        endingBefore search userId showArchived workspaceId withTags
    ";

    /// Values that are right for one parameter or another, so that a request gets far.
    RIGHT = "
        clicks count timeseries countries cities top_links top_domains utm_sources 1h 24h 7d 30d 90d 1y all
        2026-03-08 2026-03-08T02:30 America/New_York Pacific/Apia hour minute month csv tsv json US -US true false
        include only 1 2 1000 asc timestamp go.example.com ours ext_ours
    ";

    /// Parameters with values that are right.
    PAIRS = "
        groupBy=timeseries groupBy=countries groupBy=cities groupBy=regions groupBy=top_links groupBy=top_urls
        groupBy=top_domains groupBy=referers groupBy=utm_sources interval=1h interval=7d interval=90d interval=all
        interval=all_unfiltered start=2026-03-08 end=2099-12-31T23:59Z timezone=America/New_York timezone=Pacific/Apia
        granularity=week format=csv format=tsv country=-US region=US-CA device=Mobile qr=true unique=true bots=include
        repeats=include root=false domain=-go.example.com tenantId=-x limit=1 limit=1000 page=2 sortOrder=asc
        includeUnknown=true spreadsheetSafe=true search=ours showArchived=true
    ";

    /// Values that are wrong everywhere, as they are sent.
    WRONG = "
        % %% %z %4 %ff %c3%28 %ed%a0%80 %f4%90%80%80 %00 a%00b %0d%0aX-Injected:%201 %0a - -- , -, %2C%2C '
        %27%20OR%201%3D1%20-- %27%29%3B%20DROP%20TABLE%20events%3B-- %60 %5C %7Bp0%3AUInt64%7D $1
        18446744073709551616 -9223372036854775809 1e309 -1e309 NaN 0x10 0.1 9999999999999999999999999999999999999999
        2026-02-30 9999-12-31T23:59:60Z -0001-01-01 0000-00-00 +262143-01-01 Mars/Base ../../etc/passwd [[[[[[[[[[[[
        %5B%7B%22a%22%3A%5B %E2%80%AE %F0%9F%92%A9 = == %3D &&& + +++ %20 * Unknown (direct) null undefined %25ff
        %u0041
    ";
}
