package provider

import (
	"strings"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// protocolError is an OAuth error with one of our fixed sentences.
type protocolError struct {
	code        string
	description string // ASCII without quotes and backslash (RFC 6749 section 5.2)
}

func (e *protocolError) Error() string { return e.code + ": " + e.description }

func invalidRequest(description string) *protocolError {
	return &protocolError{"invalid_request", description}
}

// status is e as the library writes it: code and description exactly, and
// nothing of what caused it. A code the machine endpoints do not speak becomes
// server_error.
func (e *protocolError) status(code int) error {
	out := &oidc.Error{ErrorType: oidc.ServerError, Description: e.description}
	switch e.code { // the library's type of error takes constants only
	case "invalid_request":
		out.ErrorType = oidc.InvalidRequest
	case "invalid_client":
		out.ErrorType = oidc.InvalidClient
	case "invalid_grant":
		out.ErrorType = oidc.InvalidGrant
	case "invalid_scope":
		out.ErrorType = oidc.InvalidScope
	case "unauthorized_client":
		out.ErrorType = oidc.UnauthorizedClient
	case "invalid_target":
		out.ErrorType = "invalid_target"
	case "invalid_dpop_proof":
		out.ErrorType = "invalid_dpop_proof"
	case "use_dpop_nonce":
		out.ErrorType = "use_dpop_nonce"
	case "unsupported_token_type":
		out.ErrorType = "unsupported_token_type"
	case "unsupported_grant_type":
		out.ErrorType = oidc.UnsupportedGrantType
	case "invalid_token":
		out.ErrorType = "invalid_token"
	case "insufficient_scope":
		out.ErrorType = "insufficient_scope"
	}
	return op.NewStatusError(out, code)
}

// speakable is description if it may leave as error_description, else "".
func speakable(description string) string {
	bad := func(c rune) bool { return c < 0x20 || c > 0x7e || c == '"' || c == '\\' }
	if strings.ContainsFunc(description, bad) {
		return ""
	}
	return description
}
