package recovery

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// dataPage shows what is on file of a, masked (S031, D19), and returns the addresses
// to which the link goes.
func (s *Server) dataPage(r *http.Request, v *visit, a *storage.Afiliado) (templates.RecoverData, []string, error) {
	mailboxes, err := s.DB.LinkMailboxes(r.Context(), a, v.Now.Add(-s.ContactWait))
	if err != nil {
		return templates.RecoverData{}, nil, err
	}
	page := templates.RecoverData{
		Layout: s.Layout(r, v.Visit), Goal: v.Goal(), Case: v.caso.ID, Until: v.caso.ExpiresAt.Time, Remaining: v.caso.ExpiresAt.Sub(v.Now),
		Name: maskName(a.Name()), Identificacion: maskIdentifier(a.Identifier), Code: a.IdentifierType == storage.IdentifierCodigo,
		Email: login.MaskEmail(a.Email), Mobile: maskPhone(a.Mobile), Landline: maskPhone(a.Landline),
		Correo:  login.TypedUpTo(strings.TrimSpace(v.Form.Get("correo")), 320),
		Celular: login.TypedUpTo(strings.TrimSpace(v.Form.Get("celular")), 32), Convencional: login.TypedUpTo(strings.TrimSpace(v.Form.Get("convencional")), 32),
		Wait: s.ContactWait,
	}
	for _, address := range mailboxes {
		if address != a.Email {
			page.More = append(page.More, login.MaskEmail(address))
		}
	}
	return page, mailboxes, nil
}

// showData is the third step, nothing sent.
func (s *Server) showData(w http.ResponseWriter, r *http.Request, v *visit, stale bool) error {
	a, err := s.DB.Afiliado(r.Context(), v.caso.AfiliadoID)
	if err != nil {
		return err
	}
	page, _, err := s.dataPage(r, v, a)
	if err != nil {
		return err
	}
	page.Stale = stale
	return s.Show(w, v.Visit, http.StatusOK, page)
}

// readContact reads what is to change; a mailbox to which the link goes anyway, in
// other letters perhaps, is no change.
func readContact(page *templates.RecoverData, a *storage.Afiliado, mailboxes []string) storage.RecoveryContact {
	var c storage.RecoveryContact
	for _, f := range []struct {
		text  string
		to    *string
		parse func(string) (string, error)
		fault templates.Fault
	}{
		{page.Correo, &c.Email, storage.ParseEmail, templates.CorreoMalformed},
		{page.Celular, &c.Mobile, storage.ParseMobile, templates.CelularMalformed},
		{page.Convencional, &c.Landline, storage.ParseLandline, templates.LandlineMalformed},
	} {
		if f.text == "" {
			continue
		}
		read, err := f.parse(f.text)
		if err != nil {
			page.Faults = append(page.Faults, f.fault)
			continue
		}
		*f.to = read
	}
	if a.Mobile+a.Landline+page.Celular+page.Convencional == "" {
		page.Faults = append(page.Faults, templates.TelefonoMissing)
	}
	if slices.ContainsFunc(mailboxes, func(had string) bool { return strings.EqualFold(c.Email, had) }) {
		c.Email = ""
	}
	return c
}

// linkLatest is when a link ends that is asked for at now, however late its mail
// is (D06).
func linkLatest(now time.Time) time.Time { return now.Add(time.Hour) }

// move takes the case of v to another step; errMoved where another form was faster.
func move(ctx context.Context, tx *storage.Tx, v *visit, to storage.Recovery) error {
	moved, err := tx.MoveRecovery(ctx, v.caso.Step, to, v.Now)
	if err == nil && !moved {
		err = errMoved
	}
	return err
}

// postData asks for the link, or for another address (S033): the case moves, and
// the mails are in the outbox, in one transaction. A change that was asked for too
// often is not asked, and the page says so.
func (s *Server) postData(w http.ResponseWriter, r *http.Request, v *visit) error {
	a, err := s.DB.Afiliado(r.Context(), v.caso.AfiliadoID)
	if err != nil {
		return err
	}
	page, mailboxes, err := s.dataPage(r, v, a)
	if err != nil {
		return err
	}
	contact := readContact(&page, a, mailboxes)
	if len(page.Faults) > 0 {
		return s.Show(w, v.Visit, http.StatusOK, page)
	}
	full, step := false, StepSent
	err = s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
		ctx := r.Context()
		full = false
		a, err := tx.LockAfiliado(ctx, v.caso.AfiliadoID)
		if err != nil {
			return err
		}
		why, err := s.beyond(ctx, tx, a, v.Now)
		if err != nil {
			return err
		}
		if step = StepSent; why != "" {
			step = StepAssisted
		}
		to := v.to(step)
		to.Contact = contact
		if step == StepSent {
			to.RequestedAt, to.ExpiresAt = storage.At(v.Now), storage.At(linkLatest(v.Now).Add(s.cfg.Window)) // as long as the link may serve
		}
		l := &letters{s, tx, r, v, &to, a}
		switch {
		case step != StepSent:
		case contact.Email == "":
			_, err = l.askLink(ctx)
		default:
			var asked bool
			if asked, err = l.askChange(ctx, contact.Email); err == nil && !asked {
				full = true // and the case stays where it is
				return nil
			}
		}
		if err != nil {
			return err
		}
		return move(ctx, tx, v, to)
	})
	switch {
	case errors.Is(err, errMoved):
		return s.showMoved(w, r, v)
	case err != nil:
		return err
	case full:
		page.Faults = []templates.Fault{templates.CorreoLimit}
		return s.Show(w, v.Visit, http.StatusOK, page)
	case step != StepSent:
		return s.showFailed(w, r, v)
	default:
		return s.Redirect(w, r, v.PagePath(pathSent))
	}
}
