# What can be done here; `make` alone lists it. Engines are fetched into .engines once and outlive `make clean`.

# Flags for the program: make run ARGS='--listen 0.0.0.0:8080'
ARGS ?=
# Flags for the tests' program: make test TESTS='engines --nocapture'
TESTS ?=
# What to measure, and how: make bench BENCH='redirects --quick'
BENCH ?=

# With servers of your own there is nothing to fetch.
ifeq ($(and $(DATABASE_URL),$(CLICKHOUSE_URL)),)
STORES := engines city-if-possible
endif

# The tests bring their own stores and must not touch yours.
OWN_STORES := env -u DATABASE_URL -u CLICKHOUSE_URL -u CLICKHOUSE_READER_URL

.PHONY: help run build test browser sdk readers lint bench bench-parts engines city city-if-possible corpora crawlers readers-if-possible tools clean

help:
	@echo 'make run     fetch the engines once, build, serve on http://127.0.0.1:8080 (ARGS=... for flags)'
	@echo 'make build   build target/release/linktrail'
	@echo 'make test    all tests, against engines of their own (TESTS=... to choose)'
	@echo 'make browser install chromium for the tests of the tracker, where apt-get can (make test does it)'
	@echo "make sdk     fetch Dub's own clients, which the tests drive a server with (6 MB; make test does it)"
	@echo 'make readers fetch pandas and DuckDB, which the tests read answers with (55 MB; make test does it)'
	@echo 'make lint    formatting, clippy and documentation without warnings'
	@echo "make bench   speed beside yardsticks, in one table (BENCH='redirects --quick' to choose; BENCH=--help)"
	@echo 'make bench-parts  parts of the hot paths by themselves, without a server'
	@echo 'make engines fetch ClickHouse, Postgres and the country data into .engines (209 MB)'
	@echo 'make city    fetch the city data into .engines/city (64 MB)'
	@echo 'make corpora fetch user agents that the tests measure recognition by (0.4 MB)'
	@echo 'make crawlers  write the table of crawlers anew, from the corpora'
	@echo 'make clean   remove what was built; engines and data stay'
	@echo
	@echo 'Needed: Rust (https://rustup.rs), a C compiler, and npm to fetch the engines.'
	@echo 'With DATABASE_URL and CLICKHOUSE_URL set, make run uses those servers and fetches nothing.'

run: build $(STORES)
	@exec target/release/linktrail serve $(ARGS)

build: tools
	cargo build --release --locked

test: tools engines corpora browser sdk readers
	$(OWN_STORES) cargo test --locked -- $(TESTS)

lint: tools
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps --document-private-items

bench: tools engines city-if-possible readers-if-possible
	$(OWN_STORES) cargo bench --locked --bench suite -- $(BENCH)

bench-parts: tools
	cargo bench --locked --bench smoke

engines:
	@.engines/fetch engines

city:
	@.engines/fetch city

city-if-possible:
	@.engines/fetch city || echo 'going on without city data' >&2

corpora:
	@.engines/fetch corpora

crawlers: corpora
	node tests/corpora/crawlers.mjs >src/enrich/bot/crawlers.txt.new
	mv src/enrich/bot/crawlers.txt.new src/enrich/bot/crawlers.txt

# $(call from_apt,CHECK,WHAT,PACKAGES): unless the check passes, installs Debian's packages, or says that WHAT is missing.
define from_apt
@if $(1); then :; \
	elif command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(3) >/dev/null; \
	else echo '$(2) missing: install them (Debian: apt-get install $(3))' >&2; exit 1; fi
endef

# The tracker is tested in a real browser: Debian's chromium, driven by its chromedriver.
browser:
	$(call from_apt,command -v chromedriver >/dev/null && { command -v chromium || command -v google-chrome; } >/dev/null,chromium and chromedriver are,chromium chromium-driver)

# Dub's API is tested with Dub's own clients.
sdk:
	$(call from_apt,python3 -c 'import ensurepip' 2>/dev/null,python3 and its venv are,python3 python3-venv)
	@.engines/fetch sdk

# Answers are read with pandas and DuckDB.
readers:
	$(call from_apt,python3 -c 'import ensurepip' 2>/dev/null,python3 and its venv are,python3 python3-venv)
	@.engines/fetch readers

# DuckDB is measured where it is.
readers-if-possible:
	@.engines/fetch readers || echo 'going on without DuckDB' >&2

tools:
	@command -v cargo >/dev/null || { echo 'cargo is missing: install Rust from https://rustup.rs' >&2; exit 1; }
	@command -v cc >/dev/null || { echo 'cc is missing: install a C compiler (Debian and Ubuntu: apt-get install gcc libc6-dev)' >&2; exit 1; }

clean: tools
	cargo clean
