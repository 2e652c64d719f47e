package rp

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// eventLogout is what makes a token a logout token.
const eventLogout = "http://schemas.openid.net/event/backchannel-logout"

// maxLogoutLife is the longest a logout token may be good for, clocks that differ
// included: ended ones are remembered for as long.
const maxLogoutLife = 5 * time.Minute

// postEnd ends sessions here because the provider says that theirs has ended
// (OpenID Connect Back-Channel Logout 1.0, sections 2.6 to 2.8): 200 where none of
// them is left, 400 where the token is not good.
func (a *App) postEnd(w http.ResponseWriter, r *http.Request) error {
	p, err := a.discover(r.Context())
	if err != nil {
		return err
	}
	now := a.cfg.Now()
	token, err := p.logoutToken(r.Context(), r.PostFormValue("logout_token"), a.cfg, now)
	if errors.Is(err, errUnreachable) {
		return err // it will be sent again
	}
	if err != nil {
		a.cfg.Log.LogAttrs(r.Context(), slog.LevelWarn, "logout token refused", slog.String("client_id", a.cfg.ClientID), slog.String("error", err.Error()))
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, err := w.Write([]byte(`{"error":"invalid_request"}`))
		return err
	}
	// A token that comes again, because our answer was lost or somebody kept it,
	// has nothing left to end.
	if a.ended.add(token.JWTID, token.SessionID, now, now.Add(maxLogoutLife)) {
		if token.SessionID != "" {
			a.ended.put(endedSID(token.SessionID), token.SessionID, now, now.Add(maxLogoutLife))
		}
		n := a.sessions.drop(func(s *session) bool { return token.ends(s) })
		a.cfg.Log.LogAttrs(r.Context(), slog.LevelInfo, "sessions ended by the provider", slog.String("client_id", a.cfg.ClientID), slog.Int("sessions", n))
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// endedSID is where ended keeps a session of the provider.
func endedSID(sid string) string { return "sid " + sid }

// logoutToken is a verified logout token. Whoever stands for the library's claims
// has to hold the algorithm.
type logoutToken struct {
	oidc.LogoutTokenClaims
	alg jose.SignatureAlgorithm
}

// SetSignatureAlgorithm implements oidc.ClaimsSignature.
func (t *logoutToken) SetSignatureAlgorithm(alg jose.SignatureAlgorithm) { t.alg = alg }

// ends reports whether s is what t is about: one session where it names one, else
// every one of the person.
func (t *logoutToken) ends(s *session) bool {
	if t.SessionID != "" {
		return s.sid == t.SessionID
	}
	return s.sub == t.Subject
}

// logoutToken checks a token by section 2.6 of the specification. The signature
// comes last: nothing is asked of the provider for what is not even addressed to us.
func (p *provider) logoutToken(ctx context.Context, raw string, cfg Config, now time.Time) (*logoutToken, error) {
	t := &logoutToken{}
	payload, err := oidc.ParseToken(raw, &t.LogoutTokenClaims)
	if err != nil {
		return nil, fmt.Errorf("logout token: %w", errUntrusted)
	}
	if typ := header(raw).Type; typ != "logout+jwt" {
		return nil, fmt.Errorf("logout token: %w: typ", errUntrusted)
	}
	if err := t.check(cfg.Issuer, cfg.ClientID, now); err != nil {
		return nil, err
	}
	if err := oidc.CheckSignature(ctx, raw, payload, t, []string{cfg.Alg}, p.party.IDTokenVerifier().KeySet); err != nil {
		if strings.Contains(err.Error(), "unable to fetch key") { // the library's only word for it
			return nil, fmt.Errorf("logout token: %w: its keys", errUnreachable)
		}
		return nil, failure("logout token", err)
	}
	return t, nil
}

// check says what is wrong with the claims of a logout token.
func (t *logoutToken) check(issuer, clientID string, now time.Time) error {
	_, event := t.Events[eventLogout].(map[string]any)
	_, nonce := t.Claims["nonce"]
	issued, expires := t.IssuedAt.AsTime(), t.Expiration.AsTime()
	for name, bad := range map[string]bool{
		"iss":    t.Issuer != issuer,
		"aud":    len(t.Audience) != 1 || t.Audience[0] != clientID,
		"iat":    t.IssuedAt == 0 || issued.After(now.Add(skew)),
		"exp":    t.Expiration == 0 || !expires.After(now.Add(-skew)) || expires.After(now.Add(maxLogoutLife-skew)),
		"sub":    t.Subject == "" && t.SessionID == "",
		"events": !event,
		"nonce":  nonce,
		"jti":    t.JWTID == "" || len(t.JWTID) > 255,
	} {
		if bad {
			return fmt.Errorf("logout token: %w: %s", errUntrusted, name)
		}
	}
	return nil
}

// joseHeader is what we look at in the protected header of a token.
type joseHeader struct {
	Type string `json:"typ"`
}

func header(raw string) joseHeader {
	var h joseHeader
	first, _, _ := strings.Cut(raw, ".")
	if text, err := base64.RawURLEncoding.DecodeString(first); err != nil || json.Unmarshal(text, &h) != nil {
		return joseHeader{}
	}
	return h
}
