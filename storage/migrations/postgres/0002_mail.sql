-- +goose Up
-- Messages to people, the links in them, and addresses that take none.

-- One thing to send, written in the transaction of its effect. Recipient and data
-- are sealed, and gone once nothing is left to send.
CREATE TABLE outbox (
	id            TEXT PRIMARY KEY,
	kind          TEXT NOT NULL CHECK (kind IN ('mail')),
	afiliado_id   TEXT NOT NULL,
	template      TEXT NOT NULL,
	recipient     BYTEA,
	recipient_mac BYTEA NOT NULL,
	locale        TEXT NOT NULL,
	data          BYTEA,
	link_id       TEXT NOT NULL,
	priority      INTEGER NOT NULL,
	state         TEXT NOT NULL CHECK (state IN ('pending', 'sent', 'failed', 'suppressed', 'expired', 'merged')),
	attempts      INTEGER NOT NULL DEFAULT 0,
	next_at       BIGINT NOT NULL,
	leased_until  BIGINT NOT NULL DEFAULT 0,
	lease         TEXT NOT NULL DEFAULT '',
	composed_at   BIGINT NOT NULL DEFAULT 0,
	created_at    BIGINT NOT NULL,
	expires_at    BIGINT NOT NULL DEFAULT 0,
	done_at       BIGINT NOT NULL DEFAULT 0,
	last_error    TEXT NOT NULL DEFAULT '',
	hash          TEXT NOT NULL DEFAULT '',
	CHECK ((state = 'pending') = (done_at = 0))
);
CREATE INDEX outbox_due ON outbox (priority, next_at) WHERE state = 'pending';
CREATE INDEX outbox_lease ON outbox (lease) WHERE lease <> '';
CREATE INDEX outbox_afiliado ON outbox (afiliado_id, created_at);
CREATE INDEX outbox_recipient ON outbox (recipient_mac, created_at);
CREATE INDEX outbox_done ON outbox (done_at) WHERE done_at > 0;

-- A link in a mail. Its token is derived from its id with a key that is not here.
CREATE TABLE link (
	id           TEXT PRIMARY KEY,
	purpose      TEXT NOT NULL,
	afiliado_id  TEXT NOT NULL REFERENCES afiliado (id),
	token_hash   TEXT NOT NULL UNIQUE,
	browser_hash TEXT NOT NULL,
	client_id    TEXT NOT NULL,
	life         BIGINT NOT NULL CHECK (life > 0),
	created_at   BIGINT NOT NULL,
	latest_at    BIGINT NOT NULL,
	delivered_at BIGINT NOT NULL DEFAULT 0,
	expires_at   BIGINT NOT NULL,
	used_at      BIGINT NOT NULL DEFAULT 0,
	replaced_at  BIGINT NOT NULL DEFAULT 0,
	attempts     INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX link_live ON link (afiliado_id, purpose) WHERE used_at = 0 AND replaced_at = 0;
CREATE INDEX link_expires ON link (expires_at);

-- An address whose server said that it takes no mail.
CREATE TABLE suppression (
	address_mac BYTEA PRIMARY KEY,
	reason      TEXT NOT NULL,
	created_at  BIGINT NOT NULL,
	expires_at  BIGINT NOT NULL
);
CREATE INDEX suppression_expires ON suppression (expires_at);
