-- +goose Up
-- When wrong answers last closed the way to a new clave alone, and no clave with it;
-- 0: never.
ALTER TABLE recovery_budget ADD COLUMN shut_at BIGINT NOT NULL DEFAULT 0;
