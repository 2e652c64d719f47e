package rp

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	oidcrp "github.com/zitadel/oidc/v3/pkg/client/rp"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"golang.org/x/oauth2"
)

var (
	// errUnreachable says that the provider could not be asked; trying again may help.
	errUnreachable = errors.New("the provider does not answer")
	// errRefused says that the provider answered no.
	errRefused = errors.New("the provider refused")
	// errUntrusted says that an answer failed a check and nothing of it is used.
	errUntrusted = errors.New("the answer is not to be trusted")
)

// No answer of a provider is larger than this.
const maxAnswer = 1 << 20

// provider is the identity provider as its discovery document describes it.
type provider struct {
	party oidcrp.RelyingParty
	http  *http.Client
}

// tokens is one verified token response.
type tokens struct {
	access  string
	refresh string // "" where none came
	expires time.Time
	id      string // "" where a refresh brought none
	claims  *oidc.IDTokenClaims
}

// discover reads the provider's metadata, which must name the very issuer we
// are configured for (ASVS 10.5.3). It is done on first need and kept.
func (a *App) discover(ctx context.Context) (*provider, error) {
	a.discovery.Lock()
	defer a.discovery.Unlock()
	if a.provider != nil {
		return a.provider, nil
	}
	party, err := oidcrp.NewRelyingPartyOIDC(ctx, a.cfg.Issuer, a.cfg.ClientID, a.cfg.ClientSecret, a.cfg.BaseURL+pathCallback, a.cfg.Scopes,
		oidcrp.WithHTTPClient(a.http),
		oidcrp.WithAuthStyle(a.cfg.authStyle()),
		oidcrp.WithVerifierOpts(
			oidcrp.WithSupportedSigningAlgorithms(a.cfg.Alg), // the one registered, whatever discovery lists
			oidcrp.WithNonce(nil),                            // the library knows one rule for a login and a refresh; check.go knows both
		))
	if err != nil {
		return nil, failure("discovery", err)
	}
	a.provider = &provider{party: party, http: a.http}
	return a.provider, nil
}

func (c Config) authStyle() oauth2.AuthStyle {
	if c.AuthMethod == AuthBasic {
		return oauth2.AuthStyleInHeader
	}
	return oauth2.AuthStyleInParams
}

// redeem exchanges a code. The ID token's issuer, audience, azp, signature, exp
// and iat have been checked; nonce, auth_time and acr are the caller's.
func (p *provider) redeem(ctx context.Context, code, verifier string) (*tokens, error) {
	t, err := oidcrp.CodeExchange[*oidc.IDTokenClaims](ctx, code, p.party, oidcrp.WithCodeVerifier(verifier))
	if err != nil {
		return nil, failure("code", err)
	}
	return newTokens(t)
}

// refresh exchanges a refresh token, as redeem does a code.
func (p *provider) refresh(ctx context.Context, token string) (*tokens, error) {
	t, err := oidcrp.RefreshTokens[*oidc.IDTokenClaims](ctx, sameScope{p.party}, token, "", "")
	if err != nil {
		return nil, failure("refresh", err)
	}
	return newTokens(t)
}

func newTokens(t *oidc.Tokens[*oidc.IDTokenClaims]) (*tokens, error) {
	if t.Token == nil || t.AccessToken == "" || !strings.EqualFold(t.TokenType, oidc.BearerToken) {
		return nil, fmt.Errorf("token response: %w: no bearer token", errUntrusted)
	}
	return &tokens{access: t.AccessToken, refresh: t.RefreshToken, expires: t.Expiry, id: t.IDToken, claims: t.IDTokenClaims}, nil
}

// userinfo asks for the claims behind an access token. Its sub must be that of
// the ID token (OpenID Core 5.3.2).
func (p *provider) userinfo(ctx context.Context, access, sub string) (json.RawMessage, error) {
	info, err := oidcrp.Userinfo[*rawClaims](ctx, access, oidc.BearerToken, sub, p.party)
	if err != nil {
		return nil, failure("userinfo", err)
	}
	return info.raw, nil
}

// revoke gives a refresh token back (RFC 7009), where the provider takes them.
func (p *provider) revoke(ctx context.Context, token string) error {
	if p.party.GetRevokeEndpoint() == "" {
		return nil
	}
	return failure("revoke", oidcrp.RevokeToken(ctx, ownClient{p.party, *p.http}, token, "refresh_token"))
}

// endSession is where the browser goes to end its session at the provider
// (OpenID RP-Initiated Logout 1.0, section 2); "" where it cannot.
func (p *provider) endSession(idToken, clientID, back, state string) string {
	u, err := url.Parse(p.party.GetEndSessionEndpoint())
	if err != nil || u.Host == "" {
		return ""
	}
	q := u.Query()
	q.Set("id_token_hint", idToken)
	q.Set("client_id", clientID)
	q.Set("post_logout_redirect_uri", back)
	q.Set("state", state)
	u.RawQuery = q.Encode()
	return u.String()
}

// sameScope makes the library leave the scope out of a refresh, so that it keeps
// what was granted even where that is less than was asked (RFC 6749 section 6).
type sameScope struct{ oidcrp.RelyingParty }

// OAuthConfig is the configuration without scopes.
func (s sameScope) OAuthConfig() *oauth2.Config {
	c := *s.RelyingParty.OAuthConfig()
	c.Scopes = nil
	return &c
}

// ownClient gives the library's revocation, which writes to the HTTP client it
// is given, a copy to write to.
type ownClient struct {
	oidcrp.RelyingParty
	client http.Client
}

// HttpClient is the copy.
func (o ownClient) HttpClient() *http.Client { return &o.client } //nolint:revive,staticcheck // the library's name

// rawClaims is a userinfo response as it came.
type rawClaims struct {
	sub string
	raw json.RawMessage
}

// UnmarshalJSON keeps the bytes.
func (c *rawClaims) UnmarshalJSON(data []byte) error {
	var s struct {
		Sub string `json:"sub"`
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	c.sub, c.raw = s.Sub, append(json.RawMessage(nil), data...)
	return nil
}

// GetSubject is what the library compares.
func (c *rawClaims) GetSubject() string { return c.sub }

// payload returns the claims of a verified ID token as they came.
func payload(idToken string) json.RawMessage {
	parts := strings.Split(idToken, ".")
	if len(parts) != 3 {
		return nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || !json.Valid(raw) {
		return nil
	}
	return raw
}

// failure says which of the three kinds err is. The library's own words are
// dropped where they may quote a body, that is, tokens or personal data.
func failure(what string, err error) error {
	if err == nil {
		return nil
	}
	var refused *oidc.Error
	var retrieve *oauth2.RetrieveError
	var network *url.Error
	switch {
	case errors.As(err, &network):
		return fmt.Errorf("%s: %w: %w", what, errUnreachable, network.Err)
	case errors.As(err, &refused):
		return fmt.Errorf("%s: %w: %s", what, kind(string(refused.ErrorType)), refused.ErrorType)
	case errors.As(err, &retrieve) && retrieve.Response.StatusCode >= http.StatusInternalServerError:
		return fmt.Errorf("%s: %w: status %d", what, errUnreachable, retrieve.Response.StatusCode)
	case errors.As(err, &retrieve):
		return fmt.Errorf("%s: %w: %s", what, kind(retrieve.ErrorCode), retrieve.ErrorCode)
	case strings.HasPrefix(err.Error(), "http status not ok: 5"):
		return fmt.Errorf("%s: %w", what, errUnreachable)
	case errors.Is(err, oidc.ErrDiscoveryFailed):
		return fmt.Errorf("%s: %w", what, errUnreachable)
	case strings.HasPrefix(err.Error(), "http status not ok: "):
		return fmt.Errorf("%s: %w", what, errRefused)
	case strings.HasPrefix(err.Error(), "failed to unmarshal"):
		return fmt.Errorf("%s: %w: not the JSON expected", what, errUntrusted)
	default:
		return fmt.Errorf("%s: %w: %w", what, errUntrusted, err)
	}
}

func kind(code string) error {
	if code == "server_error" || code == "temporarily_unavailable" || code == "slow_down" {
		return errUnreachable
	}
	return errRefused
}

// bounded cuts answers off at maxAnswer.
type bounded struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(r)
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	}
	return resp, err
}
