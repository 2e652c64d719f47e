package provider

import (
	"encoding/json"
	"reflect"
	"slices"

	"iess.gob.ec/clave/storage"
)

// claimsRequest is what we keep of the claims parameter (OpenID Core 5.5):
// which claims to put where, and of which values only. Where the registry has
// another value the application gets none, so that it can have a cédula confirmed
// that it would not be told; a claim that its scope hands out anyway stays.
type claimsRequest struct {
	IDToken        []string     `json:"id_token,omitempty"`
	Userinfo       []string     `json:"userinfo,omitempty"`
	IDTokenValues  wantedValues `json:"id_token_values,omitempty"`
	UserinfoValues wantedValues `json:"userinfo_values,omitempty"`
}

// wantedValues are those asked of a claim; one without any may have each.
type wantedValues map[string][]json.RawMessage

// fits reports whether c has one of its values.
func (w wantedValues) fits(c storage.Claim) bool {
	wanted, limited := w[c.Name]
	return !limited || slices.ContainsFunc(wanted, func(v json.RawMessage) bool { return sameJSON(v, c.JSON()) })
}

// sameJSON reports whether two texts hold one JSON value.
func sameJSON(a, b json.RawMessage) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
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
		values  *wantedValues
	}{{places.IDToken, &req.IDToken, &req.IDTokenValues}, {places.Userinfo, &req.Userinfo, &req.UserinfoValues}} {
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
					place.values.limit(name, spec.Values)
				}
			}
		}
		slices.Sort(*place.to) // a map's order is chance
	}
	return req, steer, nil
}

// limit lets the claim called name have these values only; none are no limit.
func (w *wantedValues) limit(name string, values []json.RawMessage) {
	if len(values) == 0 {
		return
	}
	if *w == nil {
		*w = wantedValues{}
	}
	(*w)[name] = values
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
