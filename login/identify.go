package login

import (
	"net/http"

	"iess.gob.ec/clave/login/challenge"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// Asking is a form that acts for an identifier behind a challenge, whoever has
// that.
type Asking struct {
	challenge.Form
	// Extra presses on the challenge's cost like so many failures of the network.
	Extra int
}

// AskingCost is what the form's challenge costs for id, "" for nothing typed yet.
func (s *Server) AskingCost(r *http.Request, v *Visit, f Asking, id storage.Identifier) (challenge.Cost, error) {
	network, identifier, err := s.askingLevels(r, v, f, id)
	return challenge.CostOf(network, identifier), err
}

// AskingDue is what an answer must have cost: as much as id asks, which the page
// did not know when it posed the challenge, and nearly as much as the network
// does.
func (s *Server) AskingDue(r *http.Request, v *Visit, f Asking, id storage.Identifier) (challenge.Cost, error) {
	network, identifier, err := s.askingLevels(r, v, f, id)
	return challenge.Due(network, identifier), err
}

func (s *Server) askingLevels(r *http.Request, v *Visit, f Asking, id storage.Identifier) (int, int, error) {
	network, identifier, err := s.Levels(r.Context(), r, v, id)
	if id == "" {
		identifier = 0
	}
	return network + f.Extra, identifier, err
}

// PoseAsking is the challenge of a GET of the form, and what had been typed where
// it comes from a page that waited for a ticket.
func (s *Server) PoseAsking(w http.ResponseWriter, r *http.Request, v *Visit, f Asking) (*templates.Challenge, string, error) {
	cost, err := s.AskingCost(r, v, f, "")
	if err != nil {
		return nil, "", err
	}
	ch, typed, err := s.Challenges.Resume(w, r.URL.Query(), f.Form, cost)
	if err == nil && ch == nil {
		ch, err = s.Challenges.Issue(w, f.Form, cost)
	}
	return ch, typed, err
}

// ReadAsking reads the field identificacion behind the challenge. What is wrong
// with the form is added to faults, or sets stale; the first error is what is
// wrong with the answer to the challenge, which is spent only where all else is
// right.
func (s *Server) ReadAsking(r *http.Request, v *Visit, f Asking, faults *[]templates.Fault, stale *bool) (storage.Identifier, error, error) {
	if !v.SameSite(r) {
		*stale = true
		return "", nil, nil
	}
	text := v.Form.Get("identificacion")
	id, _, err := s.Identifiers.Parse(text)
	if err != nil {
		fault := templates.IdentificacionMalformed
		if Typed(text) == "" {
			fault = templates.IdentificacionEmpty
		}
		*faults = append(*faults, fault)
		id = ""
	}
	if id == "" || len(*faults) > 0 {
		if !challenge.Answered(v.Form) {
			*faults = append(*faults, templates.ChallengeMissing)
			return id, challenge.ErrMissing, nil
		}
		return "", nil, nil
	}
	due, err := s.AskingDue(r, v, f, id)
	if err != nil {
		return "", nil, err
	}
	cause := s.Challenges.Verify(r.Context(), v.Form, f.Form, due)
	fault := challenge.FaultOf(cause)
	if cause != nil && fault == "" {
		return "", nil, cause
	}
	if fault != "" {
		*faults = append(*faults, fault)
	}
	return id, cause, nil
}

// AskAgain poses a challenge for a form that has to be sent once more; cause is as
// ReadAsking returned it, typed what stood in the field.
func (s *Server) AskAgain(w http.ResponseWriter, r *http.Request, v *Visit, f Asking, id storage.Identifier, cause error, typed string) (*templates.Challenge, error) {
	cost, err := s.AskingCost(r, v, f, id)
	if err != nil {
		return nil, err
	}
	if cause == nil {
		return s.Challenges.Keep(w, v.Form, f.Form, cost)
	}
	return s.Challenges.Again(w, v.Form, f.Form, cost, cause, typed)
}
