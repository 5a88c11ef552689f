-- Pixels that a workspace keeps under a name, to put them on links. A link has the id itself, not the pixel.

CREATE TABLE pixel (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace_id bigint NOT NULL REFERENCES workspace,
    name text NOT NULL,
    -- As `domain/pixel.rs` names networks.
    network text NOT NULL,
    -- The id that the network gave it.
    code text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX pixel_name ON pixel (workspace_id, lower(name));
