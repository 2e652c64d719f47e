-- +goose Up
-- The network that a session was last proved from, as its person is told of it.
ALTER TABLE session ADD COLUMN network TEXT NOT NULL DEFAULT '';
