package cuenta

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// ErrNotOpen says that a request does not wait for an answer any more.
var ErrNotOpen = errors.New("cuenta: the request does not wait for an answer")

// DaysLeft are the days until the last one on which the law wants an answer to q: 0
// on that day, less once it is over.
func DaysLeft(q storage.RightsRequest, now time.Time) int { return daysLeft(q.DueAt.Time, now) }

// LastDay is that day, as 2006-01-02.
func LastDay(q storage.RightsRequest) string { return lastDay(q.DueAt.Time).Format(time.DateOnly) }

// ReadRights returns a request, by its number, to whoever is to answer it, and
// leaves an audit row. storage.ErrNotFound where there is none.
func ReadRights(ctx context.Context, db *storage.DB, number string, now time.Time) (*storage.RightsRequest, error) {
	q, err := db.RightsRequest(ctx, number)
	if err != nil {
		return nil, err
	}
	return q, db.InTx(ctx, func(tx *storage.Tx) error {
		return tx.Audit(ctx, storage.Event{
			At: storage.At(now), Name: login.EventRightsRead, AfiliadoID: q.AfiliadoID, Actor: "operator", Detail: map[string]string{"number": q.Number},
		})
	})
}

// AnswerRights answers the request of that number, with an audit row and a mail to
// its person, in one transaction. ErrNotOpen where it does not wait any more.
func AnswerRights(ctx context.Context, db *storage.DB, number, outcome, text string, now time.Time) error {
	q, err := db.RightsRequest(ctx, number)
	if err != nil {
		return err
	}
	data, err := json.Marshal(login.Notice{When: now, Operator: true, Number: q.Number, Right: q.Kind})
	if err != nil {
		return fmt.Errorf("cuenta: notice: %w", err)
	}
	return db.InTx(ctx, func(tx *storage.Tx) error {
		a, err := tx.LockAfiliado(ctx, q.AfiliadoID)
		if err != nil {
			return err
		}
		open, err := tx.AnswerRightsRequest(ctx, q.ID, outcome, written(text), now)
		if err == nil && !open {
			err = ErrNotOpen
		}
		if err == nil {
			err = tx.Audit(ctx, storage.Event{
				At: storage.At(now), Name: login.EventRightsAnswered, AfiliadoID: a.ID, Actor: "operator",
				Detail: map[string]string{"number": q.Number, "outcome": outcome},
			})
		}
		if err != nil {
			return err
		}
		return tx.AddErrand(ctx, storage.Errand{
			Kind: string(templates.RightsAnswered), IdentifierMAC: db.IdentifierMAC(a.Identifier), Data: data, CreatedAt: storage.At(now),
		})
	})
}
