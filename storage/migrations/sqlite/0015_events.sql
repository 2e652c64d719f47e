-- +goose Up
-- The security events that an application receives, each between spaces; '': none.
-- They stand in metadata too: here the effect finds them.
ALTER TABLE client ADD COLUMN events TEXT NOT NULL DEFAULT '';

-- A security event (RFC 8417) that an application is to be told of. Replicas of
-- before know only logout_delivery, so that none of them takes one for a logout.
CREATE TABLE event_delivery (
	id           TEXT PRIMARY KEY,
	client_id    TEXT NOT NULL,
	afiliado_id  TEXT NOT NULL,
	sid          TEXT NOT NULL,
	event        TEXT NOT NULL,
	cause        TEXT NOT NULL,
	state        TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'refused', 'failed', 'cancelled')),
	attempts     INTEGER NOT NULL DEFAULT 0,
	next_at      BIGINT NOT NULL,
	leased_until BIGINT NOT NULL DEFAULT 0,
	lease        TEXT NOT NULL DEFAULT '',
	created_at   BIGINT NOT NULL,
	done_at      BIGINT NOT NULL DEFAULT 0,
	last_error   TEXT NOT NULL DEFAULT ''
);
CREATE INDEX event_delivery_due ON event_delivery (client_id, next_at) WHERE state = 'pending';
CREATE INDEX event_delivery_order ON event_delivery (client_id, afiliado_id, created_at) WHERE state = 'pending';
CREATE INDEX event_delivery_client ON event_delivery (client_id, created_at);
CREATE INDEX event_delivery_done ON event_delivery (done_at);
