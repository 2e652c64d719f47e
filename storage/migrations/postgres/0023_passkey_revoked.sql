-- +goose Up
-- Passkeys that were revoked go some time later.
CREATE INDEX passkey_revoked ON passkey (revoked_at) WHERE revoked_at > 0;
