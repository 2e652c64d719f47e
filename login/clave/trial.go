package clave

import (
	"context"
	"errors"
	"net/http"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
)

// trial is a form with a new clave whose claves have been compared and hashed,
// and nothing written yet.
type trial struct {
	attempt *login.Attempt // at the present clave; nil where none was asked
	phc     string         // of the new clave
	used    bool           // the new clave is one of the last ones (S089)
}

// trying compares what a form says is the present clave of a, where it is asked,
// and hashes the new one. Whoever did not prove learns nothing of former claves.
// An attempt whose new clave finds no hash slot is settled at once: its clave was
// right, so an answer of 503 costs none (T28). Errors are those of login.Try.
func (s *Server) trying(r *http.Request, v *login.Visit, a *storage.Afiliado, present *storage.Clave, asked bool) (*trial, error) {
	ctx, t := r.Context(), &trial{}
	var err error
	if asked {
		if t.attempt, err = s.Try(ctx, r, v, a.Identifier, v.Form.Get("clave_actual")); err != nil || !t.attempt.Right() {
			return t, err
		}
	}
	if t.phc, t.used, err = s.hash(ctx, present, v.Form.Get("clave_nueva")); err == nil || t.attempt == nil {
		return t, err
	}
	return nil, errors.Join(err, s.DB.InTx(ctx, func(tx *storage.Tx) error {
		_, err := s.Settle(ctx, tx, r, v, t.attempt)
		return err
	}))
}

// settle writes down how the attempt of t ended, if there was one, and holds the
// person's row. It reports whether she may set her clave.
func (s *Server) settle(ctx context.Context, tx *storage.Tx, r *http.Request, v *login.Visit, afiliadoID string, t *trial) (bool, error) {
	if t.attempt == nil {
		_, err := tx.LockAfiliado(ctx, afiliadoID)
		return true, err
	}
	p, err := s.Settle(ctx, tx, r, v, t.attempt)
	return p != nil, err
}

// hash returns the hash of a new clave in the place of present, or that it is one
// of the last ones (S089).
func (s *Server) hash(ctx context.Context, present *storage.Clave, typed string) (string, bool, error) {
	slot, err := s.Hash.Take(ctx)
	if err != nil {
		return "", false, err
	}
	defer slot.Release()
	return s.MakeNew(ctx, slot, present.AfiliadoID, present, typed)
}
