package provider

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4"

	"iess.gob.ec/clave/storage"
)

// requestLife is the longest a request object may be good for, and how old it may
// be (FAPI 2.0 Message Signing section 5.3.1).
const requestLife = time.Hour

func invalidObject(description string) *protocolError {
	return &protocolError{"invalid_request_object", description}
}

// unwrap is f or, where it brings a request object (RFC 9101), what the object says
// alone: nothing of f counts beside it. The object must be signed by c.
func (s *Server) unwrap(ctx context.Context, c *storage.Client, f form) (form, *protocolError) {
	token := f.get("request")
	if len(f["request"]) > 1 || len(f["request"]) == 1 && token == "" && f["request"][0] != "" {
		return nil, invalidObject("the request object comes twice or is too long")
	}
	if token == "" {
		if c.Metadata.RequireRequestObject {
			return nil, invalidRequest("the client has to sign its requests")
		}
		return f, nil
	}
	if f.get("request_uri") != "" {
		return nil, invalidRequest("request and request_uri stand alone")
	}
	allowed := requestAlgs()
	if alg := c.Metadata.RequestObjectAlg; alg != "" {
		allowed = []string{alg}
	}
	var algs []jose.SignatureAlgorithm
	for _, alg := range allowed {
		algs = append(algs, jose.SignatureAlgorithm(alg))
	}
	payload, err := s.verifyFor(ctx, c, token, algs, "oauth-authz-req+jwt", "JWT")
	if err != nil {
		s.logger(ctx).WarnContext(ctx, "request object refused", "client_id", c.ID, "error", err)
		return nil, invalidObject("the request object is not signed by the client")
	}
	o, err := readRequestObject(payload)
	if err == nil {
		err = o.check(c.ID, s.Issuer, s.Now())
	}
	if err != nil {
		s.logger(ctx).WarnContext(ctx, "request object refused", "client_id", c.ID, "error", err)
		return nil, invalidObject("the claims of the request object are missing, not usable or not for now")
	}
	return o.form, nil
}

// requestObject is the payload of a request object: what any JWT says of itself,
// and the parameters.
type requestObject struct {
	iss, sub string
	aud      []string
	exp, nbf *numericDate
	iat      *numericDate
	form     form
}

func errObject(what string) error { return errors.New("provider: request object: " + what) }

// readRequestObject reads the payload of a request object. Parameters that are no
// strings in JSON are read as OpenID Core 6.1 writes them: numbers as they stand,
// claims as an object; resource may be several (RFC 8707 section 2).
func readRequestObject(payload []byte) (requestObject, error) {
	o := requestObject{form: form{}}
	if !utf8.Valid(payload) { // RFC 8725 section 3.7
		return o, errObject("not UTF-8")
	}
	if err := checkJSON(payload); err != nil {
		return o, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(payload, &members); err != nil || members == nil {
		return o, errObject("no JSON object")
	}
	for _, own := range []struct {
		name string
		to   any
	}{{"iss", &o.iss}, {"sub", &o.sub}, {"exp", &o.exp}, {"nbf", &o.nbf}, {"iat", &o.iat}} {
		if raw, ok := members[own.name]; ok && json.Unmarshal(raw, own.to) != nil {
			return o, errObject(own.name)
		}
	}
	var one string
	if raw := members["aud"]; json.Unmarshal(raw, &one) == nil {
		o.aud = []string{one}
	} else if json.Unmarshal(raw, &o.aud) != nil {
		return o, errObject("aud")
	}
	maps.DeleteFunc(members, func(name string, _ json.RawMessage) bool {
		return slices.Contains([]string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti"}, name)
	})
	for name, raw := range members {
		values, err := parameter(name, raw)
		if err != nil {
			return o, err
		}
		o.form[name] = values
	}
	return o, nil
}

// parameter is the member name of a request object as the parameter it stands for.
func parameter(name string, raw json.RawMessage) ([]string, error) {
	var text string
	if json.Unmarshal(raw, &text) == nil && string(raw) != "null" {
		return []string{text}, nil
	}
	var several []string
	if name == "resource" && json.Unmarshal(raw, &several) == nil && several != nil {
		return several, nil
	}
	if name == "claims" && strings.HasPrefix(string(raw), "{") {
		return []string{string(raw)}, nil
	}
	var whole int64
	if json.Unmarshal(raw, &whole) == nil && string(raw) != "null" { // max_age
		return []string{strconv.FormatInt(whole, 10)}, nil
	}
	if _, ours := limit(name); !ours {
		return nil, nil // ignored, as in a query
	}
	return nil, errObject(name + " is of another type")
}

// check says what is wrong with o as a request of the client id to issuer at now, or
// nil (RFC 9101 sections 5 and 6.3, FAPI 2.0 Message Signing section 5.3.1). A rule:
// it sees values only.
func (o requestObject) check(id, issuer string, now time.Time) error {
	switch {
	case o.iss != id || o.form.get("client_id") != id:
		return errObject("iss and client_id must be the client")
	case o.sub == id: // a client assertion, which is for something else (RFC 9101 section 10.8)
		return errObject("sub is the client")
	case !slices.Contains(o.aud, issuer):
		return errObject("aud is not this provider")
	case len(o.form["request"]) > 0 || len(o.form["request_uri"]) > 0:
		return errObject("a request object in a request object")
	case o.exp == nil || o.nbf == nil:
		return errObject("exp and nbf are required")
	case !o.exp.after(now.Add(-proofSkew)):
		return errObject("exp is past")
	case o.nbf.after(now.Add(clockSkew)), o.iat != nil && o.iat.after(now.Add(clockSkew)):
		return errObject("nbf or iat is ahead")
	case !o.nbf.after(now.Add(-requestLife - time.Second)):
		return errObject("nbf is more than an hour ago")
	case float64(*o.exp)-float64(*o.nbf) > requestLife.Seconds():
		return errObject("exp is more than an hour after nbf")
	default:
		return nil
	}
}
