package clave

import (
	"context"
	"errors"
	"fmt"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// reminder is when a person is reminded of a clave that ends (S092).
type reminder struct {
	days  int // at most so many days before
	after int // and more than so many
}

func reminders() []reminder { return []reminder{{30, 7}, {7, 1}, {1, 0}} }

const day = 24 * time.Hour

// RemindDue puts into the outbox the reminders that are due at now: 30, 7 and 1
// days before, one of each for a due date, however often this runs. After a pause
// only the nearest one goes out. A renewed clave has another due date.
func (s *Server) RemindDue(ctx context.Context, now time.Time) error {
	if s.Renewal.MaxAge <= 0 {
		return nil
	}
	for _, m := range reminders() {
		prefix := fmt.Sprintf("vence-%d", m.days)
		if err := s.remindBetween(ctx, prefix, now, now.Add(time.Duration(m.after)*day), now.Add(time.Duration(m.days)*day)); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) remindBetween(ctx context.Context, prefix string, now, from, until time.Time) error {
	for {
		due, err := s.DB.DueClaves(ctx, prefix, from, until, errandBatch)
		if err != nil {
			return err
		}
		sent := 0
		for _, c := range due {
			done, err := s.remind(ctx, prefix, c, now)
			if err != nil {
				return err
			}
			if done {
				sent++
			}
		}
		if len(due) < errandBatch {
			return nil
		}
		if sent == 0 { // they will be listed again: look behind them
			from = due[len(due)-1].DueAt.Time
		}
	}
}

// remind enqueues one reminder and reports whether it did: another replica may
// just have done so, or the clave been changed.
func (s *Server) remind(ctx context.Context, prefix string, due storage.DueClave, now time.Time) (bool, error) {
	done := false
	err := s.DB.InTx(ctx, func(tx *storage.Tx) error {
		a, err := tx.LockAfiliado(ctx, due.AfiliadoID)
		if err != nil {
			return err
		}
		c, err := tx.Clave(ctx, a.ID)
		if err != nil {
			return err
		}
		if a.Disabled() || !c.DueAt.Equal(due.DueAt.Time) {
			return nil
		}
		left := c.DueAt.Sub(now)
		done = true
		msg := storage.Message{
			ID: storage.ReminderID(prefix, due), AfiliadoID: a.ID, Recipient: a.Email, Locale: a.Locale, Priority: storage.PriorityReminder,
			CreatedAt: storage.At(now), ExpiresAt: c.DueAt,
		}
		m := templates.MailRenewalDue{Name: a.GivenName, Due: c.DueAt.Time, Days: int((left + day - 1) / day)}
		return login.Enqueue(ctx, tx, msg, m)
	})
	switch {
	case errors.Is(err, storage.ErrConflict), errors.Is(err, storage.ErrNotFound):
		return false, nil
	case errors.Is(err, storage.ErrEmail): // an address that no mail can reach must not stop the others
		s.Log.WarnContext(ctx, "reminder not sent", "afiliado", due.AfiliadoID, "error", err)
		return false, nil
	default:
		return done, err
	}
}
