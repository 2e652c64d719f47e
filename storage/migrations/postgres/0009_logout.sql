-- +goose Up
-- Where an application is told that a session has ended; '': nowhere. It stands in
-- metadata too: here the end of a session finds it.
ALTER TABLE client ADD COLUMN backchannel_logout_uri TEXT NOT NULL DEFAULT '';

-- An application to be told that a session it had entered has ended (OpenID Connect
-- Back-Channel Logout 1.0). It outlives the session's own row.
CREATE TABLE logout_delivery (
	sid          TEXT PRIMARY KEY,
	client_id    TEXT NOT NULL,
	session_id   TEXT NOT NULL,
	afiliado_id  TEXT NOT NULL,
	state        TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'refused', 'failed', 'cancelled')),
	attempts     INTEGER NOT NULL DEFAULT 0,
	next_at      BIGINT NOT NULL,
	leased_until BIGINT NOT NULL DEFAULT 0,
	lease        TEXT NOT NULL DEFAULT '',
	created_at   BIGINT NOT NULL,
	done_at      BIGINT NOT NULL DEFAULT 0,
	last_error   TEXT NOT NULL DEFAULT ''
);
CREATE INDEX logout_delivery_due ON logout_delivery (client_id, next_at) WHERE state = 'pending';
CREATE INDEX logout_delivery_client ON logout_delivery (client_id, created_at);
CREATE INDEX logout_delivery_done ON logout_delivery (done_at);
