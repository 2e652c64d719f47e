-- +goose Up
-- Passkeys, the other second factors, and what a person has chosen for herself.

-- By what authenticators know a person (WebAuthn user handle): random, never her
-- identifier.
CREATE TABLE user_handle (
	afiliado_id TEXT PRIMARY KEY REFERENCES afiliado (id),
	handle      TEXT NOT NULL UNIQUE,
	created_at  BIGINT NOT NULL
);

-- A passkey. credential is the library's record with every flag; what stands in
-- columns beside it is for people to read. revoked_at may lie ahead: the passkey
-- serves until then.
CREATE TABLE passkey (
	id            TEXT PRIMARY KEY,
	afiliado_id   TEXT NOT NULL REFERENCES afiliado (id),
	credential_id TEXT NOT NULL UNIQUE,
	credential    TEXT NOT NULL,
	name          BYTEA NOT NULL,
	backed_up     BOOLEAN NOT NULL,
	user_agent    TEXT NOT NULL,
	created_at    BIGINT NOT NULL,
	last_at       BIGINT NOT NULL DEFAULT 0,
	cloned_at     BIGINT NOT NULL DEFAULT 0,
	revoked_at    BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX passkey_afiliado ON passkey (afiliado_id);

-- A WebAuthn ceremony that has begun, with all that the library has to remember
-- of it. Each is finished once, in the browser that began it.
CREATE TABLE ceremony (
	id           TEXT PRIMARY KEY,
	kind         TEXT NOT NULL CHECK (kind IN ('create', 'get')),
	browser_hash TEXT NOT NULL,
	afiliado_id  TEXT NOT NULL,
	data         TEXT NOT NULL,
	created_at   BIGINT NOT NULL,
	expires_at   BIGINT NOT NULL,
	used_at      BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX ceremony_expires ON ceremony (expires_at);

-- An authenticator application. last_step is the newest time step whose code was
-- accepted: none is accepted twice. confirmed_at 0: a code of it was never typed.
-- removed_at may lie ahead, as revoked_at of a passkey.
CREATE TABLE totp (
	afiliado_id  TEXT PRIMARY KEY REFERENCES afiliado (id),
	secret       BYTEA NOT NULL,
	created_at   BIGINT NOT NULL,
	confirmed_at BIGINT NOT NULL DEFAULT 0,
	removed_at   BIGINT NOT NULL DEFAULT 0,
	last_step    BIGINT NOT NULL DEFAULT 0,
	failures     INTEGER NOT NULL DEFAULT 0,
	failed_at    BIGINT NOT NULL DEFAULT 0
);

-- Recovery codes, each good once, by a keyed hash.
CREATE TABLE recovery_code (
	mac         BYTEA PRIMARY KEY,
	afiliado_id TEXT NOT NULL REFERENCES afiliado (id),
	created_at  BIGINT NOT NULL,
	used_at     BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX recovery_code_afiliado ON recovery_code (afiliado_id);

-- What a person has chosen. No row: nothing. declined_at is when she wished to be
-- offered no passkey any more; renewal_day is MMDD, 0 for any; image is the name
-- of her personal image.
CREATE TABLE preference (
	afiliado_id TEXT PRIMARY KEY REFERENCES afiliado (id),
	second_step BOOLEAN NOT NULL DEFAULT FALSE,
	declined_at BIGINT NOT NULL DEFAULT 0,
	renewal_day INTEGER NOT NULL DEFAULT 0,
	image       TEXT NOT NULL DEFAULT ''
);

-- When the person last proved who she is in the session, also by less than what acr
-- and auth_at tell of; whether a passkey is still to be offered in it; whether it is
-- on a computer that several people share.
ALTER TABLE session ADD COLUMN proved_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN offer BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE session ADD COLUMN shared BOOLEAN NOT NULL DEFAULT FALSE;
