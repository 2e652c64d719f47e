-- +goose Up
-- Further e-mail addresses of people, beside the one on file: each is told what the
-- first is told once its mail has proved to be read. One row for each person and
-- address. expires_at is when a row goes that is not proved yet, or was removed.
CREATE TABLE email_address (
	id          TEXT PRIMARY KEY,
	afiliado_id TEXT NOT NULL REFERENCES afiliado (id),
	email       BYTEA NOT NULL,
	email_mac   BYTEA NOT NULL,
	added_at    BIGINT NOT NULL,
	proved_at   BIGINT NOT NULL DEFAULT 0,
	removed_at  BIGINT NOT NULL DEFAULT 0,
	expires_at  BIGINT NOT NULL DEFAULT 0,
	UNIQUE (afiliado_id, email_mac)
);
CREATE INDEX email_address_mac ON email_address (email_mac);
CREATE INDEX email_address_expires ON email_address (expires_at) WHERE expires_at > 0;
