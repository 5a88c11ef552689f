-- What folders are for, and when they changed last.

ALTER TABLE folder
    ADD COLUMN description text,
    ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now();
UPDATE folder SET updated_at = created_at;
