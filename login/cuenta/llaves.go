package cuenta

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/passkey"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

const pageKeys = login.PageAccount + "/llaves"

// fieldKey names one passkey by its id.
const fieldKey = "cual"

func (s *Server) keyRoutes() []route {
	return []route{
		{show, pageKeys, s.getKeys},
		{strong, pageKeys + "/agregar", s.addKey},
		{show, pageKeys + "/nueva", s.getNewKey},
		{strong, pageKeys + "/nueva", s.postNewKey},
		{show, pageKeys + "/nombre", s.getKeyName},
		{change, pageKeys + "/nombre", s.postKeyName},
		{show, pageKeys + "/quitar", s.getRemoveKey},
		{change, pageKeys + "/quitar", s.removeKey},
		{strong, pageKeys + "/quitar-ahora", s.removeKey},
		{act, pageKeys + "/conservar", s.keepKey},
		{act, pageKeys + "/oferta", s.offerAgain},
	}
}

// getKeys is GET /cuenta/llaves.
func (s *Server) getKeys(w http.ResponseWriter, r *http.Request, v *visit) error {
	ctx := r.Context()
	all, err := s.DB.Passkeys(ctx, v.afiliado.ID, v.Now)
	if err != nil {
		return err
	}
	factors, err := s.DB.Factors(ctx, v.afiliado.ID, v.Now)
	if err != nil {
		return err
	}
	page := templates.Keys{Own: s.own(r, v), Limit: login.MaxPasskeys, Off: s.Passkeys == nil, Declined: factors.Declined, Done: templates.KeysDone(s.doneHere(r, v))}
	for _, p := range all {
		page.Keys = append(page.Keys, keyOf(p))
	}
	if page.Signal, err = s.signal(all); err != nil {
		return err
	}
	switch page.Done {
	case templates.KeysAdded, templates.KeysEnded, templates.KeysEnding:
		if page.Others, err = s.others(ctx, v); err != nil {
			return err
		}
	}
	return s.Show(w, v.Visit, http.StatusOK, page)
}

// keyOf is a passkey in the words of the pages.
func keyOf(p storage.Passkey) templates.Key {
	k := templates.Key{
		ID: p.ID, Name: p.Name, Made: p.CreatedAt.Time, On: login.DeviceName(p.UserAgent), Used: p.LastAt.Time, Place: templates.KeyHere,
		Cloned: p.ClonedAt.Time, Ends: p.RevokedAt.Time,
	}
	switch {
	case p.BackedUp:
		k.Place = templates.KeySynced
	case passkey.Synced(p):
		k.Place = templates.KeyCould
	}
	return k
}

// signal is what tells the browser which passkeys are left (WA-10), "" where there
// is nothing to tell.
func (s *Server) signal(all []storage.Passkey) (string, error) {
	if s.Passkeys == nil || len(all) == 0 {
		return "", nil
	}
	told := struct {
		RPID string   `json:"rpId"`
		User string   `json:"userId"`
		Left []string `json:"allAcceptedCredentialIds"`
	}{RPID: s.Passkeys.ID(), User: all[0].Handle}
	for _, p := range all {
		told.Left = append(told.Left, p.CredentialID)
	}
	text, err := json.Marshal(told)
	if err != nil {
		return "", fmt.Errorf("cuenta: %w", err)
	}
	return string(text), nil
}

// toKeys leads to the list, which says what has been done.
func (s *Server) toKeys(w http.ResponseWriter, r *http.Request, v *visit, done templates.KeysDone) error {
	return s.toDone(w, r, v, pageKeys, string(done))
}

// passkeys is what *storage.DB and *storage.Tx have in common here.
type passkeys interface {
	Passkeys(ctx context.Context, afiliadoID string, now time.Time) ([]storage.Passkey, error)
}

// key is the live passkey of the person's that id names, and the others; nil: she
// has no such.
func (s *Server) key(ctx context.Context, from passkeys, v *visit, id string) (*storage.Passkey, []storage.Passkey, error) {
	all, err := from.Passkeys(ctx, v.afiliado.ID, v.Now)
	if err != nil {
		return nil, nil, err
	}
	for i, p := range all {
		if p.ID == id {
			return &p, slices.Delete(all, i, i+1), nil
		}
	}
	return nil, all, nil
}

// offerAgain is POST /cuenta/llaves/oferta: she may be offered a passkey once more.
func (s *Server) offerAgain(w http.ResponseWriter, r *http.Request, v *visit) error {
	ctx := r.Context()
	err := s.DB.InTx(ctx, func(tx *storage.Tx) error {
		if _, err := tx.LockAfiliado(ctx, v.afiliado.ID); err != nil {
			return err
		}
		if err := tx.DeclineOffer(ctx, v.afiliado.ID, storage.Instant{}); err != nil {
			return err
		}
		return tx.Audit(ctx, v.Event(r, login.EventOfferRestored, v.afiliado.ID))
	})
	if err != nil {
		return err
	}
	return s.toKeys(w, r, v, templates.KeysOffered)
}
