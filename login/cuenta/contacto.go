package cuenta

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/contact"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// Addresses of this part of the account.
const (
	pageContact    = "/cuenta/contacto"
	pageAddress    = "/cuenta/contacto/correo" // and below: what is done to one
	pageOfNumbers  = "/cuenta/contacto/telefonos"
	fieldAddress   = "direccion" // the id of a further address
	fieldOfMessage = "codigo_mensaje"
)

// getContact is GET /cuenta/contacto: her addresses and telephones, whole.
func (s *Server) getContact(w http.ResponseWriter, r *http.Request, v *visit) error {
	page, err := s.contactPage(r, v)
	if err != nil {
		return err
	}
	page.Done = templates.Done(s.doneHere(r, v))
	return s.Show(w, v.Visit, http.StatusOK, page)
}

func (s *Server) contactPage(r *http.Request, v *visit) (templates.MyContact, error) {
	a := v.afiliado
	page := templates.MyContact{
		Own: s.own(r, v), Primary: a.Email, Proved: a.EmailVerified, Mobile: a.Mobile, Landline: a.Landline,
		Wait:    s.ContactWait,
		Correo:  login.TypedUpTo(strings.TrimSpace(v.Form.Get("correo")), 320),
		Celular: login.TypedUpTo(strings.TrimSpace(v.Form.Get("celular")), 32), Convencional: login.TypedUpTo(strings.TrimSpace(v.Form.Get("convencional")), 32),
	}
	var err error
	if page.Strong, err = s.approves(r.Context(), s.DB, v); err != nil {
		return page, err
	}
	more, err := s.DB.EmailAddresses(r.Context(), a.ID)
	if err != nil {
		return page, err
	}
	for _, e := range more {
		one := templates.MyAddress{ID: e.ID, Address: e.Email, Added: e.AddedAt.Time}
		switch {
		case strings.EqualFold(e.Email, a.Email): // the registry has put it on file meanwhile
		case e.ProvedAt.IsZero():
			page.Pending = &one
		default:
			if ripe := s.Contacts.Ripe(e); ripe.After(v.Now) {
				one.Ready = ripe
			}
			page.More = append(page.More, one)
		}
	}
	page.Room = len(page.More)+1 < storage.MaxEmailAddresses
	open, err := s.DB.OpenContactChange(r.Context(), a.ID)
	if err == nil {
		page.Change = &templates.MyAddress{ID: open.ID, Address: open.Email, Added: open.AskedAt.Time, Ready: open.ReadyAt.Time}
	} else if !errors.Is(err, storage.ErrNotFound) {
		return page, err
	}
	return page, nil
}

// approves reports whether the session's fresh proof by a passkey stands for the
// approval of the address on file (D18). None does while one was added within the
// wait, even if it is gone again: whoever knows the clave can add one where there is
// none, and must not escape the wait by it (T05).
func (s *Server) approves(ctx context.Context, from personEvents, v *visit) (bool, error) {
	if v.session == nil || v.session.ACR != login.ACRPasskey || !v.FreshBySecond(v.session) {
		return false, nil
	}
	added, err := from.PersonEvents(ctx, v.afiliado.ID, login.EventPasskeyAdded, v.Now, 1)
	return err == nil && (len(added) == 0 || !added[0].At.Add(s.ContactWait).After(v.Now)), err
}

// onContact does act, with her held, and leads to the page, which says what it did.
func (s *Server) onContact(w http.ResponseWriter, r *http.Request, v *visit,
	act func(ctx context.Context, tx *storage.Tx, a *storage.Afiliado) (templates.Done, error),
) error {
	var done templates.Done
	err := s.holding(r, v, func(ctx context.Context, tx *storage.Tx, a *storage.Afiliado) error {
		var err error
		done, err = act(ctx, tx, a)
		return err
	})
	if err != nil {
		return err
	}
	return s.toContact(w, r, v, done)
}

// toContact leads to the page, which says what was done.
func (s *Server) toContact(w http.ResponseWriter, r *http.Request, v *visit, done templates.Done) error {
	return s.toDone(w, r, v, pageContact, string(done))
}

// showContact shows the page again, with what is wrong.
func (s *Server) showContact(w http.ResponseWriter, r *http.Request, v *visit, faults ...templates.Fault) error {
	page, err := s.contactPage(r, v)
	if err != nil {
		return err
	}
	page.Faults = faults
	return s.Show(w, v.Visit, http.StatusOK, page)
}

// holding runs f in one transaction in which her row is held.
func (s *Server) holding(r *http.Request, v *visit, f func(ctx context.Context, tx *storage.Tx, a *storage.Afiliado) error) error {
	return s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
		a, err := tx.LockAfiliado(r.Context(), v.afiliado.ID)
		if err != nil {
			return err
		}
		return f(r.Context(), tx, a)
	})
}

// postAddress is POST /cuenta/contacto/correo: a further address, which counts for
// nothing until its mail has proved to be read.
func (s *Server) postAddress(w http.ResponseWriter, r *http.Request, v *visit) error {
	typed := strings.TrimSpace(v.Form.Get("correo"))
	email, err := storage.ParseEmail(typed)
	switch {
	case typed == "":
		return s.showContact(w, r, v, templates.CorreoEmpty)
	case err != nil:
		return s.showContact(w, r, v, templates.CorreoMalformed)
	}
	page, err := s.contactPage(r, v)
	if err != nil {
		return err
	}
	for _, had := range append(page.More, templates.MyAddress{Address: page.Primary}) {
		if strings.EqualFold(had.Address, email) {
			return s.showContact(w, r, v, templates.CorreoOwn)
		}
	}
	if !page.Room {
		return s.showContact(w, r, v, templates.CorreoMany)
	}
	added := false
	err = s.holding(r, v, func(ctx context.Context, tx *storage.Tx, a *storage.Afiliado) error {
		var err error
		added, err = s.Contacts.Add(ctx, tx, r, v.Visit, a, email)
		return err
	})
	switch {
	case errors.Is(err, storage.ErrConflict): // another form was faster
		return s.toContact(w, r, v, templates.DoneEmailNothing)
	case err != nil:
		return err
	case !added:
		return s.showContact(w, r, v, templates.CorreoLater)
	default:
		return s.toContact(w, r, v, templates.DoneEmailSent)
	}
}

// postResend is POST /cuenta/contacto/correo/enviar: the message once more that
// proves the address.
func (s *Server) postResend(w http.ResponseWriter, r *http.Request, v *visit) error {
	sent, found := false, false
	err := s.holding(r, v, func(ctx context.Context, tx *storage.Tx, a *storage.Afiliado) error {
		e, err := s.further(ctx, tx, a, v.Form.Get(fieldAddress))
		if err != nil || e == nil || !e.ProvedAt.IsZero() {
			return err
		}
		found = true
		sent, err = s.Contacts.Resend(ctx, tx, r, v.Visit, a, *e)
		return err
	})
	switch {
	case err != nil:
		return err
	case !found:
		return s.toContact(w, r, v, templates.DoneEmailNothing)
	case !sent:
		return s.showContact(w, r, v, templates.CorreoLater)
	default:
		return s.toContact(w, r, v, templates.DoneEmailSent)
	}
}

// further is her further address of that id, nil for none: another person's is none.
func (s *Server) further(ctx context.Context, tx *storage.Tx, a *storage.Afiliado, id string) (*storage.EmailAddress, error) {
	all, err := tx.EmailAddresses(ctx, a.ID)
	if err != nil {
		return nil, err
	}
	for _, e := range all {
		if e.ID == id {
			return &e, nil
		}
	}
	return nil, nil //nolint:nilnil // documented: none
}

// postRemove is POST /cuenta/contacto/correo/quitar.
func (s *Server) postRemove(w http.ResponseWriter, r *http.Request, v *visit) error {
	return s.onContact(w, r, v, func(ctx context.Context, tx *storage.Tx, a *storage.Afiliado) (templates.Done, error) {
		if removed, err := s.Contacts.Remove(ctx, tx, r, v.Visit, a, v.Form.Get(fieldAddress)); err != nil || !removed {
			return templates.DoneEmailNothing, err
		}
		return templates.DoneEmailRemoved, nil
	})
}

// postPromote is POST /cuenta/contacto/correo/principal: a further address becomes
// the one on file, at once where it has been hers for long enough or a passkey stands
// for the approval of that before; else it waits, and that before is asked (D18, T05).
func (s *Server) postPromote(w http.ResponseWriter, r *http.Request, v *visit) error {
	return s.onContact(w, r, v, func(ctx context.Context, tx *storage.Tx, a *storage.Afiliado) (templates.Done, error) {
		e, err := s.further(ctx, tx, a, v.Form.Get(fieldAddress))
		if err != nil || e == nil || e.ProvedAt.IsZero() || strings.EqualFold(e.Email, a.Email) {
			return templates.DoneEmailNothing, err
		}
		approved, err := s.approves(ctx, tx, v)
		if err != nil {
			return "", err
		}
		if approved || !s.Contacts.Ripe(*e).After(v.Now) {
			if first, err := s.Contacts.Promote(ctx, tx, r, v.Visit, a, *e); err != nil || !first {
				return templates.DoneEmailNothing, err
			}
			return templates.DoneEmailFirst, nil
		}
		if _, err := storage.ParseEmail(a.Email); err != nil {
			return templates.DoneEmailNothing, nil //nolint:nilerr // nobody could object: it waits until it is ripe
		}
		open, err := contact.Open(ctx, tx, a.ID)
		if err != nil || open != nil && strings.EqualFold(open.Email, e.Email) {
			return templates.DoneEmailNothing, err // who asks once more does not wait anew
		}
		if asked, err := s.Contacts.Ask(ctx, tx, r, v.Visit, contactWish(a, *e)); err != nil || !asked {
			return templates.DoneEmailNothing, err
		}
		return templates.DoneEmailAsked, nil
	})
}

// postStay is POST /cuenta/contacto/correo/cancelar: what is on file stays.
func (s *Server) postStay(w http.ResponseWriter, r *http.Request, v *visit) error {
	return s.onContact(w, r, v, func(ctx context.Context, tx *storage.Tx, a *storage.Afiliado) (templates.Done, error) {
		n, err := tx.CancelContactChanges(ctx, a.ID, v.Now)
		if err != nil || n == 0 {
			return templates.DoneEmailNothing, err
		}
		for _, purpose := range []string{storage.LinkCorreoNuevo, storage.LinkCorreoViejo} {
			if err := tx.KillLinks(ctx, a.ID, purpose, v.Now); err != nil {
				return "", err
			}
		}
		return templates.DoneEmailKept, tx.Audit(ctx, v.Event(r, login.EventContactCancelled, a.ID))
	})
}

// postNumbers is POST /cuenta/contacto/telefonos: a blank field keeps what is on
// file.
func (s *Server) postNumbers(w http.ResponseWriter, r *http.Request, v *visit) error {
	page, err := s.contactPage(r, v)
	if err != nil {
		return err
	}
	var mobile, landline string
	for _, f := range []struct {
		text  string
		to    *string
		parse func(string) (string, error)
		fault templates.Fault
	}{{page.Celular, &mobile, storage.ParseMobile, templates.CelularMalformed}, {page.Convencional, &landline, storage.ParseLandline, templates.LandlineMalformed}} {
		if f.text == "" {
			continue
		}
		if *f.to, err = f.parse(f.text); err != nil {
			page.Faults = append(page.Faults, f.fault)
		}
	}
	if page.Mobile+page.Landline+page.Celular+page.Convencional == "" {
		page.Faults = append(page.Faults, templates.TelefonoMissing)
	}
	if len(page.Faults) > 0 {
		return s.Show(w, v.Visit, http.StatusOK, page)
	}
	return s.onContact(w, r, v, func(ctx context.Context, tx *storage.Tx, a *storage.Afiliado) (templates.Done, error) {
		which := changedPhones(a, mobile, landline)
		if which == "" {
			return templates.DonePhonesSame, nil
		}
		if err := tx.SetPhones(ctx, a.ID, mobile, landline, v.Now); err != nil {
			return "", err
		}
		return templates.DonePhones, s.TellOwn(ctx, tx, r, v.Visit, a, templates.PhonesChanged, map[string]string{"which": which}, login.Notice{})
	})
}

// changedPhones says which telephone of a becomes another: mobile, landline or both; "" for
// none.
func changedPhones(a *storage.Afiliado, mobile, landline string) string {
	first, second := cmp.Or(mobile, a.Mobile) != a.Mobile, cmp.Or(landline, a.Landline) != a.Landline
	switch {
	case first && second:
		return "both"
	case first:
		return "mobile"
	case second:
		return "landline"
	default:
		return ""
	}
}
