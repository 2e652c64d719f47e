package storage

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// failureSlot is how finely the tally knows when a sign-in failed.
const failureSlot = 10 * time.Second

// AddFailures adds n failed sign-ins to the tally of all replicas, as of now.
func (tx *Tx) AddFailures(ctx context.Context, n int64, now time.Time) error {
	err := tx.run(ctx, `INSERT INTO failure_tally (at, failures) VALUES (?, ?)
		ON CONFLICT (at) DO UPDATE SET failures = failure_tally.failures + excluded.failures`, At(now.Truncate(failureSlot)), n)
	if err != nil {
		return fmt.Errorf("storage: add failures: %w", err)
	}
	return nil
}

// Failures returns how many sign-ins failed after since and up to now, at all
// replicas; it counts slots of ten seconds whole. What a clock that is ahead has
// written is left out until its time comes.
func (r reads) Failures(ctx context.Context, since, now time.Time) (int64, error) {
	var n int64
	err := r.get(ctx, &n, `SELECT CAST(COALESCE(SUM(failures), 0) AS BIGINT) FROM failure_tally WHERE at > ? AND at <= ?`,
		At(since.Add(-failureSlot)), At(now))
	if err != nil {
		return 0, fmt.Errorf("storage: failures: %w", err)
	}
	return n, nil
}

// FailureMinutes returns the failures of each minute after since and up to now,
// in no order and without the minutes in which there were none.
func (r reads) FailureMinutes(ctx context.Context, since, now time.Time) ([]int64, error) {
	var out []int64
	err := r.list(ctx, &out, `SELECT CAST(SUM(failures) AS BIGINT) FROM failure_tally WHERE at > ? AND at <= ? GROUP BY at / 60000000`,
		At(since), At(now))
	if err != nil {
		return nil, fmt.Errorf("storage: failure minutes: %w", err)
	}
	return out, nil
}

// Alarm is something all replicas are alarmed about; the zero value is none.
type Alarm struct {
	RaisedAt Instant `db:"raised_at"`
	EndsAt   Instant `db:"ends_at"`
	Baseline int64   `db:"baseline"` // what was usual when it was raised
}

// Raised reports whether the alarm is in force. One that would last a day or more
// was written by a clock that was wrong, as of a job.
func (a Alarm) Raised(now time.Time) bool {
	return a.EndsAt.After(now) && !a.EndsAt.After(now.Add(jobFuture))
}

// Over reports whether an alarm that was raised is to be ended.
func (a Alarm) Over(now time.Time) bool { return !a.EndsAt.IsZero() && !a.Raised(now) }

// Alarm returns the alarm of that name.
func (r reads) Alarm(ctx context.Context, name string) (Alarm, error) {
	var a Alarm
	err := r.get(ctx, &a, `SELECT raised_at, ends_at, baseline FROM alarm WHERE name = ?`, name)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Alarm{}, fmt.Errorf("storage: alarm: %w", err)
	}
	return a, nil
}

// RaiseAlarm raises an alarm unless it has been raised and not ended, and reports
// whether it did: of several replicas one.
func (tx *Tx) RaiseAlarm(ctx context.Context, name string, a Alarm) (bool, error) {
	n, err := tx.exec(ctx, `INSERT INTO alarm (name, raised_at, ends_at, baseline) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET
		raised_at = excluded.raised_at, ends_at = excluded.ends_at, baseline = excluded.baseline WHERE alarm.ends_at = 0`,
		name, a.RaisedAt, a.EndsAt, a.Baseline)
	if err != nil {
		return false, fmt.Errorf("storage: raise alarm: %w", err)
	}
	return n > 0, nil
}

// ExtendAlarm lets a raised alarm last until ends at least.
func (tx *Tx) ExtendAlarm(ctx context.Context, name string, ends time.Time) error {
	err := tx.run(ctx, `UPDATE alarm SET ends_at = ? WHERE name = ? AND ends_at > 0 AND ends_at < ?`, At(ends), name, At(ends))
	if err != nil {
		return fmt.Errorf("storage: extend alarm: %w", err)
	}
	return nil
}

// EndAlarm ends an alarm that is over (Alarm.Over) and reports whether it did: of
// several replicas one.
func (tx *Tx) EndAlarm(ctx context.Context, name string, now time.Time) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE alarm SET ends_at = 0 WHERE name = ? AND ends_at > 0 AND (ends_at <= ? OR ends_at > ?)`,
		name, At(now), At(now.Add(jobFuture)))
	if err != nil {
		return false, fmt.Errorf("storage: end alarm: %w", err)
	}
	return n > 0, nil
}
