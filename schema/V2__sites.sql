-- Sites: pages whose visits are tracked. A change is announced as `site <id>`.

CREATE TABLE site (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace_id bigint NOT NULL REFERENCES workspace,
    name text NOT NULL,
    -- Lower case letters, digits and dashes; part of the address of the site's own links.
    slug text NOT NULL CHECK (slug ~ '^[a-z0-9-]{1,63}$'),
    -- Hosts whose pages may report events: `example.com` (with `www.`), `*.example.com` for all below it.
    hosts text[] NOT NULL CHECK (cardinality(hosts) BETWEEN 1 AND 100),
    settings jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    -- Its events stay until they are erased, so its row stays too.
    removed_at timestamptz,
    UNIQUE (workspace_id, id)
);
CREATE UNIQUE INDEX site_slug ON site (slug) WHERE removed_at IS NULL;
CREATE INDEX site_workspace ON site (workspace_id) WHERE removed_at IS NULL;

CREATE FUNCTION linktrail_tell_site() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('linktrail', 'site ' || coalesce(NEW.id, OLD.id));
    RETURN NULL;
END $$;
CREATE TRIGGER site_changed AFTER INSERT OR UPDATE OR DELETE ON site
    FOR EACH ROW EXECUTE FUNCTION linktrail_tell_site();
