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
func codeForm(v *login.Visit) login.Asking {
	return login.Asking{Form: challenge.Form{Purpose: "desbloqueo", Browser: v.Browser, Path: "/desbloqueo/codigo"}}
}

// guessed names what counts wrong codes typed in one browser, whoever they were
// for: the next one there wants the challenge. It says nothing of any link.
func (s *Server) guessed(v *login.Visit) []byte { return s.DB.PressureKey("code", v.Browser) }

// typing is what both handlers need: the hash of the identifier that a code typed
// in this browser is for, nil where that is not known, and whether the challenge
// is asked, as it is there and after a wrong code.
func (s *Server) typing(r *http.Request, v *login.Visit) ([]byte, bool, error) {
	mac, err := s.lastAsked(r.Context(), v)
	if err != nil {
		return nil, false, err
	}
	key := s.guessed(v)
	full, err := s.DB.Pressure(r.Context(), key, key)
	return mac, mac == nil || full[string(key)].After(v.Now), err
}

// getCode is GET /desbloqueo/codigo: the code of the mail, typed. Who has not
// asked for it in this browser says whose it is.
func (s *Server) getCode(w http.ResponseWriter, r *http.Request) error {
	v, err := s.FreeVisit(w, r)
	if err != nil {
		return err
	}
	mac, challenged, err := s.typing(r, v)
	if err != nil {
		return err
	}
	page := templates.CodeEntry{Layout: s.Layout(r, v), Identify: mac == nil, Code: r.URL.Query().Get("codigo") == "1"}
	if challenged {
		if page.Challenge, page.Identificacion, err = s.PoseAsking(w, r, v, codeForm(v)); err != nil {
			return err
		}
	}
	return s.Show(w, v, http.StatusOK, page)
}

// postCode is POST /desbloqueo/codigo. A wrong code, a dead link and an identifier
// nobody has get one answer, for the same work. What is typed here uses up no link
// that a mail opens: a stranger may type it (T13).
func (s *Server) postCode(w http.ResponseWriter, r *http.Request) error {
	v, err := s.FreeVisit(w, r)
	if err != nil {
		return err
	}
	mac, challenged, err := s.typing(r, v)
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
	var cause error
	switch {
	case page.Identify:
		stale := false
		if id, cause, err = s.ReadAsking(r, v, codeForm(v), &page.Faults, &stale); err != nil {
			return err
		}
		if id == "" || cause != nil || len(page.Faults) > 0 {
			return s.showCode(w, r, v, page, true, id, cause)
		}
		mac = s.DB.IdentifierMAC(id)
	case challenged && len(page.Faults) == 0:
		least, err := s.AskingDue(r, v, codeForm(v), "")
		if err != nil {
			return err
		}
		cause = s.Challenges.Verify(r.Context(), v.Form, codeForm(v).Form, least)
		if fault := challenge.FaultOf(cause); fault != "" {
			page.Faults = append(page.Faults, fault)
		} else if cause != nil {
			return cause
		}
	}
	if len(page.Faults) > 0 {
		return s.showCode(w, r, v, page, challenged, id, cause)
	}
	u, err := s.unlockByCode(r, v, mac, code)
	if err != nil {
		return err
	}
	if !u.wrong {
		return s.showUnlock(w, r, v, u)
	}
	page.Faults = []templates.Fault{templates.MensajeWrong}
	cost, err := s.AskingCost(r, v, codeForm(v), id)
	if err != nil {
		return err
	}
	if page.Challenge, err = s.Challenges.Issue(w, codeForm(v).Form, cost); err != nil { // the last one is spent
		return err
	}
	return s.Show(w, v, http.StatusOK, page)
}

// showCode shows the form again where no code was tried.
func (s *Server) showCode(w http.ResponseWriter, r *http.Request, v *login.Visit, page templates.CodeEntry, challenged bool, id storage.Identifier, cause error) error {
	if challenged {
		var err error
		if page.Challenge, err = s.AskAgain(w, r, v, codeForm(v), id, cause, page.Identificacion); err != nil {
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
		n, err := tx.CodeAttempt(ctx, link.ID, login.LinkAttempts, v.Now)
		if err != nil {
			return err
		}
		if right := s.DB.IsLinkCode(link.ID, code); n == 0 || !right {
			return s.guess(ctx, tx, r, v, a)
		}
		u = unlocking{link: link}
		return s.lift(ctx, tx, r, v, a, &u)
	})
	return u, err
}

// guess notes a wrong code.
func (s *Server) guess(ctx context.Context, tx *storage.Tx, r *http.Request, v *login.Visit, a *storage.Afiliado) error {
	if err := tx.Audit(ctx, v.Event(r, eventUnlockDenied, a.ID)); err != nil {
		return err
	}
	if err := tx.AddPressure(ctx, s.guessed(v), v.Now, askedFor, askedFor); err != nil {
		return err
	}
	return s.PressNetwork(ctx, tx, r, v)
}

// liveOf returns who has the identifier, held, and her live link. Both are empty
// where there is none, after the same statements.
func liveOf(ctx context.Context, tx *storage.Tx, mac []byte, v *login.Visit) (*storage.Afiliado, *storage.Link, error) {
	a, err := tx.LockAfiliadoByMAC(ctx, mac)
	if errors.Is(err, storage.ErrNotFound) {
		a, err = &storage.Afiliado{}, nil
	}
	if err != nil {
		return nil, nil, err
	}
	link, err := tx.LiveLink(ctx, storage.LinkDesbloqueo, a.ID, v.Now)
	if errors.Is(err, storage.ErrNotFound) {
		link, err = &storage.Link{}, nil
	}
	return a, link, err
}
