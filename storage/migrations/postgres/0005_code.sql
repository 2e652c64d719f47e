-- +goose Up
-- Wrong codes, which a stranger can type, are counted apart from wrong answers to
-- what an opened link asks: they must not end the link in her mail.
ALTER TABLE link ADD COLUMN code_attempts INTEGER NOT NULL DEFAULT 0;
