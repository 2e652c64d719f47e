package provider

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"iess.gob.ec/clave/storage"
)

// Audit events about tokens.
const (
	eventTokensIssued    = "token.issued"
	eventCodeReplayed    = "code.replayed"
	eventCodeForeign     = "code.foreign"
	eventRefreshReplayed = "refresh_token.replayed"
	eventRefreshForeign  = "refresh_token.foreign"
)

// tokenResponse is a successful answer of the token endpoint (RFC 6749 section
// 5.1, OpenID Core 3.1.3.3).
type tokenResponse struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"` // seconds
	RefreshToken string `json:"refresh_token,omitempty"`
	IDToken      string `json:"id_token,omitempty"`
	Scope        string `json:"scope"`

	person string          // whose it is
	claims []storage.Claim // about her in the ID token
}

func invalidGrant() *protocolError {
	return &protocolError{"invalid_grant", "the code or token is not valid for this client"}
}

// exchange spends a code for the authenticated client c, in the transaction that
// stores the tokens. A wrong verifier or redirect URI undoes it all, so that it
// burns nothing, and neither does somebody else's client. A code used before
// revokes what it gave.
func (s *Server) exchange(ctx context.Context, c *storage.Client, code, redirectURI, verifier string, resources []string, p possession) (*tokenResponse, error) {
	hash := storage.Hash(code)
	var t *tokenResponse
	err := s.DB.InTx(ctx, func(tx *storage.Tx) error {
		var err error
		t, err = s.exchangeIn(ctx, tx, c, hash, redirectURI, verifier, resources, p)
		return err
	})
	if errors.Is(err, errNoCode) {
		return nil, s.judge(ctx, c, hash)
	}
	if err != nil {
		return nil, err
	}
	s.disclosures.note(t.person, c.ID, t.claims, s.Now())
	return t, nil
}

// errNoCode says that there is no such code to spend: it is unknown, another
// client's, used or too old.
var errNoCode = errors.New("provider: no such code")

func (s *Server) exchangeIn(
	ctx context.Context, tx *storage.Tx, c *storage.Client, hash, redirectURI, verifier string, resources []string, p possession,
) (*tokenResponse, error) {
	now := s.Now()
	g := storage.Grant{ID: storage.NewID(), ClientID: c.ID, CreatedAt: storage.At(now), ExpiresAt: storage.At(now.Add(s.AccessLife))}
	q, err := tx.UseCode(ctx, hash, c.ID, g.ID, now)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, errNoCode
	}
	if err != nil {
		return nil, err
	}
	if q.RedirectURI != redirectURI || !verifierFits(q.CodeChallenge, verifier) || q.Params.JKT != "" && q.Params.JKT != p.jkt {
		return nil, invalidGrant()
	}
	audience, err := s.audienceFor(ctx, c, q.Params.Resources, resources)
	if err != nil {
		return nil, err
	}
	to := target{audience, p}
	if err := p.spend(ctx, tx, now); err != nil {
		return nil, err
	}
	if c.Metadata.TokenEndpointAuthMethod == "none" { // nothing else would bind its refresh tokens (RFC 9449 section 5)
		g.JKT, g.X5T = p.jkt, p.x5t
	}
	g.Resources = strings.Join(q.Params.Resources, " ")
	// The session's row is held: a logout either comes first and is seen here, or
	// waits and then finds the grant to revoke.
	g.ClaveDueAt, g.RecoveredAt, err = tx.HoldSession(ctx, q.SessionID, now)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, invalidGrant()
	}
	if err != nil {
		return nil, err
	}
	g.AfiliadoID, g.SessionID, g.SID, g.Scope, g.Claims = q.AfiliadoID, q.SessionID, q.SID, q.Scope, string(q.Params.Claims)
	g.Nonce, g.AuthAt, g.ACR, g.AMR = q.Nonce, q.AuthAt, q.ACR, q.AMR
	offline := hasScope(g.Scope, storage.ScopeOffline)
	if offline {
		g.ExpiresAt = storage.At(now.Add(s.RefreshLife))
	}
	t, err := s.mint(ctx, c, g, g.Scope, to, g.Nonce, tx.Afiliado, now)
	if err != nil {
		return nil, err
	}
	if offline {
		t.RefreshToken = storage.NewSecret()
	}
	return t, s.storeExchange(ctx, tx, g, to, t, now)
}

// storeExchange stores what a code gives.
func (s *Server) storeExchange(ctx context.Context, tx *storage.Tx, g storage.Grant, to target, t *tokenResponse, now time.Time) error {
	switch err := tx.AddGrant(ctx, g); {
	case errors.Is(err, storage.ErrNotFound): // she has taken back what she allowed, since the code was given
		return invalidGrant()
	case err != nil:
		return err
	}
	if err := s.storeAccess(ctx, tx.AddAccessToken, g, g.Scope, to, t.AccessToken, now); err != nil {
		return err
	}
	if t.RefreshToken != "" {
		if err := tx.AddRefreshToken(ctx, storage.RefreshToken{Hash: storage.Hash(t.RefreshToken), GrantID: g.ID, CreatedAt: storage.At(now)}); err != nil {
			return err
		}
	}
	return tx.Audit(ctx, storage.Event{
		At: storage.At(now), Name: eventTokensIssued, AfiliadoID: g.AfiliadoID, ClientID: g.ClientID, Actor: "client",
		Detail: map[string]string{"grant": g.ID, "scope": g.Scope},
	})
}

// storeAccess has add store the access token.
func (s *Server) storeAccess(ctx context.Context, add func(context.Context, storage.AccessToken) error, g storage.Grant, scope string, to target, access string, now time.Time) error {
	return add(ctx, storage.AccessToken{
		Hash: storage.Hash(access), GrantID: g.ID, ClientID: g.ClientID, Scope: scope, Audience: to.audience, JKT: to.jkt, X5T: to.x5t,
		CreatedAt: storage.At(now), ExpiresAt: storage.At(now.Add(s.AccessLife)),
	})
}

// judge answers c, which showed a code that cannot be spent.
func (s *Server) judge(ctx context.Context, c *storage.Client, codeHash string) error {
	q, err := s.DB.AuthRequestByCode(ctx, codeHash)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return invalidGrant()
	case err != nil:
		return err
	case q.ClientID != c.ID:
		return s.report(ctx, eventCodeForeign, c.ID, q.AfiliadoID, "")
	case !q.CodeUsedAt.IsZero():
		return s.revokeReplayed(ctx, eventCodeReplayed, c.ID, q.AfiliadoID, q.GrantID)
	default:
		return invalidGrant()
	}
}

// mint makes an access token as to says and, for scope openid, its
// ID token. Nothing is stored. person reads an afiliado where the ID token carries claims about her.
func (s *Server) mint(
	ctx context.Context, c *storage.Client, g storage.Grant, scope string, to target, nonce string,
	person func(context.Context, string) (*storage.Afiliado, error), now time.Time,
) (*tokenResponse, error) {
	access, err := s.newAccessToken(ctx, c, g, scope, to, now)
	if err != nil {
		return nil, err
	}
	t := &tokenResponse{AccessToken: access, TokenType: to.tokenType(), ExpiresIn: int64(s.AccessLife / time.Second), Scope: storage.PlainScope(scope), person: g.AfiliadoID}
	if !hasScope(scope, storage.ScopeOpenID) {
		return t, nil
	}
	signer, err := s.keys.signer(ctx, c.Metadata.IDTokenSignedAlg)
	if err != nil {
		return nil, err
	}
	g.Scope = scope
	if t.claims, err = s.idTokenClaims(ctx, g, person); err != nil {
		return nil, err
	}
	t.IDToken, err = s.idTokenFor(c, g, nonce, t.AccessToken, now).sign(signer, t.claims)
	return t, err
}

// report audits that a client showed what was given to another one, and refuses.
// Nothing is revoked: whoever holds a stolen code could otherwise burn it with
// any client at hand; redeeming it still takes the right client and verifier.
func (s *Server) report(ctx context.Context, event, clientID, afiliadoID, grantID string) error {
	err := s.DB.InTx(ctx, func(tx *storage.Tx) error {
		return tx.Audit(ctx, storage.Event{
			At: storage.At(s.Now()), Name: event, AfiliadoID: afiliadoID, ClientID: clientID, Actor: "client",
			Detail: map[string]string{"grant": grantID},
		})
	})
	if err != nil {
		return err
	}
	return invalidGrant()
}

// revokeReplayed ends the family of a code or refresh token that came twice, and
// refuses (RFC 9700 sections 2.1.1 and 4.14.2).
func (s *Server) revokeReplayed(ctx context.Context, event, clientID, afiliadoID, grantID string) error {
	err := s.DB.InTx(ctx, func(tx *storage.Tx) error { return s.revokeFamily(ctx, tx, event, clientID, afiliadoID, grantID) })
	if err != nil {
		return fmt.Errorf("provider: revoke: %w", err)
	}
	return invalidGrant()
}

// revokeFamily revokes a grant and audits it once: further replays change and
// say nothing.
func (s *Server) revokeFamily(ctx context.Context, tx *storage.Tx, event, clientID, afiliadoID, grantID string) error {
	now := s.Now()
	live, err := tx.RevokeGrant(ctx, grantID, event, now)
	if err != nil || !live {
		return err
	}
	return tx.Audit(ctx, storage.Event{
		At: storage.At(now), Name: event, AfiliadoID: afiliadoID, ClientID: clientID, Actor: "client",
		Detail: map[string]string{"grant": grantID},
	})
}

// verifierFits reports whether verifier is the one behind challenge (RFC 7636
// section 4.6). A challenge needs one; without a challenge none may come, or an
// attacker could strip PKCE from a request unseen (RFC 9700 section 4.8.2).
func verifierFits(challenge, verifier string) bool {
	if challenge == "" || verifier == "" {
		return challenge == verifier
	}
	bad := func(r rune) bool { return !base64URL(r) && r != '.' && r != '~' }
	if len(verifier) < 43 || len(verifier) > 128 || strings.ContainsFunc(verifier, bad) {
		return false
	}
	sum := sha256.Sum256([]byte(verifier))
	return subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(challenge)) == 1
}
