-- +goose Up
-- Identifiers (jti) of signed requests that have been used, hashed with their use
-- and their owner, until nobody would accept the request any more: replicas share
-- it, so that each counts once.
CREATE TABLE jti_spent (
	hash       TEXT PRIMARY KEY,
	expires_at BIGINT NOT NULL
);
CREATE INDEX jti_spent_expires ON jti_spent (expires_at);

-- The resource servers for which a grant may give access tokens (RFC 8707),
-- separated by spaces.
ALTER TABLE oauth_grant ADD COLUMN resources TEXT NOT NULL DEFAULT '';
