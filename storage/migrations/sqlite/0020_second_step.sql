-- +goose Up
-- In which browser an authenticator application is being set up: nobody else is
-- shown its secret.
ALTER TABLE totp ADD COLUMN browser_hash TEXT NOT NULL DEFAULT '';
CREATE INDEX totp_removed ON totp (removed_at) WHERE removed_at > 0;
CREATE INDEX totp_begun ON totp (created_at) WHERE confirmed_at = 0;

-- Somebody may be asked for a second step in several browsers at once.
DROP INDEX link_live;
CREATE UNIQUE INDEX link_live ON link (afiliado_id, purpose)
	WHERE used_at = 0 AND replaced_at = 0 AND purpose NOT IN ('no-fui-yo', 'segundo-paso', 'segundo-sesion');
