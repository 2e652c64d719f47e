package cuenta

import (
	"context"
	"errors"
	"net/http"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/passkey"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// removalWait is how long a passkey or an authenticator application goes on that its
// person removes with her clave alone: whoever knows no more than that is told on, and
// stopped, in time (NIST SP 800-63B section 4.3; C6).
const removalWait = 24 * time.Hour

// addKey is POST /cuenta/llaves/agregar: it leads to the page that makes one, once
// the guard is content.
func (s *Server) addKey(w http.ResponseWriter, r *http.Request, _ *visit) error {
	return s.Redirect(w, r, pageKeys+"/nueva")
}

// getNewKey is GET /cuenta/llaves/nueva, with the options of a new ceremony.
func (s *Server) getNewKey(w http.ResponseWriter, r *http.Request, v *visit) error {
	passed, err := s.passes(r, strong, v)
	if err != nil {
		return err
	}
	if !passed { // the list has the button that asks for the proof
		return s.toKeys(w, r, v, templates.KeysNothing)
	}
	return s.showNewKey(w, r, v, false)
}

func (s *Server) showNewKey(w http.ResponseWriter, r *http.Request, v *visit, refused bool) error {
	page := templates.KeyNew{Own: s.own(r, v), Nombre: login.NameOfDevice(r, v.Lang), Refused: refused}
	if v.Form.Has(login.FieldName) {
		page.Nombre = login.PasskeyName(v.Form.Get(login.FieldName))
	}
	err := s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
		a, err := tx.LockAfiliado(r.Context(), v.afiliado.ID)
		if err != nil {
			return err
		}
		options, err := s.BeginPasskey(r.Context(), tx, v.Visit, a)
		page.Options = string(options)
		return err
	})
	if errors.Is(err, passkey.ErrNoHost) || errors.Is(err, login.ErrTooManyPasskeys) { // the list says so
		return s.toKeys(w, r, v, templates.KeysNothing)
	}
	if err != nil {
		return err
	}
	return s.Show(w, v.Visit, http.StatusOK, page)
}

// postNewKey is POST /cuenta/llaves/nueva: it adds the passkey that her device has
// made.
func (s *Server) postNewKey(w http.ResponseWriter, r *http.Request, v *visit) error {
	refused := false
	err := s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
		a, err := tx.LockAfiliado(r.Context(), v.afiliado.ID)
		if err == nil {
			err = s.AddPasskey(r.Context(), tx, r, v.Visit, a)
		}
		_, refused = errors.AsType[*passkey.Refused](err)
		if refused {
			return nil
		}
		return err
	})
	switch {
	case refused:
		return s.showNewKey(w, r, v, true)
	case errors.Is(err, login.ErrTooManyPasskeys), errors.Is(err, passkey.ErrNoHost):
		return s.toKeys(w, r, v, templates.KeysNothing)
	case err != nil:
		return err
	}
	return s.toKeys(w, r, v, templates.KeysAdded)
}

// getKeyName is GET /cuenta/llaves/nombre.
func (s *Server) getKeyName(w http.ResponseWriter, r *http.Request, v *visit) error {
	p, _, err := s.key(r.Context(), s.DB, v, r.URL.Query().Get(fieldKey))
	if err != nil {
		return err
	}
	if p == nil {
		return s.toKeys(w, r, v, templates.KeysNothing)
	}
	return s.Show(w, v.Visit, http.StatusOK, templates.KeyName{Own: s.own(r, v), Key: keyOf(*p), Nombre: p.Name})
}

// postKeyName is POST /cuenta/llaves/nombre.
func (s *Server) postKeyName(w http.ResponseWriter, r *http.Request, v *visit) error {
	name := login.PasskeyName(v.Form.Get(login.FieldName))
	var known *storage.Passkey
	err := s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
		ctx := r.Context()
		if _, err := tx.LockAfiliado(ctx, v.afiliado.ID); err != nil {
			return err
		}
		var err error
		if known, _, err = s.key(ctx, tx, v, v.Form.Get(fieldKey)); err != nil || known == nil || name == "" {
			return err
		}
		if _, err := tx.RenamePasskey(ctx, v.afiliado.ID, known.ID, name, v.Now); err != nil {
			return err
		}
		e := v.Event(r, login.EventPasskeyRenamed, v.afiliado.ID)
		e.Detail = map[string]string{"passkey": known.ID}
		return tx.Audit(ctx, e)
	})
	switch {
	case err != nil:
		return err
	case known == nil:
		return s.toKeys(w, r, v, templates.KeysNothing)
	case name == "":
		page := templates.KeyName{Own: s.own(r, v), Key: keyOf(*known), Faults: []templates.Fault{templates.NombreEmpty}}
		return s.Show(w, v.Visit, http.StatusOK, page)
	}
	return s.toKeys(w, r, v, templates.KeysNamed)
}

// getRemoveKey is GET /cuenta/llaves/quitar: what removing one means (WA-11).
func (s *Server) getRemoveKey(w http.ResponseWriter, r *http.Request, v *visit) error {
	p, others, err := s.key(r.Context(), s.DB, v, r.URL.Query().Get(fieldKey))
	if err != nil {
		return err
	}
	if p == nil {
		return s.toKeys(w, r, v, templates.KeysNothing)
	}
	page := templates.KeyRemove{Own: s.own(r, v), Key: keyOf(*p), Last: true, Strong: v.FreshBySecond(v.session)}
	if page.Waives, err = s.waives(r.Context(), v); err != nil {
		return err
	}
	for _, other := range others {
		if other.RevokedAt.IsZero() && other.ClonedAt.IsZero() {
			page.Last = false
		}
	}
	return s.Show(w, v.Visit, http.StatusOK, page)
}

// waives reports whether it is for her passkeys that her clave has no due date.
func (s *Server) waives(ctx context.Context, v *visit) (bool, error) {
	c, err := s.DB.ClaveFacts(ctx, v.afiliado.ID)
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	if err != nil || !c.DueAt.IsZero() {
		return false, err
	}
	without := storage.HeldClave{Clave: *c, Holder: storage.Holder{AfiliadoID: v.afiliado.ID}}
	return !s.Renewal.Waive(without, v.Now).IsZero(), nil
}

// removeKey is POST /cuenta/llaves/quitar and /cuenta/llaves/quitar-ahora: by a
// strong proof the passkey ends at once, by the clave alone in a day.
func (s *Server) removeKey(w http.ResponseWriter, r *http.Request, v *visit) error {
	done, kind, at := templates.KeysEnding, templates.KeyEnding, v.Now.Add(removalWait)
	if v.FreshBySecond(v.session) {
		done, kind, at = templates.KeysEnded, templates.KeyEnded, v.Now
	}
	changed, err := s.moveKey(r, v, kind, func(ctx context.Context, tx *storage.Tx, id string) (bool, error) {
		return tx.RevokePasskey(ctx, v.afiliado.ID, id, at)
	})
	if err != nil {
		return err
	}
	if !changed {
		done = templates.KeysNothing
	}
	return s.toKeys(w, r, v, done)
}

// keepKey is POST /cuenta/llaves/conservar: one that was to end goes on.
func (s *Server) keepKey(w http.ResponseWriter, r *http.Request, v *visit) error {
	done := templates.KeysKept
	changed, err := s.moveKey(r, v, templates.KeyKept, func(ctx context.Context, tx *storage.Tx, id string) (bool, error) {
		return tx.KeepPasskey(ctx, v.afiliado.ID, id, v.Now)
	})
	if err != nil {
		return err
	}
	if !changed {
		done = templates.KeysNothing
	}
	return s.toKeys(w, r, v, done)
}

// moveKey ends or keeps the passkey that the form names, where it is hers, with all
// that follows, and reports whether that changed anything.
func (s *Server) moveKey(r *http.Request, v *visit, kind templates.FactorKind, move func(context.Context, *storage.Tx, string) (bool, error)) (bool, error) {
	changed := false
	err := s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
		ctx := r.Context()
		a, err := tx.LockAfiliado(ctx, v.afiliado.ID)
		if err != nil {
			return err
		}
		p, _, err := s.key(ctx, tx, v, v.Form.Get(fieldKey))
		if err != nil || p == nil {
			return err
		}
		if changed, err = move(ctx, tx, p.ID); err != nil || !changed {
			return err
		}
		if err := login.WaiveRenewal(ctx, tx, s.Renewal, a.ID, v.Now); err != nil {
			return err
		}
		detail, notice := map[string]string{"passkey": p.ID}, login.Notice{Made: login.DeviceName(p.UserAgent)}
		if kind == templates.KeyEnding {
			notice.Ends = v.Now.Add(removalWait)
			detail["at"] = notice.Ends.Format(time.RFC3339)
		}
		return s.TellFactor(ctx, tx, r, v.Visit, a, kind, detail, notice)
	})
	return changed, err
}
