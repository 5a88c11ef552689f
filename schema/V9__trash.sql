-- Links in the trash: visits do not find them, lists leave them out, and they can come back. Their slug stays taken until
-- they are deleted for good.

ALTER TABLE link ADD COLUMN trashed_at timestamptz;
CREATE INDEX link_trashed ON link (workspace_id, trashed_at) WHERE deleted_at IS NULL AND trashed_at IS NOT NULL;
