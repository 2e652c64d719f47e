-- +goose Up
-- Challenges ("No soy un robot") that have been used, until nobody would accept
-- them any more: replicas share it, so that each counts once.
CREATE TABLE challenge_spent (
	id         TEXT PRIMARY KEY,
	expires_at BIGINT NOT NULL
);
CREATE INDEX challenge_spent_expires ON challenge_spent (expires_at);
