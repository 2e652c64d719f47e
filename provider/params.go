package provider

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The most that is read of a request: its query, and its form.
const (
	maxQuery = 16 << 10
	maxForm  = 64 << 10
)

var (
	errTooLarge = errors.New("provider: the request is too large")
	errNoForm   = errors.New("provider: the request is no form")
)

// limit is the most bytes a parameter may have, and whether it is one we read.
func limit(name string) (int, bool) {
	switch name {
	case "client_id", "response_type", "response_mode", "prompt", "display", "max_age", "login_hint", "ui_locales",
		"code_challenge_method", "dpop_jkt", "grant_type", "client_assertion_type", "token_type_hint", "salir", "quedarse", paramEnded:
		return 256, true
	case "nonce", "acr_values", "code_challenge", "code_verifier", "code", "refresh_token", "client_secret":
		return 512, true
	case "redirect_uri", "post_logout_redirect_uri", "state", "scope", "resource":
		return 2048, true
	case "claims", "access_token":
		return 4096, true
	case "id_token_hint", "request", "request_uri", "registration", "client_assertion", "token":
		return 8192, true
	default:
		return 0, false
	}
}

// form are the parameters of one request as they came. A parameter without a
// value counts as absent (RFC 6749 section 3.1).
type form map[string][]string

// parseForm reads encoded, refusing what is not well-formed.
func parseForm(encoded string) (form, error) {
	values, err := url.ParseQuery(encoded)
	if err != nil {
		return nil, fmt.Errorf("provider: parameters: %w", err)
	}
	return form(values), nil
}

// queryForm reads the parameters of a GET.
func queryForm(r *http.Request) (form, error) {
	if len(r.URL.RawQuery) > maxQuery {
		return nil, errTooLarge
	}
	return parseForm(r.URL.RawQuery)
}

// bodyForm reads the parameters of a POST, which must all be in its body.
func bodyForm(w http.ResponseWriter, r *http.Request) (form, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" {
		return nil, errNoForm
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			return nil, errTooLarge
		}
		return nil, fmt.Errorf("provider: parameters: %w", err)
	}
	return form(r.PostForm), nil
}

// get is the one value of name, or "" where it is absent, repeated or faulty:
// the caller has called check, or needs no more than that.
func (f form) get(name string) string {
	if v := f[name]; len(v) == 1 && faultOf(name, v[0]) == "" {
		return v[0]
	}
	return ""
}

// check refuses repeated parameters (RFC 6749 section 3.1; resource may repeat,
// RFC 8707) and, in those we read, too many bytes and characters no parameter
// has: a database would refuse them later and less clearly. What else comes is
// ignored.
func (f form) check() *protocolError {
	for name, values := range f {
		if len(values) > 1 && name != "resource" {
			return invalidRequest("a parameter is given more than once")
		}
		for _, v := range values {
			if fault := faultOf(name, v); fault != "" {
				return invalidRequest(fault)
			}
		}
	}
	return nil
}

func faultOf(name, value string) string {
	most, ours := limit(name)
	switch {
	case ours && len(value) > most:
		return "a parameter is too long"
	case ours && !clean(value, name == "claims"):
		return "a parameter holds characters that are not allowed"
	default:
		return ""
	}
}

// clean reports whether value is UTF-8 without control characters; lines may
// let it have line breaks and tabs, which JSON uses between its tokens.
func clean(value string, lines bool) bool {
	return utf8.ValidString(value) && !strings.ContainsFunc(value, func(c rune) bool {
		return unicode.IsControl(c) && (!lines || c != '\n' && c != '\r' && c != '\t')
	})
}

// params are parameters in the order in which they are written.
type params [][2]string

func (p params) encode() string {
	var b strings.Builder
	for i, kv := range p {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(kv[0]) + "=" + url.QueryEscape(kv[1]))
	}
	return b.String()
}

// withParams adds p to the query of address, whose own bytes stay as they are.
func withParams(address string, p params) string {
	switch {
	case len(p) == 0:
		return address
	case !strings.Contains(address, "?"):
		return address + "?" + p.encode()
	case strings.HasSuffix(address, "?"), strings.HasSuffix(address, "&"):
		return address + p.encode()
	default:
		return address + "&" + p.encode()
	}
}
