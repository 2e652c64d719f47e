package clave

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/challenge"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// codeForm is where the challenge of /desbloqueo/codigo is posed. It is of the
// same purpose as /desbloqueo: both look an identifier up.
func codeForm(v *login.Visit) challenge.Form {
	return challenge.Form{Purpose: "desbloqueo", Browser: v.Browser, Path: "/desbloqueo/codigo"}
}

// getCode is GET /desbloqueo/codigo: the code of the mail, typed. Who has not
// asked for it in this browser says whose it is.
func (s *Server) getCode(w http.ResponseWriter, r *http.Request) error {
	v, err := s.FreeVisit(w, r)
	if err != nil {
		return err
	}
	mac, err := s.lastAsked(r.Context(), v)
	if err != nil {
		return err
	}
	page := templates.CodeEntry{Layout: s.Layout(r, v), Identify: mac == nil, Code: r.URL.Query().Get("codigo") == "1"}
	if page.Identify {
		cost, err := s.cost(r, v, "")
		if err != nil {
			return err
		}
		page.Challenge, page.Identificacion, err = s.challenge.Resume(w, r.URL.Query(), codeForm(v), cost)
		if err == nil && page.Challenge == nil {
			page.Challenge, err = s.challenge.Issue(w, codeForm(v), cost)
		}
		if err != nil {
			return err
		}
	}
	return s.Show(w, v, http.StatusOK, page)
}

// postCode is POST /desbloqueo/codigo. A wrong code, a dead link and an identifier
// nobody has get one answer, for the same work.
func (s *Server) postCode(w http.ResponseWriter, r *http.Request) error {
	v, err := s.FreeVisit(w, r)
	if err != nil {
		return err
	}
	mac, err := s.lastAsked(r.Context(), v)
	if err != nil {
		return err
	}
	page := templates.CodeEntry{
		Layout: s.Layout(r, v), Identify: mac == nil || v.Form.Has("identificacion"), Code: v.Form.Get("codigo") == "1",
		Identificacion: login.Typed(v.Form.Get("identificacion")),
	}
	code := strings.Join(strings.FieldsFunc(login.Typed(v.Form.Get("codigo_mensaje")), func(r rune) bool { return r == ' ' || r == '-' }), "")
	switch {
	case code == "":
		page.Faults = append(page.Faults, templates.MensajeEmpty)
	case len(code) != 8 || strings.Trim(code, "0123456789") != "":
		page.Faults = append(page.Faults, templates.MensajeMalformed)
	}
	var id storage.Identifier
	if page.Identify {
		stale := false
		var cause error
		if id, cause, err = s.readIdentified(r, v, &page.Faults, &stale); err != nil {
			return err
		}
		if id == "" || cause != nil || len(page.Faults) > 0 {
			return s.showCode(w, r, v, page, id, cause)
		}
		mac = s.DB.IdentifierMAC(id)
	}
	if len(page.Faults) > 0 {
		return s.showCode(w, r, v, page, id, nil)
	}
	u, err := s.unlockByCode(r, v, mac, code)
	if err != nil {
		return err
	}
	if u.wrong {
		page.Faults = []templates.Fault{templates.MensajeWrong}
		return s.showCode(w, r, v, page, id, nil)
	}
	return s.showUnlock(w, r, v, u)
}

func (s *Server) showCode(w http.ResponseWriter, r *http.Request, v *login.Visit, page templates.CodeEntry, id storage.Identifier, cause error) error {
	if page.Identify {
		var err error
		if page.Challenge, err = s.again(w, r, v, codeForm(v), id, cause, page.Identificacion); err != nil {
			return err
		}
	}
	return s.Show(w, v, http.StatusOK, page)
}

// unlockByCode uses the live link of whoever has the identifier with that hash,
// if code is its code.
func (s *Server) unlockByCode(r *http.Request, v *login.Visit, mac []byte, code string) (unlocking, error) {
	ctx := r.Context()
	var u unlocking
	err := s.DB.InTx(ctx, func(tx *storage.Tx) error {
		u = unlocking{wrong: true}
		a, link, err := liveOf(ctx, tx, mac, v)
		if err != nil {
			return err
		}
		n, err := tx.LinkAttempt(ctx, link.ID, linkAttempts, v.Now)
		if err != nil {
			return err
		}
		if right := s.DB.IsLinkCode(link.ID, code); n == 0 || !right {
			return tx.Audit(ctx, v.Event(r, eventUnlockDenied, a.ID))
		}
		u = unlocking{link: link}
		return s.lift(ctx, tx, r, v, a, &u)
	})
	return u, err
}

// liveOf returns who has the identifier, held, and her live link. Both are empty
// where there is none, after the same statements.
func liveOf(ctx context.Context, tx *storage.Tx, mac []byte, v *login.Visit) (*storage.Afiliado, *storage.Link, error) {
	a, err := tx.AfiliadoByMAC(ctx, mac)
	if errors.Is(err, storage.ErrNotFound) {
		a, err = &storage.Afiliado{}, nil
	}
	if err != nil {
		return nil, nil, err
	}
	held, err := tx.LockAfiliado(ctx, a.ID)
	if err == nil {
		a = held
	} else if !errors.Is(err, storage.ErrNotFound) {
		return nil, nil, err
	}
	link, err := tx.LiveLink(ctx, storage.LinkDesbloqueo, a.ID, v.Now)
	if errors.Is(err, storage.ErrNotFound) {
		link, err = &storage.Link{}, nil
	}
	return a, link, err
}
