package storage

import (
	"context"
	"fmt"
	"time"
)

// Rights of a person over her data (LOPDP arts. 13, 14, 15, 16 and 17).
const (
	RightAccess      = "acceso"
	RightCorrection  = "rectificacion" // and bringing up to date
	RightErasure     = "eliminacion"
	RightObjection   = "oposicion"
	RightPortability = "portabilidad"
)

// Rights are those, in the order of the law.
func Rights() []string {
	return []string{RightAccess, RightCorrection, RightErasure, RightObjection, RightPortability}
}

// What can become of a RightsRequest.
const (
	RightsOpen      = "abierta"
	RightsAnswered  = "contestada"
	RightsCancelled = "cancelada" // by the person
)

// Outcomes of an answer.
const (
	OutcomeGranted = "concedida"
	OutcomePartly  = "parcial"
	OutcomeRefused = "negada"
)

// Outcomes are those, in that order.
func Outcomes() []string { return []string{OutcomeGranted, OutcomePartly, OutcomeRefused} }

// RightsRequest is what a person asks of the IESS about her data, and the answer.
type RightsRequest struct {
	ID         string
	Number     string // by which people call it
	AfiliadoID string
	Kind       string // one of Rights
	Detail     string // in her own words
	State      string
	Outcome    string // "" until it is answered
	Answer     string
	CreatedAt  Instant
	DueAt      Instant // when the law wants an answer
	DoneAt     Instant
}

type rightsRow struct {
	ID         string  `db:"id"`
	Number     string  `db:"number"`
	AfiliadoID string  `db:"afiliado_id"`
	Kind       string  `db:"kind"`
	Detail     []byte  `db:"detail"`
	State      string  `db:"state"`
	Outcome    string  `db:"outcome"`
	Answer     []byte  `db:"answer"`
	CreatedAt  Instant `db:"created_at"`
	DueAt      Instant `db:"due_at"`
	DoneAt     Instant `db:"done_at"`
}

const rightsColumns = `id, number, afiliado_id, kind, detail, state, outcome, answer, created_at, due_at, done_at`

func (r reads) rights(ctx context.Context, query string, args ...any) ([]RightsRequest, error) {
	var rows []rightsRow
	if err := r.list(ctx, &rows, query, args...); err != nil {
		return nil, fmt.Errorf("storage: rights requests: %w", err)
	}
	out := make([]RightsRequest, len(rows))
	for i, row := range rows {
		detail, err := r.db.ring.open("rights_request", "rights_request.detail/"+row.ID, row.Detail)
		if err != nil {
			return nil, err
		}
		answer, err := r.db.ring.open("rights_request", "rights_request.answer/"+row.ID, row.Answer)
		if err != nil {
			return nil, err
		}
		out[i] = RightsRequest{
			ID: row.ID, Number: row.Number, AfiliadoID: row.AfiliadoID, Kind: row.Kind, Detail: string(detail), State: row.State,
			Outcome: row.Outcome, Answer: string(answer), CreatedAt: row.CreatedAt, DueAt: row.DueAt, DoneAt: row.DoneAt,
		}
	}
	return out, nil
}

// RightsRequests lists a person's requests, the newest first.
func (r reads) RightsRequests(ctx context.Context, afiliadoID string) ([]RightsRequest, error) {
	return r.rights(ctx, `SELECT `+rightsColumns+` FROM rights_request WHERE afiliado_id = ? ORDER BY created_at DESC, id`, afiliadoID)
}

// OpenRightsRequests lists up to limit requests that wait for an answer, whosever
// they are, the most pressing first.
func (r reads) OpenRightsRequests(ctx context.Context, limit int) ([]RightsRequest, error) {
	return r.rights(ctx, `SELECT `+rightsColumns+` FROM rights_request WHERE state = 'abierta' ORDER BY due_at, id LIMIT ?`, limit)
}

// RightsRequest returns the request with that id or number.
func (r reads) RightsRequest(ctx context.Context, id string) (*RightsRequest, error) {
	found, err := r.rights(ctx, `SELECT `+rightsColumns+` FROM rights_request WHERE id = ? OR number = ?`, id, id)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("storage: rights request: %w", ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	return &found[0], nil
}

// RightsWaiting is how the requests stand that wait for an answer.
type RightsWaiting struct {
	Open    int     `db:"n"`
	Overdue int     `db:"overdue"` // of those
	DueAt   Instant `db:"due_at"`  // of the most pressing one; zero for none
}

// RightsWaiting counts the requests that wait for an answer; overdue are those whose
// time is over at now.
func (r reads) RightsWaiting(ctx context.Context, now time.Time) (RightsWaiting, error) {
	var n RightsWaiting
	err := r.get(ctx, &n, `SELECT COUNT(*) AS n, COALESCE(SUM(CASE WHEN due_at <= ? THEN 1 ELSE 0 END), 0) AS overdue, COALESCE(MIN(due_at), 0) AS due_at
		FROM rights_request WHERE state = 'abierta'`, At(now))
	if err != nil {
		return n, fmt.Errorf("storage: rights waiting: %w", err)
	}
	return n, nil
}

// AddRightsRequest stores a new request. It holds the person's row: who counts her
// requests before in the same transaction counts them all. A number that is taken
// is ErrConflict.
func (tx *Tx) AddRightsRequest(ctx context.Context, q RightsRequest) error {
	detail, err := tx.db.ring.seal("rights_request", "rights_request.detail/"+q.ID, []byte(q.Detail))
	if err == nil {
		err = tx.holdAfiliado(ctx, q.AfiliadoID)
	}
	if err == nil {
		err = tx.run(ctx, `INSERT INTO rights_request (id, number, afiliado_id, kind, detail, state, created_at, due_at)
			VALUES (?, ?, ?, ?, ?, 'abierta', ?, ?)`, q.ID, q.Number, q.AfiliadoID, q.Kind, detail, q.CreatedAt, q.DueAt)
	}
	if err != nil {
		return fmt.Errorf("storage: add rights request: %w", err)
	}
	return nil
}

// CancelRightsRequest ends a request of that person's that waits, and reports
// whether there was one.
func (tx *Tx) CancelRightsRequest(ctx context.Context, afiliadoID, id string, now time.Time) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE rights_request SET state = 'cancelada', done_at = ? WHERE id = ? AND afiliado_id = ? AND state = 'abierta'`,
		At(now), id, afiliadoID)
	if err != nil {
		return false, fmt.Errorf("storage: cancel rights request: %w", err)
	}
	return n > 0, nil
}

// AnswerRightsRequest ends a request that waits with an answer, and reports whether
// it waited.
func (tx *Tx) AnswerRightsRequest(ctx context.Context, id, outcome, answer string, now time.Time) (bool, error) {
	sealed, err := tx.db.ring.seal("rights_request", "rights_request.answer/"+id, []byte(answer))
	if err != nil {
		return false, err
	}
	n, err := tx.exec(ctx, `UPDATE rights_request SET state = 'contestada', outcome = ?, answer = ?, done_at = ? WHERE id = ? AND state = 'abierta'`,
		outcome, sealed, At(now), id)
	if err != nil {
		return false, fmt.Errorf("storage: answer rights request: %w", err)
	}
	return n > 0, nil
}
