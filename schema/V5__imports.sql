-- Imports of event files, each known by its node number: how far it has come, so that one that was interrupted goes on
-- there, and one that is finished is not done again.
CREATE TABLE import (
    node integer PRIMARY KEY REFERENCES node,
    workspace_id bigint NOT NULL REFERENCES workspace,
    -- For people; the file itself is known by the node's token.
    file text NOT NULL,
    began_at timestamptz NOT NULL,
    -- All rows up to this line are stored or rejected.
    through bigint NOT NULL DEFAULT 0,
    stored bigint NOT NULL DEFAULT 0,
    rejected bigint NOT NULL DEFAULT 0,
    -- Length of the rejects file with the rejected rows up to that line.
    rejects_bytes bigint NOT NULL DEFAULT 0,
    finished_at timestamptz
);
CREATE INDEX import_workspace ON import (workspace_id);
