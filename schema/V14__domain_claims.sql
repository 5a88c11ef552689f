-- A name is one workspace's once that is proven; until then several may claim it, each once.

DROP INDEX domain_name;
CREATE UNIQUE INDEX domain_name ON domain (name) WHERE removed_at IS NULL AND verified_at IS NOT NULL;
CREATE UNIQUE INDEX domain_claim ON domain (workspace_id, name) WHERE removed_at IS NULL;
