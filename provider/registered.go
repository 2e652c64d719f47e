package provider

import (
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"iess.gob.ec/clave/storage"
)

// registered is a storage.Client as the library wants to see it. Nothing is left
// to decide from it: GrantTypes lets everything we speak pass, and AuthMethod is
// one for all, because the library would refuse with words we do not use;
// authenticate and grantTokens decide.
type registered struct{ *storage.Client }

var _ op.Client = registered{}

// GetID implements op.Client.
func (c registered) GetID() string { return c.ID }

// RedirectURIs implements op.Client.
func (c registered) RedirectURIs() []string { return c.Metadata.RedirectURIs }

// PostLogoutRedirectURIs implements op.Client.
func (c registered) PostLogoutRedirectURIs() []string { return c.Metadata.PostLogoutRedirectURIs }

// ApplicationType implements op.Client.
func (c registered) ApplicationType() op.ApplicationType { return op.ApplicationTypeWeb }

// AuthMethod implements op.Client.
func (c registered) AuthMethod() oidc.AuthMethod {
	return oidc.AuthMethodBasic
}

// ResponseTypes implements op.Client.
func (c registered) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}

// GrantTypes implements op.Client.
func (c registered) GrantTypes() []oidc.GrantType {
	return []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken, oidc.GrantTypeClientCredentials}
}

// LoginURL implements op.Client.
func (c registered) LoginURL(string) string { return "" }

// AccessTokenType implements op.Client.
func (c registered) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeBearer }

// IDTokenLifetime implements op.Client.
func (c registered) IDTokenLifetime() time.Duration { return 0 }

// DevMode implements op.Client.
func (c registered) DevMode() bool { return false }

// IsScopeAllowed implements op.Client.
func (c registered) IsScopeAllowed(string) bool { return false }

// IDTokenUserinfoClaimsAssertion implements op.Client.
func (c registered) IDTokenUserinfoClaimsAssertion() bool { return false }

// ClockSkew implements op.Client.
func (c registered) ClockSkew() time.Duration { return 0 }

// RestrictAdditionalIdTokenScopes implements op.Client.
func (c registered) RestrictAdditionalIdTokenScopes() func([]string) []string { //nolint:revive,staticcheck // the library's name
	return func([]string) []string { return nil }
}

// RestrictAdditionalAccessTokenScopes implements op.Client.
func (c registered) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func([]string) []string { return nil }
}
