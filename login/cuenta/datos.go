package cuenta

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// getDatos is GET /cuenta/datos: what is on file of the person, whole (D19).
func (s *Server) getDatos(w http.ResponseWriter, r *http.Request, v *visit) error {
	a := v.afiliado
	page := templates.Profile{
		Own: s.own(r, v), Chosen: a.Locale, Done: templates.Done(s.doneHere(r, v)),
		Data: []templates.Datum{
			{Claim: "given_name", Values: []string{a.GivenName}},
			{Claim: "family_name", Values: []string{a.FamilyName}},
			{Claim: "cedula", Values: []string{string(a.Identifier)}},
			{Claim: "tipo_identificacion", Values: []string{a.IdentifierType}},
			{Claim: "birthdate", Values: []string{a.Birthdate}},
			{Claim: "tipo_asegurado", Values: a.Kinds},
			{Claim: "estado_afiliacion", Values: []string{a.Estado}},
		},
	}
	var err error
	if page.Steps, err = s.strengths(r.Context(), v); err != nil {
		return err
	}
	page.Now.When = v.session.CreatedAt.Time
	page.Now.Network, page.Now.Device = login.Origin(r)
	if page.Last, err = s.lastSeen(r.Context(), v); err != nil {
		return err
	}
	return s.Show(w, v.Visit, http.StatusOK, page)
}

// strengths are the ways of signing in, with what the session is of, what the person
// could sign in by, and which is worth setting up next.
func (s *Server) strengths(ctx context.Context, v *visit) ([]templates.Strength, error) {
	f, err := s.DB.Factors(ctx, v.afiliado.ID, v.Now)
	if err != nil {
		return nil, err
	}
	c, err := s.DB.ClaveFacts(ctx, v.afiliado.ID)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return nil, err
	}
	has := err == nil
	out := []templates.Strength{
		{Level: "clave", Now: v.session.ACR == login.ACRClave, Have: has},
		{Level: "clave15", Now: v.session.ACR == login.ACRClave15, Have: has && c.Long},
		{Level: "2fa", Now: v.session.ACR == login.ACR2FA, Have: has && f.TOTP},
		{Level: "passkey", Now: v.session.ACR == login.ACRPasskey, Have: f.Passkeys > 0},
	}
	strongest := 0
	for i := range out {
		out[i].Have = out[i].Have || out[i].Now
		if out[i].Have {
			strongest = i
		}
	}
	if strongest+1 < len(out) {
		out[strongest+1].Next = true
	}
	return out, nil
}

// lastSeen is the person's sign-in before the session, nil for none that is known.
func (s *Server) lastSeen(ctx context.Context, v *visit) (*templates.Seen, error) {
	rows, err := s.DB.PersonEvents(ctx, v.afiliado.ID, login.EventSessionStarted, v.session.CreatedAt.Add(-time.Microsecond), 1)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	from, err := s.DB.AuditPersonal(ctx, rows[0].ID)
	if err != nil {
		return nil, err
	}
	network, device := login.Whence(from)
	return &templates.Seen{When: rows[0].At.Time, Network: network, Device: device}, nil
}

// postIdioma is POST /cuenta/idioma: the language of pages in this browser, and of
// mails.
func (s *Server) postIdioma(w http.ResponseWriter, r *http.Request, v *visit) error {
	lang := v.Form.Get("idioma")
	if !slices.Contains(templates.Languages(), lang) {
		return s.Redirect(w, r, "/cuenta/datos")
	}
	if lang != v.afiliado.Locale {
		err := s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
			ctx := r.Context()
			if _, err := tx.LockAfiliado(ctx, v.afiliado.ID); err != nil {
				return err
			}
			if err := tx.SetLocale(ctx, v.afiliado.ID, lang, v.Now); err != nil {
				return err
			}
			e := v.Event(r, login.EventLanguageChosen, v.afiliado.ID)
			e.Detail = map[string]string{"language": lang}
			return tx.Audit(ctx, e)
		})
		if err != nil {
			return err
		}
	}
	s.KeepLanguage(w, lang)
	return s.toDone(w, r, v, "/cuenta/datos", string(templates.DoneLanguage))
}
