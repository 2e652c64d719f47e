package login

import (
	"context"
	"errors"
	"net/http"
	"time"

	"iess.gob.ec/clave/login/passkey"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

const pageOffer = "/ingresar/oferta"

// fieldAble comes with a sign-in from a browser that can make a passkey.
const fieldAble = "puede"

// able reports whether a passkey may be offered after the visit's sign-in: its
// browser can make one.
func (s *Server) able(v *Visit) bool { return s.Passkeys != nil && v.Form.Get(fieldAble) == "1" }

// offered reports whether a passkey is to be offered to the person of a session now:
// her browser can make one, she has none, and has not asked to be spared; what she
// proved is enough to make one, and not long ago.
func offered(found *storage.Session, f storage.Factors, now time.Time) bool {
	return offerOpen(found, f) && now.Sub(found.AuthAt.Time) <= freshLife
}

// offerOpen is offered, however long ago her proof.
func offerOpen(found *storage.Session, f storage.Factors) bool {
	return found.Offer && !found.Shared && f.Passkeys == 0 && !f.Declined && (!f.Any() || Satisfies(found.ACR, ACR2FA))
}

// offer asks for a passkey beside the clave. It comes last, once in a session, and
// keeps nobody: whoever may not be asked goes on without.
func offer(p Progress) turn {
	if offered(p.Session, p.Factors, p.Now) {
		return turn{StepOffer, StepFinish}
	}
	return turn{step: StepFinish}
}

// getOffer is GET /ingresar/oferta, in a running request or without one.
func (s *Server) getOffer(w http.ResponseWriter, r *http.Request) error {
	v, err := s.Visit(w, r)
	if err != nil {
		return err
	}
	return s.offering(w, r, v, func(ctx context.Context, tx *storage.Tx, found *storage.Session, a *storage.Afiliado) (http.Handler, error) {
		mine, err := s.mayOffer(ctx, tx, v, found)
		if err != nil || !mine {
			return nil, err
		}
		return s.offerPage(ctx, tx, v, found, a, false)
	})
}

// mayOffer reports whether it is the offer's turn.
func (s *Server) mayOffer(ctx context.Context, tx *storage.Tx, v *Visit, found *storage.Session) (bool, error) {
	if v.Request != nil {
		p, err := s.progress(ctx, tx, v, found)
		return err == nil && Next(p) == StepOffer, err
	}
	f, err := tx.Factors(ctx, found.AfiliadoID, v.Now)
	return err == nil && offered(found, f, v.Now), err
}

// offering runs f in one transaction for the session's person, whose row is held,
// and writes the answer; where f gives none, or nobody is signed in, that is where
// she goes on.
func (s *Server) offering(w http.ResponseWriter, r *http.Request, v *Visit,
	f func(context.Context, *storage.Tx, *storage.Session, *storage.Afiliado) (http.Handler, error),
) error {
	var answer http.Handler
	err := s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
		ctx := r.Context()
		found, err := s.liveSession(ctx, tx, r, v.Now)
		if err != nil {
			return err
		}
		hers, a := found != nil && !v.Swapped(found), (*storage.Afiliado)(nil)
		if hers {
			if a, err = tx.LockAfiliado(ctx, found.AfiliadoID); err != nil {
				return err
			}
		}
		if answer, err = s.Hold(ctx, tx, v); err != nil || answer != nil { // before f writes to the session
			return err
		}
		if hers {
			if answer, err = f(ctx, tx, found, a); err != nil || answer != nil {
				return err
			}
		}
		answer, err = s.Onward(ctx, tx, v, found)
		return err
	})
	if err != nil {
		return err
	}
	s.Answer(w, r, answer)
	return nil
}

// offerPage begins a ceremony and returns the page that may finish it.
func (s *Server) offerPage(ctx context.Context, tx *storage.Tx, v *Visit, found *storage.Session, a *storage.Afiliado, refused bool) (http.Handler, error) {
	page := templates.Offer{Goal: v.Goal(), Session: Mark(found.ID), Name: a.GivenName, Refused: refused}
	c, err := claveOf(ctx, tx, a.ID)
	if err != nil {
		return nil, err
	}
	page.Waives = s.Renewal.Passkey && c != nil && !c.DueAt.IsZero()
	options, err := s.BeginPasskey(ctx, tx, v, a)
	if err != nil {
		return nil, err
	}
	page.Options = string(options)
	return s.offerShown(v, page), nil
}

func (s *Server) offerShown(v *Visit, page templates.Offer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page.Layout = s.Layout(r, v)
		page.SignedIn = true
		if err := s.Show(w, v, http.StatusOK, page); err != nil {
			s.fail(w, r, err)
		}
	})
}

// postOffer is POST /ingresar/oferta: a passkey now, not now, or never more.
func (s *Server) postOffer(w http.ResponseWriter, r *http.Request) error {
	v, err := s.Visit(w, r)
	if err != nil {
		return err
	}
	return s.offering(w, r, v, func(ctx context.Context, tx *storage.Tx, found *storage.Session, a *storage.Afiliado) (http.Handler, error) {
		var answer http.Handler
		switch {
		case v.Form.Has("no-ofrecer"):
			err = s.decline(ctx, tx, r, v, a)
		case v.Form.Has("registrar"):
			answer, err = s.accept(ctx, tx, r, v, found, a)
		case !v.Form.Has("ahora-no"):
			return nil, nil //nolint:nilnil // documented: she goes on
		}
		if err != nil || answer != nil {
			return answer, err
		}
		found.Offer = false
		return nil, tx.SettleOffer(ctx, found.ID)
	})
}

// decline notes that she wishes to be offered no passkey any more.
func (s *Server) decline(ctx context.Context, tx *storage.Tx, r *http.Request, v *Visit, a *storage.Afiliado) error {
	if err := tx.DeclineOffer(ctx, a.ID, storage.At(v.Now)); err != nil {
		return err
	}
	return tx.Audit(ctx, v.Event(r, EventOfferDeclined, a.ID))
}

// accept adds the passkey that her device has made; the answer says what stands in
// the way, nil where nothing is left to ask.
func (s *Server) accept(ctx context.Context, tx *storage.Tx, r *http.Request, v *Visit, found *storage.Session, a *storage.Afiliado) (http.Handler, error) {
	f, err := tx.Factors(ctx, a.ID, v.Now)
	if err != nil || !offerOpen(found, f) {
		return nil, err
	}
	if !offered(found, f, v.Now) {
		return s.offerShown(v, templates.Offer{Goal: v.Goal(), Session: Mark(found.ID), Name: a.GivenName, Late: true}), nil
	}
	err = s.AddPasskey(ctx, tx, r, v, a)
	if _, refused := errors.AsType[*passkey.Refused](err); refused {
		return s.offerPage(ctx, tx, v, found, a, true)
	}
	if err == nil && v.next == "" { // in a request she goes on to the application
		v.next = PageAccount + "?llave=1"
	}
	return nil, err
}
