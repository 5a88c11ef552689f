//! Statements whose answer never came are ended before their batch is looked up.

use std::time::Duration;

use linktrail::warehouse::batch::statement_prefix;

use crate::world;

#[tokio::test]
async fn what_a_node_left_running_is_ended_and_nothing_else() {
    let urls = world::clickhouse("doubt").await;
    let warehouse = world::warehouse_at(&urls);
    warehouse.migrate().await.unwrap();
    let run = |id: &'static str, seconds: u64| {
        let client = world::clickhouse_client(&urls.writer);
        tokio::spawn(async move {
            let text = format!(
                "SELECT sleepEachRow(0.5) FROM numbers({}) SETTINGS max_block_size = 1 FORMAT Null",
                seconds * 2
            );
            client.query(&text).with_setting("query_id", id).execute().await
        })
    };
    let left = run("linktrail_test_doubt.lt-7-1-50-202611.0", 600);
    let of_another_node = run("linktrail_test_doubt.lt-77-1-50-202611.0", 4);
    let of_another_installation = run("linktrail_test_other.lt-7-1-50-202611.0", 4);
    tokio::time::sleep(Duration::from_millis(800)).await;
    warehouse.end_statements(&statement_prefix(7)).await.unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(30), left).await.unwrap().unwrap();
    assert!(ended.unwrap_err().to_string().contains("Code: 394"));
    of_another_node.await.unwrap().unwrap();
    of_another_installation.await.unwrap().unwrap();
}
