package login

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"iess.gob.ec/clave/login/challenge"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// patience is how much too early a ticket may come and the form be held until it
// counts: nobody without script types a clave again for a few seconds.
const patience = 5 * time.Second

// guard lets an attempt pass that asks for no challenge or has answered it, and
// reads what presses on it. It looks nobody up, so that a stranger's form that
// stops here took the same work whoever has the identifier (T01).
func (s *Server) guard(ctx context.Context, r *http.Request, v *Visit, a *Attempt) error {
	var err error
	if a.network, a.failing, err = s.Levels(ctx, r, v, a.id); err != nil {
		return err
	}
	network := s.pressing(v, a.network)
	if _, due := challenge.Pressed(network, a.failing); !due {
		return nil
	}
	if known, err := s.knows(ctx, r, v, a.id); err != nil || known {
		return err
	}
	form, least := asking(r, v), challenge.Due(network, a.failing)
	err = s.Challenges.Verify(ctx, v.Form, form, least)
	if early, ok := errors.AsType[*challenge.NotYet](err); ok && early.Wait <= patience {
		if err := s.Wait(ctx, early.Wait); err != nil {
			return err
		}
		err = s.Challenges.Verify(ctx, v.Form, form, least)
	}
	if challenge.FaultOf(err) != "" && s.alarmed(v.Now) {
		s.watch.failed.Add(1) // or the alarm would end while the attack goes on
	}
	return err
}

// knows reports whether this browser is known to be that of whoever has id; where
// that is not typed yet, whether it may be anybody's.
func (s *Server) knows(ctx context.Context, r *http.Request, v *Visit, id storage.Identifier) (bool, error) {
	if id == "" {
		return s.deviceHash(r) != "", nil
	}
	return s.Hers(ctx, r, v, s.DB.IdentifierMAC(id))
}

// Hers reports whether this browser is known to be that of whoever has the
// identifier with that hash. It does the same work where nobody has it.
func (s *Server) Hers(ctx context.Context, r *http.Request, v *Visit, identifierMAC []byte) (bool, error) {
	hash := s.deviceHash(r)
	if hash == "" {
		return false, nil
	}
	return s.DB.KnowsDevice(ctx, identifierMAC, hash, v.Now)
}

// Slow makes a form that tries to pass for whoever has id wait as long as what has
// failed lately weighs, on id and from the network: as a stranger's sign-in, and
// whoever it is.
func (s *Server) Slow(ctx context.Context, r *http.Request, v *Visit, id storage.Identifier) error {
	network, failing, err := s.Levels(ctx, r, v, id)
	if err != nil {
		return err
	}
	return s.delay(ctx, &Attempt{network: network, failing: failing})
}

// asking is where a clave is asked: a challenge posed there counts on no other
// page.
func asking(r *http.Request, v *Visit) challenge.Form {
	q := url.Values{}
	if v.Request != nil {
		q.Set("id", v.Request.ID)
	}
	for _, box := range []string{"codigo", "acuerdo", "cerrar_otras", FieldShared} { // what Resume's page has to tick again
		if v.Form.Get(box) != "" {
			q.Set(box, "1")
		}
	}
	return challenge.Form{Purpose: r.URL.Path, Browser: v.Browser, Path: (&url.URL{Path: r.URL.Path, RawQuery: q.Encode()}).String()}
}

// cost is that of a challenge for id, "" for nothing typed yet, and whether one is
// due.
func (s *Server) cost(r *http.Request, v *Visit, id storage.Identifier) (challenge.Cost, bool, error) {
	network, identifier, err := s.Levels(r.Context(), r, v, id)
	if err != nil {
		return challenge.Cost{}, false, err
	}
	cost, due := challenge.Pressed(s.pressing(v, network), identifier)
	if due {
		known, err := s.knows(r.Context(), r, v, id)
		return cost, !known, err
	}
	return cost, false, nil
}

// Pose is the challenge of a page that asks for a clave of id ("" for nothing
// typed yet): nil unless pressure asks for one, and then another one each time.
func (s *Server) Pose(w http.ResponseWriter, r *http.Request, v *Visit, id storage.Identifier) (*templates.Challenge, error) {
	cost, due, err := s.cost(r, v, id)
	if err != nil || !due {
		return nil, err
	}
	return s.Challenges.Issue(w, asking(r, v), cost)
}

// Resume is Pose for a GET, which may come from a page that waited for a ticket:
// it then returns what had been typed there as an identifier, too.
func (s *Server) Resume(w http.ResponseWriter, r *http.Request, v *Visit, id storage.Identifier) (*templates.Challenge, string, error) {
	if !r.URL.Query().Has(challenge.FieldTicket) {
		ch, err := s.Pose(w, r, v, id)
		return ch, "", err
	}
	cost, due, err := s.cost(r, v, id)
	if err != nil {
		return nil, "", err
	}
	ch, typed, err := s.Challenges.Resume(w, r.URL.Query(), asking(r, v), cost)
	if ch == nil && err == nil && due {
		ch, err = s.Challenges.Issue(w, asking(r, v), cost)
	}
	return ch, typed, err
}

// Keep is Pose for a form in which something else is wrong: its box stays as it
// was left.
func (s *Server) Keep(w http.ResponseWriter, r *http.Request, v *Visit, id storage.Identifier) (*templates.Challenge, error) {
	cost, due, err := s.cost(r, v, id)
	if err != nil || !due {
		return nil, err
	}
	return s.Challenges.Keep(w, v.Form, asking(r, v), cost)
}

// Refusal is why Try tried nothing.
type Refusal struct {
	Challenge *templates.Challenge // to be answered with the next form; nil: none
	Faults    []templates.Fault    // what was wrong with the last answer
	Busy      bool                 // no hash slot was free
	Retry     time.Duration        // where Busy
}

// Refusal is what the page tells of an error of Try; an error that people have
// nothing to do with comes back. Typed is what stood in the field of the
// identifier.
func (s *Server) Refusal(w http.ResponseWriter, r *http.Request, v *Visit, id storage.Identifier, typed string, cause error) (Refusal, error) {
	fault := challenge.FaultOf(cause)
	if fault == "" {
		if !errors.Is(cause, ErrBusy) {
			return Refusal{}, cause
		}
		ch, err := s.Pose(w, r, v, id)
		return Refusal{Challenge: ch, Busy: true, Retry: s.Hash.RetryAfter()}, err
	}
	cost, _, err := s.cost(r, v, id)
	if err != nil {
		return Refusal{}, err
	}
	ch, err := s.Challenges.Again(w, v.Form, asking(r, v), cost, cause, typed)
	if err != nil || ch.Early() {
		return Refusal{Challenge: ch}, err
	}
	return Refusal{Challenge: ch, Faults: []templates.Fault{fault}}, nil
}

// ShowRefusal is Show for the page of a Refusal: 503 with Retry-After where all
// is busy (T28).
func (s *Server) ShowRefusal(w http.ResponseWriter, v *Visit, n Refusal, page templates.Page) error {
	if !n.Busy {
		return s.Show(w, v, http.StatusOK, page)
	}
	w.Header().Set("Retry-After", retryAfter(n.Retry))
	return s.Show(w, v, templates.KindBusy.Status(), page)
}
