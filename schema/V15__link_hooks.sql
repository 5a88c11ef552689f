-- Links that name addresses which are told of their clicks: few, and read as a whole by those who tell.

CREATE INDEX link_hooks ON link (id) WHERE options ? 'webhook_urls' AND deleted_at IS NULL;
