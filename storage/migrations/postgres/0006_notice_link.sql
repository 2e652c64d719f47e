-- +goose Up
-- "No fui yo" of one day is no longer the same link as that of another: each ends
-- with its own mails, so a person may have several that live.
CREATE INDEX link_open ON link (afiliado_id, purpose) WHERE used_at = 0 AND replaced_at = 0;
DROP INDEX link_live;
CREATE UNIQUE INDEX link_live ON link (afiliado_id, purpose) WHERE used_at = 0 AND replaced_at = 0 AND purpose <> 'no-fui-yo';
