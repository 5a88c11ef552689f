-- A short domain that is still to be proven answers no visits and takes no links. Those that are there were taken on trust.

ALTER TABLE domain ADD COLUMN verified_at timestamptz DEFAULT now();
UPDATE domain SET verified_at = created_at;
