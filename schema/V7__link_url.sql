-- Links are looked up by their destination. It can be longer than a tree takes, and only equality is asked.
CREATE INDEX link_url ON link USING hash (url) WHERE deleted_at IS NULL;
