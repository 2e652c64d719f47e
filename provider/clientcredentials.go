package provider

import (
	"context"
	"slices"
	"strings"
	"time"

	"iess.gob.ec/clave/storage"
)

// clientCredentials gives the authenticated client c an access token of its own
// (RFC 6749 section 4.4): of no person, without refresh token and ID token.
func (s *Server) clientCredentials(ctx context.Context, c *storage.Client, asked string, resources []string, p possession) (*tokenResponse, error) {
	scope, bad := machineScope(c, asked)
	if bad != nil {
		return nil, bad
	}
	granted := slices.DeleteFunc(slices.Clone(resources), func(r string) bool { return r == "" }) // what may be asked needs nobody to grant it
	audience, err := s.audienceFor(ctx, c, granted, resources)
	if err != nil {
		return nil, err
	}
	now, to := s.Now(), target{audience, p}
	t := &tokenResponse{TokenType: to.tokenType(), ExpiresIn: int64(s.AccessLife / time.Second), Scope: scope}
	g := storage.Grant{ClientID: c.ID}
	if t.AccessToken, err = s.newAccessToken(ctx, c, g, scope, to, now); err != nil {
		return nil, err
	}
	if p.jti == "" { // nothing else belongs to it
		return t, s.storeAccess(ctx, s.DB.AddAccessToken, g, scope, to, t.AccessToken, now)
	}
	return t, s.DB.InTx(ctx, func(tx *storage.Tx) error {
		if err := p.spend(ctx, tx, now); err != nil {
			return err
		}
		return s.storeAccess(ctx, tx.AddAccessToken, g, scope, to, t.AccessToken, now)
	})
}

// machineScopes are the scopes a client may have for itself: those registered
// that say nothing of a person.
func machineScopes(m storage.ClientMetadata) []string {
	return slices.DeleteFunc(strings.Fields(m.Scope), func(s string) bool { return slices.Contains(scopes(), s) })
}

// machineScope is what asked ("": all) comes to for c.
func machineScope(c *storage.Client, asked string) (string, *protocolError) {
	allowed := machineScopes(c.Metadata)
	if asked == "" {
		return strings.Join(allowed, " "), nil
	}
	want := strings.Fields(asked)
	for _, scope := range want {
		if !slices.Contains(allowed, scope) {
			return "", &protocolError{"invalid_scope", "the scope is not one the client has without a person"}
		}
	}
	return strings.Join(slices.DeleteFunc(allowed, func(s string) bool { return !slices.Contains(want, s) }), " "), nil
}
