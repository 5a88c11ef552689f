-- Who is told of what happens, and what is still to be told.
--
-- Payload of a notification on `linktrail`: webhook

CREATE TABLE webhook (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace_id bigint NOT NULL REFERENCES workspace,
    -- Null: every link of the workspace.
    link_id bigint REFERENCES link,
    flavour text NOT NULL CHECK (flavour IN ('dub', 'linkly')),
    name text NOT NULL,
    url text NOT NULL CHECK (octet_length(url) <= 2048),
    -- Kept as it is: every delivery is signed with it.
    secret text NOT NULL,
    -- After a rotation: the one before, and until when it signs beside the new one.
    old_secret text,
    old_secret_until timestamptz,
    events text[] NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    disabled_at timestamptz,
    disabled_reason text,
    -- Failed attempts since the last success, and until when the endpoint is left alone after one.
    failures integer NOT NULL DEFAULT 0,
    resting_until timestamptz
);
CREATE INDEX webhook_workspace ON webhook (workspace_id, id);
-- A subscription of Linkly's is named by its address.
CREATE UNIQUE INDEX webhook_subscription ON webhook (workspace_id, coalesce(link_id, 0), md5(url))
    WHERE flavour = 'linkly';

CREATE TRIGGER webhook_changed
    AFTER INSERT OR DELETE OR UPDATE OF url, secret, old_secret, events, disabled_at ON webhook
    FOR EACH STATEMENT EXECUTE FUNCTION linktrail_tell('webhook');

-- Written in the transaction that makes it true; taken out in the one that writes the deliveries.
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace_id bigint NOT NULL REFERENCES workspace,
    link_id bigint NOT NULL,
    event text NOT NULL,
    -- The link as it was then, or what came of it.
    body jsonb NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE delivery (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    webhook_id bigint NOT NULL REFERENCES webhook ON DELETE CASCADE,
    -- The same at every try.
    event_id text NOT NULL,
    event text NOT NULL,
    -- The body to the byte.
    payload text NOT NULL,
    status text NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'delivered', 'failed')),
    attempts integer NOT NULL DEFAULT 0,
    last_status integer,
    last_error text,
    last_attempt_at timestamptz,
    -- Null: nothing more is tried. While an attempt is under way: when another node may take it for lost.
    next_attempt_at timestamptz,
    created_at timestamptz NOT NULL,
    CONSTRAINT delivery_once UNIQUE (webhook_id, event_id)
);
CREATE INDEX delivery_due ON delivery (webhook_id, next_attempt_at) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX delivery_done ON delivery (created_at) WHERE next_attempt_at IS NULL;
CREATE INDEX delivery_newest ON delivery (webhook_id, id DESC);
