-- A link of a site lives at `l/<site>/<slug>` on the public address, whichever workspace's domain that is.

ALTER TABLE link
    ADD COLUMN site_id bigint,
    ADD CONSTRAINT link_site FOREIGN KEY (workspace_id, site_id) REFERENCES site (workspace_id, id),
    DROP CONSTRAINT link_domain,
    ADD CONSTRAINT link_domain FOREIGN KEY (domain_id) REFERENCES domain (id);
UPDATE link SET options = options - 'site', site_id = (
    SELECT site.id FROM site WHERE site.workspace_id = link.workspace_id AND site.id = (options ->> 'site')::bigint)
WHERE options ? 'site';
CREATE INDEX link_of_site ON link (workspace_id, site_id, created_at DESC, id DESC)
    WHERE deleted_at IS NULL AND site_id IS NOT NULL;
