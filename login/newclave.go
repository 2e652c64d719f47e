package login

import (
	"context"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// ClaveRules are those that a new clave obeys, as pages tell them.
func (s *Server) ClaveRules() templates.Rules {
	return templates.Rules{Min: s.Policy.Min, Max: s.Policy.Max, History: s.History, Waiver: s.Renewal.Waiver}
}

// MakeNew returns the hash of a new clave of a person in the place of present,
// nil for none, or that it is one of her last ones (S089).
func (s *Server) MakeNew(ctx context.Context, slot *Slot, afiliadoID string, present *storage.Clave, typed string) (string, bool, error) {
	nueva := s.Policy.Canonical(typed)
	past, err := s.DB.ClaveHistory(ctx, afiliadoID, s.History)
	if err != nil {
		return "", false, err
	}
	if present != nil && (len(past) == 0 || past[0] != present.PHC) { // it came another way, or was hashed anew
		past = append(past, present.PHC)
	}
	for _, old := range past {
		same, _, err := slot.Compare(old, nueva)
		if err != nil || same {
			return "", same, err
		}
	}
	phc, err := slot.Make(nueva)
	return phc, false, err
}
