package provider

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"iess.gob.ec/clave/storage"
)

// hint is what an ID token of ours, handed back by an application, says.
type hint struct {
	sub, sid, clientID string
}

var errHint = errors.New("provider: not an ID token of ours")

// readHint reads an id_token_hint. It may have expired (OpenID Core 3.1.2.1);
// signature, issuer and audience must be right.
func (k *keys) readHint(token, issuer string) (hint, error) {
	payload, err := k.verify(token)
	if err != nil {
		return hint{}, err
	}
	var claims struct {
		Iss string          `json:"iss"`
		Sub string          `json:"sub"`
		Aud json.RawMessage `json:"aud"`
		Azp string          `json:"azp"`
		SID string          `json:"sid"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		return hint{}, fmt.Errorf("%w: %w", errHint, err)
	}
	var audience []string
	var one string
	if json.Unmarshal(claims.Aud, &one) == nil {
		audience = []string{one}
	} else if json.Unmarshal(claims.Aud, &audience) != nil {
		return hint{}, errHint
	}
	if claims.Iss != issuer || claims.Sub == "" || len(audience) != 1 || audience[0] == "" || claims.Azp != audience[0] {
		return hint{}, errHint
	}
	return hint{claims.Sub, claims.SID, audience[0]}, nil
}

// hintFor is readHint for one client: its own ID token and no other's.
func (k *keys) hintFor(c *storage.Client, token, issuer string) (hint, error) {
	h, err := k.readHint(token, issuer)
	if err == nil && h.clientID != c.ID {
		err = errHint
	}
	return h, err
}

// names reports whether h was given for the session's person and, where it says
// which, for this very session.
func (h hint) names(db *storage.DB, c *storage.Client, s *storage.Session, joined []storage.SessionClient) bool {
	if h.sub != db.Subject(*c, s.AfiliadoID) {
		return false
	}
	return h.sid == "" || slices.ContainsFunc(joined, func(j storage.SessionClient) bool { return j.ClientID == c.ID && j.SID == h.sid })
}
