-- How many visitors followed the links that have a limit of clicks. Apart from the links, because a change here is none
-- that any cache has to hear of.

CREATE TABLE link_allowance (
    link_id bigint PRIMARY KEY REFERENCES link ON DELETE CASCADE,
    taken bigint NOT NULL CHECK (taken >= 0)
);
