"""How the bytes come: compressed or not, in part, or only their length."""

import gzip
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.error import HTTPError

import duckdb

from _world import Case, SEPARATORS, fetch, main, with_duckdb, with_pandas

RANGE = {"start": "2020-01-01", "end": "2026-11-03"}
PATHS = ["clicks", "clicks/counters/isp"]
WAYS = [
    (path, format, pivot)
    for path in PATHS
    for format in [*SEPARATORS, "json"]
    for pivot in ["", "link_id"]
    if path == "clicks" or not pivot
]


class Transport(Case):
    def test_head_tells_of_what_get_sends(self):
        for path, format, pivot in WAYS:
            with self.subTest(path=path, format=format, pivot=pivot):
                query = {"format": format, "pivot": pivot, **RANGE}
                get = fetch(path, **query)
                head = fetch(path, method="HEAD", **query)
                self.assertEqual((head.status, head.body), (200, b""))
                self.assertEqual(int(head.headers["content-length"]), len(get.body))
                for name in ["content-type", "content-length", "content-disposition"]:
                    self.assertEqual(head.headers[name], get.headers[name], name)

    def test_a_part_is_right_or_the_whole(self):
        for path, format, pivot in WAYS:
            whole = fetch(path, format=format, pivot=pivot, **RANGE).body
            last = len(whole) - 1
            for wanted, first, end in [
                ("bytes=0-9", 0, 10),
                (f"bytes=0-{last}", 0, last + 1),
                ("bytes=5-", 5, last + 1),
                ("bytes=-7", last - 6, last + 1),
            ]:
                with self.subTest(path=path, format=format, pivot=pivot, range=wanted):
                    answer = fetch(path, format=format, pivot=pivot, headers={"Range": wanted}, **RANGE)
                    if answer.status == 206:
                        self.assertEqual(answer.body, whole[first:end])
                        self.assertEqual(answer.headers["content-range"], f"bytes {first}-{end - 1}/{len(whole)}")
                    else:
                        self.assertEqual((answer.status, answer.body), (200, whole))

    def test_gzip(self):
        for path in PATHS:
            with self.subTest(path=path):
                plain = fetch(path, format="csv", **RANGE).body
                packed = fetch(path, format="csv", headers={"Accept-Encoding": "gzip"}, **RANGE)
                self.assertEqual(packed.headers["content-encoding"], "gzip")
                self.assertEqual(gzip.decompress(packed.body), plain)
                # pandas unpacks what says of itself that it is packed.
                self.assertTrue(
                    with_pandas(path, **RANGE).equals(with_pandas(path, headers={"Accept-Encoding": "gzip"}, **RANGE))
                )

    def test_zstd(self):
        for path in PATHS:
            with self.subTest(path=path), TemporaryDirectory() as folder:
                plain, packed = Path(folder, "plain.csv"), Path(folder, "packed.csv.zst")
                plain.write_bytes(fetch(path, format="csv", **RANGE).body)
                answer = fetch(path, format="csv", headers={"Accept-Encoding": "zstd"}, **RANGE)
                self.assertEqual(answer.headers["content-encoding"], "zstd")
                self.assertEqual(answer.body[:4], b"\x28\xb5\x2f\xfd")
                packed.write_bytes(answer.body)
                rows = [duckdb.read_csv(str(file)).fetchall() for file in (plain, packed)]
                self.assertTrue(rows[0])
                self.assertEqual(rows[0], rows[1])

    def test_duckdb_with_and_without_compression(self):
        plain = with_duckdb("clicks", headers={"Accept-Encoding": "identity"}, **RANGE)
        packed = with_duckdb("clicks", headers={"Accept-Encoding": "gzip"}, **RANGE)
        self.assertEqual((len(plain.rows), plain.columns, plain.rows), (2499, packed.columns, packed.rows))

    def test_a_refusal_is_an_error_and_no_table(self):
        with self.assertRaises(HTTPError) as caught:
            with_pandas("clicks", timezone="Nowhere")
        self.assertEqual(caught.exception.code, 400)
        caught.exception.close()
        with self.assertRaises(duckdb.Error):
            with_duckdb("clicks", timezone="Nowhere")


if __name__ == "__main__":
    main()
