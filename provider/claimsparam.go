package provider

import (
	"encoding/json"
	"slices"

	"iess.gob.ec/clave/storage"
)

// claimsRequest is what we keep of the claims parameter (OpenID Core 5.5):
// which claims to put where. Values asked for are not compared: the application
// gets the registry's value, or none.
type claimsRequest struct {
	IDToken  []string `json:"id_token,omitempty"`
	Userinfo []string `json:"userinfo,omitempty"`
}

// claimsSteer is what the parameter says about the sign-in itself.
type claimsSteer struct {
	acr          []string // in the application's order
	acrEssential bool
	sub          string // only this person may answer
}

// maxClaims is how many claims may be asked in each place.
const maxClaims = 64

// readClaims reads the claims parameter. Claims and places it does not know are
// ignored (OpenID Core 5.5); what is not of the form of section 5.5.1 is refused.
func readClaims(raw string) (claimsRequest, claimsSteer, *protocolError) {
	var req claimsRequest
	var steer claimsSteer
	bad := invalidRequest("the claims parameter is not valid")
	if checkJSON([]byte(raw)) != nil {
		return req, steer, bad
	}
	var places struct {
		IDToken  map[string]json.RawMessage `json:"id_token"`
		Userinfo map[string]json.RawMessage `json:"userinfo"`
	}
	if raw == "null" || json.Unmarshal([]byte(raw), &places) != nil {
		return req, steer, bad
	}
	for _, place := range []struct {
		members map[string]json.RawMessage
		to      *[]string
	}{{places.IDToken, &req.IDToken}, {places.Userinfo, &req.Userinfo}} {
		if len(place.members) > maxClaims {
			return req, steer, bad
		}
		for name, raw := range place.members {
			var spec struct {
				Essential bool              `json:"essential"`
				Value     json.RawMessage   `json:"value"`
				Values    []json.RawMessage `json:"values"`
			}
			if json.Unmarshal(raw, &spec) != nil || len(spec.Values) > maxClaims {
				return req, steer, bad
			}
			if len(spec.Value) > 0 {
				spec.Values = append([]json.RawMessage{spec.Value}, spec.Values...)
			}
			switch name {
			case "acr":
				values, ok := stringsOf(spec.Values)
				if !ok {
					return req, steer, bad
				}
				if steer.acr == nil { // the ID token's wish goes before userinfo's
					steer.acr, steer.acrEssential = values, spec.Essential && len(values) > 0
				}
			case "sub":
				values, ok := stringsOf(spec.Values)
				if !ok || len(values) > 1 || steer.sub != "" && len(values) == 1 && values[0] != steer.sub {
					return req, steer, bad
				}
				if len(values) == 1 {
					steer.sub = values[0]
				}
			default:
				if storage.ClaimScope(name) != "" {
					*place.to = append(*place.to, name)
				}
			}
		}
		slices.Sort(*place.to) // a map's order is chance
	}
	return req, steer, nil
}

// stringsOf returns the values of raw if all of them are strings.
func stringsOf(raw []json.RawMessage) ([]string, bool) {
	var out []string
	for _, r := range raw {
		var s *string
		if json.Unmarshal(r, &s) != nil || s == nil || len(*s) > 256 || !clean(*s, false) {
			return nil, false
		}
		out = append(out, *s)
	}
	return out, true
}
