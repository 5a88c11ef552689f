-- How short domains are shown and what they answer where no link does. What is filtered by has a column; the rest is in
-- `options`.

ALTER TABLE domain
    ADD COLUMN archived boolean NOT NULL DEFAULT false,
    ADD COLUMN options jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now();
UPDATE domain SET updated_at = created_at;
