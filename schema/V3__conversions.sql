-- Who was made known by leads and sales, and which calls were answered already. Leads and sales themselves are events, in
-- ClickHouse; what customers spent is asked of them.

CREATE TABLE customer (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace_id bigint NOT NULL REFERENCES workspace,
    -- The id in the user's own database.
    external_id text NOT NULL,
    name text,
    email text,
    avatar text,
    -- ISO 3166-1 alpha-2 of the first click; null when unknown.
    country text,
    -- The first click and its link. An event's identity uses all 64 bits.
    link_id bigint,
    click_event_id bigint,
    stripe_customer_id text,
    created_at timestamptz NOT NULL,
    UNIQUE (workspace_id, id)
);
CREATE UNIQUE INDEX customer_external_id ON customer (workspace_id, external_id);
CREATE INDEX customer_newest ON customer (workspace_id, created_at DESC, id DESC);
CREATE INDEX customer_email ON customer (workspace_id, lower(email)) WHERE email IS NOT NULL;
CREATE INDEX customer_link ON customer (workspace_id, link_id) WHERE link_id IS NOT NULL;

-- The last lead of each name, from which a sale takes its click and its link.
CREATE TABLE customer_lead (
    workspace_id bigint NOT NULL,
    customer_id bigint NOT NULL,
    name text NOT NULL,
    link_id bigint NOT NULL,
    click_event_id bigint NOT NULL,
    happened_at timestamptz NOT NULL,
    PRIMARY KEY (customer_id, name),
    FOREIGN KEY (workspace_id, customer_id) REFERENCES customer (workspace_id, id) ON DELETE CASCADE
);

-- Calls that name what they report: the same name is reported once. The row is written in the transaction that records
-- the events, so a call that failed leaves none.
CREATE TABLE idempotency (
    workspace_id bigint NOT NULL REFERENCES workspace,
    -- What kind of call: lead, sale, conversion.
    purpose text NOT NULL,
    key text NOT NULL,
    -- What was answered.
    answer jsonb,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, purpose, key)
);
CREATE INDEX idempotency_expires ON idempotency (expires_at);

-- What Linkly's conversions were posted with, newest last: their list shows what events do not hold.
CREATE TABLE linkly_conversion (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace_id bigint NOT NULL REFERENCES workspace,
    fields jsonb NOT NULL,
    inserted_at timestamptz NOT NULL
);
CREATE INDEX linkly_conversion_newest ON linkly_conversion (workspace_id, id DESC);
