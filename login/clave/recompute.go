package clave

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
)

// eventRecomputed is a batch of due dates moved after a change of policy; detail:
// reason, moved, first and last person, max_age, waiver, passkeys (whether they
// waive), spread.
const eventRecomputed = "clave.due_recomputed"

// recomputeBatch is how many claves one transaction of Recompute looks at.
const recomputeBatch = 500

// Recomputing is what Recompute would do, or did. Months are of Ecuador.
type Recomputing struct {
	Claves  int64
	Earlier int64 // fall due earlier than before
	Later   int64 // later
	Begin   int64 // never fell due, and do now
	End     int64 // fell due, and never do now
	Due     int64 // are due already, and stay so
	Changed int64 // were changed or moved by somebody else meanwhile, and left alone
	Months  []MonthDue
}

// Moves is how many due dates change.
func (r Recomputing) Moves() int64 { return r.Earlier + r.Later + r.Begin + r.End }

// MonthDue is how many claves fall due in a month.
type MonthDue struct {
	Month         string // YYYY-MM, "never"
	Before, After int64
}

// Recompute gives every clave the due date that policy has for it
// (login.Renewal.Recompute) and returns what changed. Where reason is "" nothing
// is written: that is the preview. It reads in the order of the people's ids and
// keeps no more than a batch; each batch is one transaction with one audit row.
// It may run beside everything else and be stopped at any moment: what is moved
// stays, and doing it again goes on with the rest. progress is called with how
// many of how many claves have been looked at.
func Recompute(ctx context.Context, db *storage.DB, policy login.Renewal, reason string, now time.Time, progress func(done, total int64)) (Recomputing, error) {
	r := recompute{policy: policy, reason: reason, now: now, months: map[string]*MonthDue{}}
	total, err := db.ClaveCount(ctx)
	if err != nil {
		return r.report(), err
	}
	for after, more := "", true; more; {
		batch, err := db.ClaveDates(ctx, after, recomputeBatch)
		if err != nil {
			return r.report(), err
		}
		more = len(batch) == recomputeBatch
		moves := r.look(batch)
		if len(moves) > 0 && reason != "" {
			if err := r.apply(ctx, db, moves); err != nil {
				return r.report(), err
			}
		}
		if len(batch) > 0 {
			after = batch[len(batch)-1].AfiliadoID
		}
		progress(r.out.Claves, max(total, r.out.Claves))
	}
	return r.report(), nil
}

// move is a due date that changes.
type move struct {
	clave storage.HeldClave
	due   storage.Instant
}

type recompute struct {
	policy login.Renewal
	reason string
	now    time.Time
	out    Recomputing
	months map[string]*MonthDue
}

// look counts a batch and returns what moves in it.
func (r *recompute) look(batch []storage.HeldClave) []move {
	var out []move
	for _, c := range batch {
		due := storage.At(r.policy.Recompute(c, r.now))
		r.out.Claves++
		r.month(c.DueAt).Before++
		r.month(due).After++
		if due.Past(r.now) {
			r.out.Due++
		}
		switch {
		case due.Equal(c.DueAt.Time):
			continue
		case c.DueAt.IsZero():
			r.out.Begin++
		case due.IsZero():
			r.out.End++
		case due.Before(c.DueAt.Time):
			r.out.Earlier++
		default:
			r.out.Later++
		}
		out = append(out, move{c, due})
	}
	return out
}

// month is the row of the month in which something falls due.
func (r *recompute) month(due storage.Instant) *MonthDue {
	name := "never"
	if !due.IsZero() {
		name = due.In(time.FixedZone("Ecuador", -5*60*60)).Format("2006-01")
	}
	m := r.months[name]
	if m == nil {
		m = &MonthDue{Month: name}
		r.months[name] = m
	}
	return m
}

// apply moves the due dates of one batch, with its audit row.
func (r *recompute) apply(ctx context.Context, db *storage.DB, moves []move) error {
	var moved int64
	err := db.InTx(ctx, func(tx *storage.Tx) error {
		moved = 0
		for _, m := range moves {
			done, err := tx.MoveClaveDue(ctx, m.clave.Clave, m.due.Time)
			if err != nil {
				return err
			}
			if done {
				moved++
			}
		}
		if moved == 0 {
			return nil
		}
		return tx.Audit(ctx, storage.Event{
			At: storage.At(r.now), Name: eventRecomputed, Actor: "operator",
			Detail: map[string]string{
				"reason": r.reason, "moved": strconv.FormatInt(moved, 10),
				"first": moves[0].clave.AfiliadoID, "last": moves[len(moves)-1].clave.AfiliadoID,
				"max_age": r.policy.MaxAge.String(), "waiver": strconv.Itoa(r.policy.Waiver),
				"passkeys": strconv.FormatBool(r.policy.Passkey), "spread": r.policy.Spread.String(),
			},
		})
	})
	if err != nil {
		return fmt.Errorf("clave: recompute: %w", err)
	}
	r.out.Changed += int64(len(moves)) - moved
	return nil
}

func (r *recompute) report() Recomputing {
	out := r.out
	for _, name := range slices.Sorted(maps.Keys(r.months)) { // "never" comes last
		out.Months = append(out.Months, *r.months[name])
	}
	return out
}
