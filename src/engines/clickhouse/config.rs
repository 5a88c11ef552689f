//! ClickHouse's two configuration files.
//!
//! The users: `writer` and `reader` have what the README asks for on a server of one's own, and no more, so that every
//! test also proves those grants sufficient. `default` must exist without a password, because the process itself signs in
//! as it; two statements of its own use up its quota, so that nobody else on this machine gets more from it than constants.
//! Its limits stand in a profile of its own, because ClickHouse lays the profile `default` under that of every user.

use sha2::{Digest, Sha256};

use super::super::DATABASE;
use super::super::data_dir::hex;

/// Seconds; 63 years, near the largest that ClickHouse takes.
const FOREVER: u32 = 2_000_000_000;
/// Bytes of memory for a query of the user without a password.
const OPEN_USER_BYTES: u32 = 64 * 1024 * 1024;
/// Bytes of one parameter of a query: a list of 100,000 ids takes about 1 MB. ClickHouse's default is 128 KiB.
const FIELD_BYTES: u32 = 16 * 1024 * 1024;

/// What differs between installations and starts.
pub(super) struct Settings<'a> {
    pub(super) port: u16,
    pub(super) data: &'a str,
    pub(super) users: &'a str,
    pub(super) error_log: &'a str,
    pub(super) sign: &'a str,
}

/// Names and passwords.
pub(super) struct Users<'a> {
    pub(super) writer: (&'a str, &'a str),
    pub(super) reader: (&'a str, &'a str),
}

/// The server's configuration. Caches grow with use only; they are bounded so that a small machine stays usable. An
/// acknowledged insert is on disk (`fsync_after_insert`, `fsync_part_directory`), which the spool relies on.
pub(super) fn configuration(settings: &Settings<'_>) -> String {
    format!(
        r"<clickhouse>
    <listen_host>127.0.0.1</listen_host>
    <http_port>{port}</http_port>
    <http_server_default_response>{sign}</http_server_default_response>
    <path>{data}/</path>
    <users_config>{users}</users_config>
    <timezone>UTC</timezone>
    <logger>
        <errorlog_level>warning</errorlog_level>
        <errorlog>{error_log}</errorlog>
        <size>10M</size>
        <count>2</count>
    </logger>
    <max_server_memory_usage_to_ram_ratio>0.6</max_server_memory_usage_to_ram_ratio>
    <max_concurrent_queries>100</max_concurrent_queries>
    <max_connections>1024</max_connections>
    <keep_alive_timeout>30</keep_alive_timeout>
    <mark_cache_size>268435456</mark_cache_size>
    <primary_index_cache_size>134217728</primary_index_cache_size>
    <index_mark_cache_size>67108864</index_mark_cache_size>
    <merge_tree>
        <fsync_after_insert>1</fsync_after_insert>
        <fsync_part_directory>1</fsync_part_directory>
    </merge_tree>
</clickhouse>
",
        port = settings.port,
        sign = escape(settings.sign),
        data = escape(settings.data),
        users = escape(settings.users),
        error_log = escape(settings.error_log),
    )
}

/// The users file: who may do what. It holds hashes of the passwords, which are too random to be guessed from them.
pub(super) fn users(users: &Users<'_>) -> String {
    let (writer, writer_password) = users.writer;
    let (reader, reader_password) = users.reader;
    format!(
        r"<clickhouse>
    <profiles>
        <default>
            <http_max_field_value_size>{FIELD_BYTES}</http_max_field_value_size>
        </default>
        <open>
            <max_memory_usage>{OPEN_USER_BYTES}</max_memory_usage>
        </open>
        <writer>
            <async_insert>0</async_insert>
            <http_max_field_value_size>{FIELD_BYTES}</http_max_field_value_size>
        </writer>
        <reader>
            <readonly>2</readonly>
            <http_max_field_value_size>{FIELD_BYTES}</http_max_field_value_size>
        </reader>
    </profiles>
    <quotas>
        <default/>
        <own_start><interval><duration>{FOREVER}</duration><queries>2</queries></interval></own_start>
    </quotas>
    <users>
        <default>
            <password></password>
            <networks><ip>127.0.0.1</ip></networks>
            <profile>open</profile>
            <quota>own_start</quota>
            <grants>
                <query>GRANT SYSTEM LISTEN ON *.*</query>
                <query>GRANT SELECT ON system.numbers</query>
            </grants>
        </default>
        <{writer}>
            <password_sha256_hex>{writer_hash}</password_sha256_hex>
            <networks><ip>127.0.0.1</ip></networks>
            <profile>writer</profile>
            <quota>default</quota>
            <grants>
                <query>GRANT ALL ON {DATABASE}.*</query>
                <query>GRANT ALL ON {DATABASE}_*.*</query>
                <query>GRANT TABLE ENGINE ON *</query>
                <query>GRANT KILL QUERY, CLUSTER ON *.*</query>
                <query>GRANT SELECT ON system.processes</query>
                <query>GRANT SELECT ON system.mutations</query>
            </grants>
        </{writer}>
        <{reader}>
            <password_sha256_hex>{reader_hash}</password_sha256_hex>
            <networks><ip>127.0.0.1</ip></networks>
            <profile>reader</profile>
            <quota>default</quota>
            <grants>
                <query>GRANT SELECT ON {DATABASE}.*</query>
                <query>GRANT SELECT ON {DATABASE}_*.*</query>
            </grants>
        </{reader}>
    </users>
</clickhouse>
",
        writer_hash = hex(&Sha256::digest(writer_password.as_bytes())),
        reader_hash = hex(&Sha256::digest(reader_password.as_bytes())),
    )
}

/// Text as the content of an XML element.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_may_have_any_name() {
        let settings = Settings { port: 20_001, data: "/a & b/<c>/it's", users: "/u", error_log: "/e", sign: "abc" };
        let text = configuration(&settings);
        assert!(text.contains("<path>/a &amp; b/&lt;c&gt;/it's/</path>"), "{text}");
        assert!(text.contains("<http_port>20001</http_port>"));
    }

    #[test]
    fn limits_of_the_open_user_are_nobody_elses() {
        let text = users(&Users { writer: ("writer", "w"), reader: ("reader", "r") });
        let (profiles, accounts) = text.split_once("</profiles>").unwrap();
        let (_, limited) = profiles.split_once("<open>").unwrap();
        let (limits, others) = limited.split_once("</open>").unwrap();
        assert!(limits.contains("max_memory_usage"));
        assert!(!others.contains("max_memory_usage") && text.matches("max_memory_usage>").count() == 2, "{text}");
        assert_eq!(accounts.matches("<profile>open</profile>").count(), 1);
    }

    #[test]
    fn passwords_are_not_in_the_users_file() {
        let text = users(&Users { writer: ("writer", "first-secret"), reader: ("reader", "second-secret") });
        assert!(!text.contains("secret<") && !text.contains("first-secret") && !text.contains("second-secret"));
        // printf first-secret | sha256sum
        assert!(text.contains(&hex(&Sha256::digest(b"first-secret"))));
    }
}
