-- Who owns what: workspaces, people, keys, short domains and links. Events are in ClickHouse.
--
-- Every write that a cache may hold is announced on the channel `linktrail`, by trigger, so that whoever writes (this
-- program on any node, or a person with psql) is heard by all nodes. Payloads, all far below the limit of 8,000 bytes:
--   link <domain id> <slug key> | domain | workspace <id> | key

-- Random bytes made once for the whole installation.
CREATE TABLE installation_secret (
    name text PRIMARY KEY,
    value bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Who records events. A number is part of every event's identity, so rows are never deleted and numbers never reused.
CREATE TABLE node (
    number integer PRIMARY KEY CHECK (number BETWEEN 1 AND 65535),
    token text NOT NULL CONSTRAINT node_token UNIQUE,
    registered_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE workspace (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    settings jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    -- Its events stay until they are erased, so its row stays too.
    removed_at timestamptz
);

CREATE TABLE app_user (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text NOT NULL,
    -- argon2id, in the PHC string format.
    password_hash text NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX app_user_email ON app_user (lower(email));

CREATE TABLE member (
    workspace_id bigint NOT NULL REFERENCES workspace,
    user_id bigint NOT NULL REFERENCES app_user ON DELETE CASCADE,
    role text NOT NULL CHECK (role IN ('viewer', 'member', 'owner')),
    PRIMARY KEY (workspace_id, user_id)
);
CREATE INDEX member_user ON member (user_id);

CREATE TABLE api_key (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES app_user ON DELETE CASCADE,
    -- Null: the key acts in every workspace of its user.
    workspace_id bigint REFERENCES workspace,
    name text NOT NULL,
    -- The first characters, to recognise a key by; far too few to guess the rest.
    prefix text NOT NULL,
    -- SHA-256 of the key; the key itself is never kept.
    hash bytea NOT NULL CONSTRAINT api_key_hash UNIQUE CHECK (octet_length(hash) = 32),
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz,
    expires_at timestamptz,
    revoked_at timestamptz
);
CREATE INDEX api_key_user ON api_key (user_id);
CREATE INDEX api_key_workspace ON api_key (workspace_id);

CREATE TABLE domain (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace_id bigint NOT NULL REFERENCES workspace,
    -- Lower case, without `www.` and without a port.
    name text NOT NULL,
    case_sensitive boolean NOT NULL DEFAULT false,
    is_primary boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL,
    -- Deleted links still name their domain, so its row stays.
    removed_at timestamptz,
    UNIQUE (workspace_id, id)
);
CREATE UNIQUE INDEX domain_name ON domain (name) WHERE removed_at IS NULL;
CREATE UNIQUE INDEX domain_primary ON domain (workspace_id) WHERE is_primary AND removed_at IS NULL;

CREATE TABLE folder (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace_id bigint NOT NULL REFERENCES workspace,
    name text NOT NULL,
    created_at timestamptz NOT NULL,
    UNIQUE (workspace_id, id)
);
CREATE UNIQUE INDEX folder_name ON folder (workspace_id, lower(name));

CREATE TABLE tag (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace_id bigint NOT NULL REFERENCES workspace,
    name text NOT NULL,
    color text NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX tag_name ON tag (workspace_id, lower(name));

-- What is looked up, filtered or sorted has a column; everything else that can be written of a link is in `options`.
CREATE TABLE link (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace_id bigint NOT NULL REFERENCES workspace,
    domain_id bigint NOT NULL,
    created_by bigint REFERENCES app_user ON DELETE SET NULL,
    slug text NOT NULL,
    -- The slug as it is looked up: lower case unless the domain tells cases apart. Made by the program, whose idea of
    -- lower case is not Postgres's.
    slug_key text NOT NULL CHECK (octet_length(slug_key) <= 2000),
    url text NOT NULL,
    title text,
    archived boolean NOT NULL DEFAULT false,
    folder_id bigint,
    -- Every id is a tag of the same workspace; removing a tag removes it here in the same transaction.
    tag_ids bigint[] NOT NULL DEFAULT '{}',
    external_id text,
    tenant_id text,
    program_id text,
    partner_id text,
    group_id text,
    options jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    -- A deleted link frees its slug and keeps its row, because its clicks stay.
    deleted_at timestamptz,
    CONSTRAINT link_domain FOREIGN KEY (workspace_id, domain_id) REFERENCES domain (workspace_id, id),
    CONSTRAINT link_folder FOREIGN KEY (workspace_id, folder_id) REFERENCES folder (workspace_id, id)
        ON DELETE SET NULL (folder_id)
);
CREATE UNIQUE INDEX link_slug ON link (domain_id, slug_key) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX link_external_id ON link (workspace_id, external_id)
    WHERE deleted_at IS NULL AND external_id IS NOT NULL;
CREATE INDEX link_newest ON link (workspace_id, created_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX link_in_folder ON link (workspace_id, folder_id, created_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX link_on_domain ON link (workspace_id, domain_id, created_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX link_tenant ON link (workspace_id, tenant_id) WHERE tenant_id IS NOT NULL;
CREATE INDEX link_partner ON link (workspace_id, partner_id) WHERE partner_id IS NOT NULL;
CREATE INDEX link_tags ON link USING gin (tag_ids);

CREATE FUNCTION linktrail_tell_link() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM pg_notify('linktrail', 'link ' || OLD.domain_id || ' ' || OLD.slug_key);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM pg_notify('linktrail', 'link ' || NEW.domain_id || ' ' || NEW.slug_key);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER link_added_or_gone AFTER INSERT OR DELETE ON link
    FOR EACH ROW EXECUTE FUNCTION linktrail_tell_link();
CREATE TRIGGER link_changed AFTER UPDATE ON link
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION linktrail_tell_link();

CREATE FUNCTION linktrail_tell_workspace() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('linktrail', 'workspace ' || NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER workspace_changed AFTER INSERT OR UPDATE ON workspace
    FOR EACH ROW EXECUTE FUNCTION linktrail_tell_workspace();

-- The trigger's argument is the payload.
CREATE FUNCTION linktrail_tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('linktrail', TG_ARGV[0]);
    RETURN NULL;
END $$;
CREATE TRIGGER domain_changed AFTER INSERT OR UPDATE OR DELETE ON domain
    FOR EACH STATEMENT EXECUTE FUNCTION linktrail_tell('domain');
-- A new key is in no cache, and the time of last use is no change.
CREATE TRIGGER key_changed
    AFTER DELETE OR UPDATE OF user_id, workspace_id, hash, scopes, expires_at, revoked_at ON api_key
    FOR EACH STATEMENT EXECUTE FUNCTION linktrail_tell('key');
CREATE TRIGGER member_changed AFTER INSERT OR UPDATE OR DELETE ON member
    FOR EACH STATEMENT EXECUTE FUNCTION linktrail_tell('key');
