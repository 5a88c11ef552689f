-- People who are signed in, and people who were asked to join.

CREATE TABLE sign_in (
    -- SHA-256 of what the cookie holds.
    hash bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
    user_id bigint NOT NULL REFERENCES app_user ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX sign_in_user ON sign_in (user_id);
CREATE INDEX sign_in_expires ON sign_in (expires_at);
CREATE TRIGGER sign_in_gone AFTER DELETE ON sign_in
    FOR EACH STATEMENT EXECUTE FUNCTION linktrail_tell('key');

CREATE TABLE invitation (
    -- SHA-256 of the code in the invitation's address.
    hash bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
    workspace_id bigint NOT NULL REFERENCES workspace,
    email text NOT NULL,
    role text NOT NULL CHECK (role IN ('viewer', 'member', 'owner')),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX invitation_email ON invitation (workspace_id, lower(email));
