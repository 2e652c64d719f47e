package storage

import (
	"context"
	"fmt"
	"time"
)

// jobFuture is how far ahead of now the times of a job can be true. What lies
// beyond was written by a clock that was wrong, and holds nothing up.
const jobFuture = 24 * time.Hour

// LeaseJob takes the periodic job name until until, unless somebody else holds
// it or it ran less than every ago. It reports whether the caller is to run it.
// Nobody leases a job for a day or more.
func (tx *Tx) LeaseJob(ctx context.Context, name string, every time.Duration, now, until time.Time) (bool, error) {
	n, err := tx.exec(ctx, `INSERT INTO job (name, leased_until, last_at) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET
		leased_until = excluded.leased_until, last_at = excluded.last_at
		WHERE (job.leased_until <= ? OR job.leased_until > ?) AND (job.last_at <= ? OR job.last_at > ?)`,
		name, At(until), At(now), At(now), At(now.Add(jobFuture)), At(now.Add(-every)), At(now.Add(jobFuture)))
	if err != nil {
		return false, fmt.Errorf("storage: lease job: %w", err)
	}
	return n > 0, nil
}

// ReleaseJob gives the lease that ends at until back once the job has run. A
// lease that ran out meanwhile and is somebody else's now stays theirs.
func (tx *Tx) ReleaseJob(ctx context.Context, name string, until, now time.Time) error {
	if err := tx.run(ctx, `UPDATE job SET leased_until = ? WHERE name = ? AND leased_until = ?`, At(now), name, At(until)); err != nil {
		return fmt.Errorf("storage: release job: %w", err)
	}
	return nil
}

// purges delete what has expired, at most ? rows each, oldest first. The
// condition stands twice: PostgreSQL looks at the outer one again where another
// transaction has just given the row a longer life, or a lock that never ends.
var purges = []string{
	`DELETE FROM access_token WHERE expires_at <= ? AND hash IN
		(SELECT hash FROM access_token WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`,
	`DELETE FROM auth_request WHERE expires_at <= ? AND id IN
		(SELECT id FROM auth_request WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`,
	`DELETE FROM oauth_grant WHERE expires_at <= ? AND id IN
		(SELECT id FROM oauth_grant WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`,
	`DELETE FROM session WHERE expires_at <= ? AND id IN
		(SELECT id FROM session WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`,
	`DELETE FROM device WHERE expires_at <= ? AND id IN
		(SELECT id FROM device WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`,
	`DELETE FROM pressure WHERE tat <= ? AND key IN
		(SELECT key FROM pressure WHERE tat <= ? ORDER BY tat LIMIT ?)`,
	`DELETE FROM login_budget WHERE expires_at > 0 AND expires_at <= ? AND identifier_mac IN
		(SELECT identifier_mac FROM login_budget WHERE expires_at > 0 AND expires_at <= ? ORDER BY expires_at LIMIT ?)`,
	`DELETE FROM suppression WHERE expires_at <= ? AND address_mac IN
		(SELECT address_mac FROM suppression WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`,
	`DELETE FROM challenge_spent WHERE expires_at <= ? AND id IN
		(SELECT id FROM challenge_spent WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`,
	`DELETE FROM jti_spent WHERE expires_at <= ? AND hash IN
		(SELECT hash FROM jti_spent WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`,
	`DELETE FROM totp WHERE removed_at > 0 AND removed_at <= ? AND afiliado_id IN
		(SELECT afiliado_id FROM totp WHERE removed_at > 0 AND removed_at <= ? ORDER BY removed_at LIMIT ?)`,
	`DELETE FROM errand WHERE expires_at > 0 AND expires_at <= ? AND id IN
		(SELECT id FROM errand WHERE expires_at > 0 AND expires_at <= ? ORDER BY expires_at LIMIT ?)`,
	`DELETE FROM ceremony WHERE expires_at <= ? AND id IN
		(SELECT id FROM ceremony WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`,
	`DELETE FROM email_address WHERE expires_at > 0 AND expires_at <= ? AND id IN
		(SELECT id FROM email_address WHERE expires_at > 0 AND expires_at <= ? ORDER BY expires_at LIMIT ?)`,
	`DELETE FROM audit_origin WHERE expires_at <= ? AND audit_id IN
		(SELECT audit_id FROM audit_origin WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`,
}

// answerable is how long it stays known what applications received and what people
// asked of the IESS: as long as the audit.
const answerable = 7 * 365 * 24 * time.Hour

// keptPurges delete what is over, some time after it is: a person asks where her
// mail went or who changed her address, an operator which application is not
// reached, who opens an old link is told that it is old, a passkey that was revoked is
// not made again while its end stands in its person's activity, a risk decision can be
// made again, a way that was shut is not shut so lightly again, and whoever came
// with a pushed request may have taken her time.
var keptPurges = []struct {
	kept  time.Duration
	query string
}{
	{30 * 24 * time.Hour, `DELETE FROM link WHERE expires_at <= ? AND id IN
		(SELECT id FROM link WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`},
	{30 * 24 * time.Hour, `DELETE FROM recovery_budget WHERE expires_at > 0 AND expires_at <= ? AND identifier_mac IN
		(SELECT identifier_mac FROM recovery_budget WHERE expires_at > 0 AND expires_at <= ? ORDER BY expires_at LIMIT ?)`},
	{25 * time.Hour, `DELETE FROM failure_tally WHERE at <= ? AND at IN
		(SELECT at FROM failure_tally WHERE at <= ? ORDER BY at LIMIT ?)`},
	{90 * 24 * time.Hour, `DELETE FROM outbox WHERE done_at > 0 AND done_at <= ? AND id IN
		(SELECT id FROM outbox WHERE done_at > 0 AND done_at <= ? ORDER BY done_at LIMIT ?)`},
	{30 * 24 * time.Hour, `DELETE FROM logout_delivery WHERE done_at > 0 AND done_at <= ? AND sid IN
		(SELECT sid FROM logout_delivery WHERE done_at > 0 AND done_at <= ? ORDER BY done_at LIMIT ?)`},
	{30 * 24 * time.Hour, `DELETE FROM event_delivery WHERE done_at > 0 AND done_at <= ? AND id IN
		(SELECT id FROM event_delivery WHERE done_at > 0 AND done_at <= ? ORDER BY done_at LIMIT ?)`},
	{400 * 24 * time.Hour, `DELETE FROM passkey WHERE revoked_at > 0 AND revoked_at <= ? AND id IN
		(SELECT id FROM passkey WHERE revoked_at > 0 AND revoked_at <= ? ORDER BY revoked_at LIMIT ?)`},
	{30 * 24 * time.Hour, `DELETE FROM recovery WHERE expires_at <= ? AND id IN
		(SELECT id FROM recovery WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`},
	{totpLife, `DELETE FROM totp WHERE confirmed_at = 0 AND created_at <= ? AND afiliado_id IN
		(SELECT afiliado_id FROM totp WHERE confirmed_at = 0 AND created_at <= ? ORDER BY created_at LIMIT ?)`},
	{24 * time.Hour, `DELETE FROM pushed_request WHERE expires_at <= ? AND uri_hash IN
		(SELECT uri_hash FROM pushed_request WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`},
	{answerable, `DELETE FROM disclosure WHERE last_at <= ? AND (afiliado_id, client_id, claims) IN
		(SELECT afiliado_id, client_id, claims FROM disclosure WHERE last_at <= ? ORDER BY last_at LIMIT ?)`},
	{answerable, `DELETE FROM rights_request WHERE done_at > 0 AND done_at <= ? AND id IN
		(SELECT id FROM rights_request WHERE done_at > 0 AND done_at <= ? ORDER BY done_at LIMIT ?)`},
	{90 * 24 * time.Hour, `DELETE FROM contact_change WHERE ready_at <= ? AND id IN
		(SELECT id FROM contact_change WHERE ready_at <= ? ORDER BY ready_at LIMIT ?)`},
}

// Purge deletes what expired before now, in batches of at most batch rows, and
// returns how many rows went (not counting those that go with their owner, such
// as the refresh tokens of a grant). Each batch is a transaction of its own.
func (db *DB) Purge(ctx context.Context, now time.Time, batch int) (int64, error) {
	var total int64
	for _, query := range purges {
		n, err := db.purge(ctx, query, now, max(batch, 1))
		total += n
		if err != nil {
			return total, err
		}
	}
	for _, p := range keptPurges {
		n, err := db.purge(ctx, p.query, now.Add(-p.kept), max(batch, 1))
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

func (db *DB) purge(ctx context.Context, query string, before time.Time, batch int) (int64, error) {
	var total int64
	for {
		var n int64
		err := db.InTx(ctx, func(tx *Tx) error {
			var err error
			n, err = tx.exec(ctx, query, At(before), At(before), batch)
			return err
		})
		if err != nil {
			return total, fmt.Errorf("storage: purge: %w", err)
		}
		total += n
		if n < int64(batch) {
			return total, nil
		}
	}
}
