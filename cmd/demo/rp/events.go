package rp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// Security events that the application receives (OpenID CAEP 1.0 and RISC 1.0).
const (
	sessionRevoked   = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
	credentialChange = "https://schemas.openid.net/secevent/caep/event-type/credential-change" //nolint:gosec // the name of an event
	accountDisabled  = "https://schemas.openid.net/secevent/risc/event-type/account-disabled"
	accountEnabled   = "https://schemas.openid.net/secevent/risc/event-type/account-enabled"
)

// EventTypes are those, as they are registered.
func EventTypes() []string {
	return []string{sessionRevoked, credentialChange, accountDisabled, accountEnabled}
}

const (
	// eventAge is how old a token may be, clocks that differ included: the provider
	// makes a new one for each attempt. One has no exp.
	eventAge = 5 * time.Minute
	// eventMemory is for how long a jti is remembered: longer than a provider goes on
	// sending what was taken and whose answer was lost.
	eventMemory = 7 * 24 * time.Hour
)

// Why a token is refused (RFC 8935 section 2.4).
const (
	errRequest  = "invalid_request"
	errKey      = "invalid_key"
	errIssuer   = "invalid_issuer"
	errAudience = "invalid_audience"
)

// postEvent takes a security event token (RFC 8935): 202 where what it tells is
// done, 400 with the reason where it is not good. It may come twice.
func (a *App) postEvent(w http.ResponseWriter, r *http.Request) error {
	p, err := a.discover(r.Context())
	if err != nil {
		return err // it will be sent again
	}
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return fmt.Errorf("security event: %w", err)
	}
	now, media := a.cfg.Now(), r.Header.Get("Content-Type")
	t, code, err := p.eventToken(r.Context(), string(raw), a.cfg, now)
	if errors.Is(err, errUnreachable) {
		return err
	}
	if media != "application/secevent+jwt" && err == nil {
		code, err = errRequest, errUntrusted
	}
	if err != nil {
		a.cfg.Log.LogAttrs(r.Context(), slog.LevelWarn, "security event refused", slog.String("client_id", a.cfg.ClientID), slog.String("error", err.Error()))
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, err := w.Write([]byte(`{"err":"` + code + `","description":"` + code + `"}`))
		return err
	}
	if a.ended.add("event "+t.JWTID, "", now, now.Add(eventMemory)) {
		a.obey(r.Context(), t, now)
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// obey does what an event asks for: a revoked session ends here too, and of a
// disabled account all sessions; one that is about to begin, from a sign-in before
// the event, does not begin (startSession). The person is shown each.
func (a *App) obey(ctx context.Context, t *eventToken, now time.Time) {
	sub, sid := t.SubID.person().Sub, t.SubID.session()
	gone := func(*session) bool { return false }
	switch t.event {
	case sessionRevoked:
		gone = func(s *session) bool { return s.sub == sub && (sid == "" || s.sid == sid) }
		if sid != "" {
			a.ended.put(endedSID(sid), sid, now, now.Add(eventAge))
		}
	case accountDisabled:
		gone = func(s *session) bool { return s.sub == sub }
		a.closed.put(sub, t.Occurred.AsTime(), now, now.Add(eventMemory))
	}
	n := a.sessions.drop(gone)
	a.told.add(sub, nil, now, now.Add(eventMemory))
	a.told.update(sub, func(all *[]eventTold) bool {
		*all = append([]eventTold{{When: when(t.Occurred.AsTime()), What: t.words()}}, *all...)
		*all = (*all)[:min(len(*all), shownEvents)]
		return true
	})
	a.cfg.Log.LogAttrs(ctx, slog.LevelInfo, "security event", slog.String("client_id", a.cfg.ClientID), slog.String("event", t.event), slog.Int("sessions", n))
}

// shownEvents is of how many events a person is shown the newest.
const shownEvents = 5

// eventTold is an event as the person reads it.
type eventTold struct{ When, What string }

// subjectID is of whom, or of what, an event is (RFC 9493; complex: OpenID Shared
// Signals Framework 1.0, section 3.2).
type subjectID struct {
	Format  string     `json:"format"`
	Iss     string     `json:"iss"`
	Sub     string     `json:"sub"`
	ID      string     `json:"id"`
	User    *subjectID `json:"user"`
	Session *subjectID `json:"session"`
}

// person is the person whom s is, or whose session it is.
func (s subjectID) person() subjectID {
	if s.Format == "complex" && s.User != nil {
		return *s.User
	}
	return s
}

// session is the provider's session that s is, as an ID token names it (sid); "":
// the person.
func (s subjectID) session() string {
	if s.Format == "complex" && s.Session != nil {
		return s.Session.ID
	}
	return ""
}

// good reports whether s is a person of the issuer, or a session of hers.
func (s subjectID) good(issuer string) bool {
	if s.Format == "complex" && s.Session != nil && (s.Session.Format != "opaque" || s.Session.ID == "" || len(s.Session.ID) > 255) {
		return false
	}
	p := s.person()
	return p.Format == "iss_sub" && p.Iss == issuer && p.Sub != "" && len(p.Sub) <= 255
}

// eventToken is a verified security event token.
type eventToken struct {
	Issuer   string                     `json:"iss"`
	Audience oidc.Audience              `json:"aud"`
	IssuedAt oidc.Time                  `json:"iat"`
	Occurred oidc.Time                  `json:"toe"`
	JWTID    string                     `json:"jti"`
	SubID    subjectID                  `json:"sub_id"`
	Events   map[string]json.RawMessage `json:"events"`
	Sub      json.RawMessage            `json:"sub"`
	Exp      json.RawMessage            `json:"exp"`

	event  string // the one
	change string // of credential-change
	alg    jose.SignatureAlgorithm
}

// SetSignatureAlgorithm implements oidc.ClaimsSignature.
func (t *eventToken) SetSignatureAlgorithm(alg jose.SignatureAlgorithm) { t.alg = alg }

// eventToken checks a token by RFC 8417 and OpenID Shared Signals Framework 1.0
// (section 4.1), and otherwise says what is wrong with it by the codes of RFC 8935.
// The signature comes last: nothing is asked of the provider for what is not even
// addressed to us.
func (p *provider) eventToken(ctx context.Context, raw string, cfg Config, now time.Time) (*eventToken, string, error) {
	t := &eventToken{}
	payload, err := oidc.ParseToken(raw, t)
	if err != nil {
		return nil, errRequest, fmt.Errorf("security event: %w", errUntrusted)
	}
	if header(raw).Type != "secevent+jwt" {
		return nil, errRequest, fmt.Errorf("security event: %w: typ", errUntrusted)
	}
	if code, err := t.check(cfg.Issuer, cfg.ClientID, now); err != nil {
		return nil, code, err
	}
	if err := oidc.CheckSignature(ctx, raw, payload, t, []string{cfg.Alg}, p.party.IDTokenVerifier().KeySet); err != nil {
		if strings.Contains(err.Error(), "unable to fetch key") { // the library's only word for it
			return nil, "", fmt.Errorf("security event: %w: its keys", errUnreachable)
		}
		return nil, errKey, failure("security event", err)
	}
	return t, "", nil
}

// check says what is wrong with the claims, with the code for it.
func (t *eventToken) check(issuer, clientID string, now time.Time) (string, error) {
	issued, occurred := t.IssuedAt.AsTime(), t.Occurred.AsTime()
	for _, c := range []struct {
		code, name string
		bad        bool
	}{
		{errIssuer, "iss", t.Issuer != issuer},
		{errAudience, "aud", len(t.Audience) != 1 || t.Audience[0] != clientID},
		{errRequest, "iat", t.IssuedAt == 0 || issued.After(now.Add(skew)) || issued.Before(now.Add(-eventAge))},
		{errRequest, "toe", t.Occurred == 0 || occurred.After(now.Add(skew))},
		{errRequest, "jti", t.JWTID == "" || len(t.JWTID) > 255},
		{errRequest, "sub", t.Sub != nil}, // it would be an ID token
		{errRequest, "exp", t.Exp != nil},
		{errRequest, "sub_id", !t.SubID.good(issuer)},
		{errRequest, "events", !t.single()},
	} {
		if c.bad {
			return c.code, fmt.Errorf("security event: %w: %s", errUntrusted, c.name)
		}
	}
	return "", nil
}

// single reports whether there is one event, of a type that is registered.
func (t *eventToken) single() bool {
	for _, event := range EventTypes() {
		raw, ok := t.Events[event]
		if !ok || len(t.Events) != 1 {
			continue
		}
		var claims struct {
			Change string `json:"change_type"`
		}
		if json.Unmarshal(raw, &claims) != nil || string(raw) == "null" {
			return false
		}
		t.event, t.change = event, claims.Change
		return true
	}
	return false
}

// words say what happened, to the person.
func (t *eventToken) words() string {
	switch {
	case t.event == sessionRevoked:
		return "Se cerró una sesión suya en Clave IESS y, con ella, la de aquí."
	case t.event == accountDisabled:
		return "Su cuenta de Clave IESS se cerró. Cerramos todas sus sesiones aquí."
	case t.event == accountEnabled:
		return "Su cuenta de Clave IESS se abrió otra vez."
	case t.change == "create":
		return "Puso su primera clave."
	case t.change == "revoke":
		return "Su clave dejó de servir."
	default:
		return "Su clave cambió. Si no fue usted, avise al IESS."
	}
}
