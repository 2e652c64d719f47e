package login

import (
	"context"
	"net/http"
	"time"

	"iess.gob.ec/clave/storage"
)

// secondLife is for how long a right clave waits for its second step.
const secondLife = 10 * time.Minute

// Second is a second step that somebody is asked for in this browser. It hangs on a
// grant that counts her attempts (ASVS 6.6.3): after a clave, one that signs her in
// once the step is done, while there is no session; inside a session, one that can
// do no more than raise it.
type Second struct {
	Has   storage.Factors // what it may be done with
	Over  bool            // no attempt is left: she begins again with her clave
	grant *storage.Link
}

// AfiliadoID is whom the step is asked of.
func (q *Second) AfiliadoID() string { return q.grant.AfiliadoID }

// Mark names the step in its forms (Mark).
func (q *Second) Mark() string { return Mark(q.grant.ID) }

// AskSecond notes in tx that the person of p has typed her clave and is asked for a
// second step, in this browser. The returned function sets the cookie once tx has
// committed.
func (s *Server) AskSecond(ctx context.Context, tx *storage.Tx, r *http.Request, v *Visit, p *Proof) (*Second, func(http.ResponseWriter), error) {
	shared := v.Form.Has(FieldShared) // said beside the clave: the form that follows says it no more
	if shared {
		if err := s.dropBrowser(ctx, tx, secret(r, s.cookies.device)); err != nil {
			return nil, nil, err
		}
	}
	grant, granted, err := s.addGrant(ctx, tx, v, storage.LinkSegundo, p.ID)
	if err != nil {
		return nil, nil, err
	}
	keep := func(w http.ResponseWriter) {
		if shared {
			s.markShared(w)
		}
		granted(w)
	}
	return &Second{Has: p.Factors, grant: grant}, keep, tx.Audit(ctx, v.Event(r, eventSecondAsked, p.ID))
}

// SecondDue reports whether the proof of a clave is not enough to sign its person in:
// AskSecond is what follows then. Because of what the running request wants, a
// passkey is asked for only where it insists: she may be where hers does not work.
func (p *Proof) SecondDue(v *Visit) bool {
	return secondDue(p.Factors, p.acr, v.Request) || p.Factors.Passkeys > 0 && passkeyDue(p.acr, v.Request)
}

// passkeyDue reports whether the running request, nil for none, insists on a class
// that a passkey gives and a proof of class acr does not.
func passkeyDue(acr string, req *storage.AuthRequest) bool {
	return req != nil && req.Params.ACREssential && !satisfiesAny(acr, req.Params.ACRValues) && satisfiesAny(ACRPasskey, req.Params.ACRValues)
}

func (s *Server) addGrant(ctx context.Context, tx *storage.Tx, v *Visit, purpose, afiliadoID string) (*storage.Link, func(http.ResponseWriter), error) {
	grant := storage.Link{
		ID: storage.NewID(), Purpose: purpose, AfiliadoID: afiliadoID, BrowserHash: v.Browser, Life: secondLife,
		CreatedAt: storage.At(v.Now), LatestAt: storage.At(v.Now.Add(secondLife)),
	}
	if v.Request != nil {
		grant.ClientID = v.Request.ClientID
	}
	keep := func(w http.ResponseWriter) { s.KeepSecret(w, CookieOf(purpose), s.DB.LinkToken(grant.ID), secondLife) }
	return &grant, keep, tx.AddLinkBeside(ctx, grant)
}

// SecondAsked is the step that AskSecond asked for in this browser; nil for none.
func (s *Server) SecondAsked(r *http.Request, v *Visit) (*Second, error) {
	grant, err := s.KeptLink(r, storage.LinkSegundo)
	if err != nil || grant == nil || !grant.Live(v.Now) || !v.AskedFor(grant) {
		return nil, err
	}
	return s.secondOf(r.Context(), v, grant)
}

func (s *Server) secondOf(ctx context.Context, v *Visit, grant *storage.Link) (*Second, error) {
	has, err := s.DB.Factors(ctx, grant.AfiliadoID, v.Now)
	return &Second{Has: has, Over: grant.Attempts >= LinkAttempts, grant: grant}, err
}

// SecondInside is the step that the person of a live session is asked for in it.
func (s *Server) SecondInside(w http.ResponseWriter, r *http.Request, v *Visit, found *storage.Session) (*Second, error) {
	ctx := r.Context()
	grant, err := s.KeptLink(r, storage.LinkSegundoSesion)
	if err != nil {
		return nil, err
	}
	if grant != nil && grant.Live(v.Now) && v.AskedFor(grant) && grant.AfiliadoID == found.AfiliadoID {
		return s.secondOf(ctx, v, grant)
	}
	var keep func(http.ResponseWriter)
	err = s.DB.InTx(ctx, func(tx *storage.Tx) error {
		grant, keep, err = s.addGrant(ctx, tx, v, storage.LinkSegundoSesion, found.AfiliadoID)
		return err
	})
	if err != nil {
		return nil, err
	}
	keep(w)
	return s.secondOf(ctx, v, grant)
}

// LeaveSecond ends a step that its person does not wish to go on with.
func (s *Server) LeaveSecond(ctx context.Context, q *Second, now time.Time) error {
	return s.DB.InTx(ctx, func(tx *storage.Tx) error {
		_, err := tx.UseLink(ctx, q.grant.ID, now)
		return err
	})
}
