//! The spool on real files, with its thread.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::model::ModelDisk;
use super::{Observer, Options, Reader, Spool, SpoolError, Status, SyncPolicy};

fn options(folder: &Path) -> Options {
    Options { segment_bytes: 64 << 10, ..Options::new(folder) }
}

/// Waits for the reader to find something.
async fn read_all(spool: &Spool, reader: &mut Reader) -> Vec<(u64, Vec<u8>)> {
    spool.settled().await;
    let batch = reader.read(usize::MAX, usize::MAX).unwrap();
    assert!(batch.damage.is_empty());
    batch.iter().map(|(sequence, payload)| (sequence, payload.to_vec())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_share_syncs_and_everything_is_read_after_a_restart() {
    #[derive(Default)]
    struct Count(AtomicU64, AtomicU64);
    impl Observer for Count {
        fn synced(&self, _: Duration, records: u64) {
            self.0.fetch_add(1, Ordering::Relaxed);
            self.1.fetch_add(records, Ordering::Relaxed);
        }
        fn failed(&self, _: u64) {}
    }
    let temp = tempfile::tempdir().unwrap();
    let count = Arc::new(Count::default());
    let (spool, reader) = Spool::open(Options { observer: Some(count.clone()), ..options(temp.path()) }).unwrap();
    let tasks: Vec<_> = (0..64)
        .map(|task| {
            let spool = spool.clone();
            tokio::spawn(async move {
                let mut given = vec![];
                for number in 0..20 {
                    let payload = format!("{task}/{number} {}", "x".repeat(100)).into_bytes();
                    let pending = spool.append(&payload).unwrap();
                    pending.synced().await.unwrap();
                    assert!(spool.synced_through() >= pending.sequence());
                    given.push((pending.sequence(), payload));
                }
                given
            })
        })
        .collect();
    let mut given = vec![];
    for task in tasks {
        given.extend(task.await.unwrap());
    }
    given.sort();
    let rounds = count.0.load(Ordering::Relaxed);
    assert_eq!(count.1.load(Ordering::Relaxed), 64 * 20);
    assert!(rounds < 64 * 20, "{rounds} syncs for {} appends", given.len());
    assert_eq!(spool.stats().pending_records, 64 * 20);

    // While it is open: nobody else opens it, anybody looks at it.
    assert!(matches!(Spool::open(options(temp.path())), Err(SpoolError::Locked)));
    let status = Status::read(temp.path()).unwrap();
    assert_eq!((status.pending_records, status.oldest_sequence), (64 * 20, Some(1)));
    assert!(status.segments > 1);

    drop((spool, reader));
    let (spool, mut reader) = Spool::open(options(temp.path())).unwrap();
    assert_eq!(read_all(&spool, &mut reader).await, given);
    spool.advance(given.last().unwrap().0, None).unwrap();
    let next = spool.append(b"next").unwrap().sequence();
    assert_eq!(next, given.last().unwrap().0 + 1, "an orderly end leaves no gap");
    spool.close();
    assert!(matches!(spool.append(b"late"), Err(SpoolError::Closed)));
    spool.settled().await;
    let status = Status::read(temp.path()).unwrap();
    assert_eq!((status.pending_records, status.segments, status.next_sequence), (1, 1, next + 1));
    spool.advance(next, None).unwrap();
    assert_eq!(Status::read(temp.path()).unwrap().segments, 0);
}

#[tokio::test]
async fn full_is_refused_and_recovers() {
    let temp = tempfile::tempdir().unwrap();
    let (spool, mut reader) = Spool::open(Options { max_bytes: 40_000, ..options(temp.path()) }).unwrap();
    let payload = [7; 1_000];
    let mut appended = 0;
    let refused = loop {
        match spool.append(&payload) {
            Ok(pending) => pending.synced().await.unwrap(),
            Err(error) => break error,
        }
        appended += 1;
    };
    assert_eq!(refused, SpoolError::Full { limit_bytes: 40_000 });
    assert!((30..40).contains(&appended), "{appended}");

    let waiting = {
        let spool = spool.clone();
        tokio::spawn(async move { spool.append_many_in_time(&[payload]).await.unwrap().synced().await })
    };
    tokio::task::yield_now().await;
    let batch = reader.read(20, usize::MAX).unwrap();
    spool.advance(batch.through, None).unwrap();
    waiting.await.unwrap().unwrap();
    spool.append(&payload).unwrap().synced().await.unwrap();
}

#[tokio::test]
async fn behind_answers_at_once_and_writes_soon() {
    let temp = tempfile::tempdir().unwrap();
    let (spool, mut reader) = Spool::open(Options { sync: SyncPolicy::Behind, ..options(temp.path()) }).unwrap();
    let pending = spool.append(b"one").unwrap();
    pending.synced().await.unwrap();
    pending.durable().await.unwrap();
    assert_eq!(reader.read(9, 9).unwrap().len(), 1);
    let pending = spool.append_many(&[b"two", b"six"]).unwrap();
    assert_eq!((pending.sequence(), pending.last()), (2, 3));
    drop(spool);
    assert_eq!(reader.read(9, 9).unwrap().len(), 2);
}

#[test]
fn sizes_are_refused_by_name() {
    let temp = tempfile::tempdir().unwrap();
    let (spool, _reader) = Spool::open(options(temp.path())).unwrap();
    for (size, right) in [(0, false), (1, true), (65_536, true), (65_537, false)] {
        assert_eq!(spool.append(&vec![0; size]).is_ok(), right, "{size}");
    }
    assert!(matches!(spool.append_many(&vec![vec![0; 65_536]; 600]), Err(SpoolError::Size { .. })));
    assert!(matches!(spool.append_many::<&[u8]>(&[]), Err(SpoolError::Size { bytes: 0 })));
}

#[test]
fn what_is_no_segment_is_kept_and_named() {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("000000000000007.seg"), [b'x'; 500]).unwrap();
    fs::write(temp.path().join("readme"), "mine").unwrap();
    for _ in 0..2 {
        let (spool, mut reader) = Spool::open(options(temp.path())).unwrap();
        assert!(reader.read(9, 99).unwrap().is_empty());
        drop(spool);
        let status = Status::read(temp.path()).unwrap();
        assert_eq!(status.unreadable, ["000000000000007.seg.unreadable"]);
        assert_eq!((status.pending_records, status.pending_bytes, status.oldest_sequence), (0, 0, None));
    }
    assert!(temp.path().join("readme").exists());
}

#[tokio::test]
async fn a_full_disk_is_survived_without_a_restart() {
    let disk = ModelDisk::default();
    disk.limit(Some(0));
    let options = Options { disk: Arc::new(disk.clone()), ..Options::new("spool") };
    // Already full when it starts: not even sequences can be reserved.
    let (spool, mut reader) = Spool::open(options).unwrap();
    assert!(matches!(spool.append(b"early"), Err(SpoolError::Unavailable { .. })));
    disk.limit(None);
    let first = loop {
        match spool.append(b"first") {
            Ok(pending) => break pending,
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    };
    first.synced().await.unwrap();
    for turn in 0_u8..3 {
        disk.limit(Some(disk.used() + 20));
        let lost = spool.append(&[turn; 500]).unwrap();
        assert!(matches!(lost.synced().await, Err(SpoolError::Unavailable { .. })));
        // The checkpoint can be written on a full disk: that is how the drain empties it.
        spool.begin(first.sequence(), first.sequence()).unwrap();
        disk.limit(None);
        spool.append(&[turn; 3]).unwrap().synced().await.unwrap();
    }
    let payloads: Vec<_> = read_all(&spool, &mut reader).await.into_iter().map(|(_, payload)| payload).collect();
    assert_eq!(payloads, [b"first".to_vec(), vec![0; 3], vec![1; 3], vec![2; 3]]);
}

#[tokio::test]
async fn room_ahead_is_no_damage_after_a_kill_and_goes_with_the_end() {
    let (temp, killed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (spool, _reader) = Spool::open(options(temp.path())).unwrap();
    for number in 0..100_u8 {
        spool.append(&[number; 100]).unwrap().synced().await.unwrap();
    }
    let name = "000000000000001.seg";
    for file in [name, "checkpoint"] {
        fs::copy(temp.path().join(file), killed.path().join(file)).unwrap();
    }
    let length = |folder: &Path| fs::metadata(folder.join(name)).unwrap().len();
    let records = 36 + 100 * 116;
    assert!((records + 1..=2 * records).contains(&length(temp.path())), "{}", length(temp.path()));
    spool.close();
    assert_eq!(length(temp.path()), records);

    let (_spool, mut reader) = Spool::open(options(killed.path())).unwrap();
    let batch = reader.read(1_000, usize::MAX).unwrap();
    assert_eq!((batch.len(), &batch.damage), (100, &vec![]));
    assert!(reader.read(1_000, usize::MAX).unwrap().damage.is_empty());
}
