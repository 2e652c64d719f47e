package cuenta

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/contact"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// contactWish is a wish for e as the address on file.
func contactWish(a *storage.Afiliado, e storage.EmailAddress) contact.Wish {
	return contact.Wish{
		Afiliado: a, Email: e.Email, Proved: true, Detail: map[string]string{"from": "session", "address": e.ID},
	}
}

// getProof is GET /cuenta/contacto/confirmar, where the link of a further address
// leads, in whatever browser she signs in. Nothing is spent (T11).
func (s *Server) getProof(w http.ResponseWriter, r *http.Request, v *visit) error {
	link, e, err := s.openedAddress(r, v)
	if err != nil {
		return err
	}
	if link == nil {
		return s.toContact(w, r, v, templates.DoneEmailLate)
	}
	return s.Show(w, v.Visit, http.StatusOK, templates.MyAddressLink{Own: s.own(r, v), Address: e.Email})
}

// openedAddress is the live link of this browser to an address of hers that is still to be
// proved; nil for none. One to somebody else's is none.
func (s *Server) openedAddress(r *http.Request, v *visit) (*storage.Link, *storage.EmailAddress, error) {
	link, err := s.KeptLink(r, storage.LinkCorreoOtro)
	if err != nil || !v.Opens(link) || link.AfiliadoID != v.afiliado.ID {
		return nil, nil, err
	}
	all, err := s.DB.EmailAddresses(r.Context(), v.afiliado.ID)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range all {
		if e.ID == login.LinkOwner(link) && e.ProvedAt.IsZero() {
			return link, &e, nil
		}
	}
	return nil, nil, nil
}

// postProof is POST /cuenta/contacto/correo/confirmar: what the link is for.
func (s *Server) postProof(w http.ResponseWriter, r *http.Request, v *visit) error {
	link, _, err := s.openedAddress(r, v)
	if err != nil {
		return err
	}
	if link == nil {
		return s.toContact(w, r, v, templates.DoneEmailLate)
	}
	return s.proveAddress(w, r, v, link)
}

func (s *Server) proveAddress(w http.ResponseWriter, r *http.Request, v *visit, link *storage.Link) error {
	return s.onContact(w, r, v, func(ctx context.Context, tx *storage.Tx, a *storage.Afiliado) (templates.Done, error) {
		if proved, err := s.Contacts.Prove(ctx, tx, r, v.Visit, a, link); err != nil || !proved {
			return templates.DoneEmailLate, err
		}
		return templates.DoneEmailAdded, nil
	})
}

// postCode is POST /cuenta/contacto/correo/codigo: the code of the message instead of
// its link, where that is read elsewhere (ASVS 6.5.4, 6.5.5).
func (s *Server) postCode(w http.ResponseWriter, r *http.Request, v *visit) error {
	page, err := s.contactPage(r, v)
	if err != nil {
		return err
	}
	if page.Pending == nil { // it was confirmed, or taken away, in another tab
		return s.toContact(w, r, v, templates.DoneEmailNothing)
	}
	refuse := func(fault templates.Fault) error {
		page.Faults = []templates.Fault{fault}
		return s.Show(w, v.Visit, http.StatusOK, page)
	}
	code := strings.Map(func(c rune) rune {
		if c == ' ' || c == '-' {
			return -1
		}
		return c
	}, login.TypedUpTo(v.Form.Get(fieldOfMessage), 32))
	switch {
	case code == "":
		return refuse(templates.MensajeEmpty)
	case len(code) != 8 || strings.Trim(code, "0123456789") != "":
		return refuse(templates.MensajeMalformed)
	}
	link, err := s.DB.LiveLink(r.Context(), storage.LinkCorreoOtro, v.afiliado.ID, v.Now)
	if errors.Is(err, storage.ErrNotFound) {
		return refuse(templates.MensajeWrong)
	}
	if err != nil {
		return err
	}
	number := 0
	err = s.holding(r, v, func(ctx context.Context, tx *storage.Tx, _ *storage.Afiliado) error {
		number, err = tx.CodeAttempt(ctx, link.ID, login.LinkAttempts, v.Now)
		return err
	})
	if err != nil {
		return err
	}
	if number == 0 || !s.DB.IsLinkCode(link.ID, code) {
		return refuse(templates.MensajeWrong)
	}
	return s.proveAddress(w, r, v, link)
}
