package provider

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"iess.gob.ec/clave/storage"
)

// metadata is what both well-known documents say (OpenID Connect Discovery
// section 3, RFC 8414 section 2, RFC 9207 section 3).
type metadata struct {
	Issuer                 string   `json:"issuer"`
	AuthorizationEndpoint  string   `json:"authorization_endpoint"`
	TokenEndpoint          string   `json:"token_endpoint"`
	UserinfoEndpoint       string   `json:"userinfo_endpoint"`
	JWKSURI                string   `json:"jwks_uri"`
	EndSessionEndpoint     string   `json:"end_session_endpoint"`
	IntrospectionEndpoint  string   `json:"introspection_endpoint"`
	RevocationEndpoint     string   `json:"revocation_endpoint"`
	PushEndpoint           string   `json:"pushed_authorization_request_endpoint"`
	RequirePush            bool     `json:"require_pushed_authorization_requests"`
	ScopesSupported        []string `json:"scopes_supported"`
	ResponseTypesSupported []string `json:"response_types_supported"`
	ResponseModesSupported []string `json:"response_modes_supported"`
	GrantTypesSupported    []string `json:"grant_types_supported"`
	ACRValuesSupported     []string `json:"acr_values_supported"`
	SubjectTypesSupported  []string `json:"subject_types_supported"`
	IDTokenAlgs            []string `json:"id_token_signing_alg_values_supported"`
	TokenAuthMethods       []string `json:"token_endpoint_auth_methods_supported"`
	TokenAuthAlgs          []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	IntrospectAuthMethods  []string `json:"introspection_endpoint_auth_methods_supported"`
	IntrospectAuthAlgs     []string `json:"introspection_endpoint_auth_signing_alg_values_supported"`
	RevokeAuthMethods      []string `json:"revocation_endpoint_auth_methods_supported"`
	RevokeAuthAlgs         []string `json:"revocation_endpoint_auth_signing_alg_values_supported"`
	UserinfoAlgs           []string `json:"userinfo_signing_alg_values_supported"`
	IntrospectionAlgs      []string `json:"introspection_signing_alg_values_supported"`
	DisplayValuesSupported []string `json:"display_values_supported"`
	PromptValuesSupported  []string `json:"prompt_values_supported"`
	ClaimTypesSupported    []string `json:"claim_types_supported"`
	ClaimsSupported        []string `json:"claims_supported"`
	UILocalesSupported     []string `json:"ui_locales_supported"`
	ClaimsParameter        bool     `json:"claims_parameter_supported"`
	RequestParameter       bool     `json:"request_parameter_supported"`
	RequestURIParameter    bool     `json:"request_uri_parameter_supported"`
	RequireRequestURIReg   bool     `json:"require_request_uri_registration"`
	CodeChallengeMethods   []string `json:"code_challenge_methods_supported"`
	RequestAlgs            []string `json:"request_object_signing_alg_values_supported"`
	RequireRequestObject   bool     `json:"require_signed_request_object"`
	ResponseAlgs           []string `json:"authorization_signing_alg_values_supported"`
	ProofAlgs              []string `json:"dpop_signing_alg_values_supported"`
	CertificateBound       bool     `json:"tls_client_certificate_bound_access_tokens"`
	IssParameter           bool     `json:"authorization_response_iss_parameter_supported"`
	BackchannelLogout      bool     `json:"backchannel_logout_supported"`
	BackchannelSession     bool     `json:"backchannel_logout_session_supported"`

	MTLSAliases *endpointAliases `json:"mtls_endpoint_aliases,omitempty"`
}

// endpointAliases are the machine endpoints where certificates are asked for (RFC
// 8705 section 5).
type endpointAliases struct {
	Token         string `json:"token_endpoint"`
	Userinfo      string `json:"userinfo_endpoint"`
	Introspection string `json:"introspection_endpoint"`
	Revocation    string `json:"revocation_endpoint"`
	Push          string `json:"pushed_authorization_request_endpoint"`
}

// clientMethods are the ways in which clients of this very server can prove who
// they are: certificates need something that receives them.
func clientMethods(cfg Config) []string {
	return slices.DeleteFunc(authMethods(), func(method string) bool {
		return slices.Contains(certificateMethods(), method) && !cfg.Certificates || method == "tls_client_auth" && cfg.ClientCAs == nil
	})
}

func discovery(cfg Config) metadata {
	issuer, methods := cfg.Issuer, clientMethods(cfg)
	m := metadata{
		Issuer:                 issuer,
		AuthorizationEndpoint:  issuer + PathAuthorize,
		TokenEndpoint:          issuer + PathToken,
		UserinfoEndpoint:       issuer + PathUserinfo,
		JWKSURI:                issuer + PathKeys,
		EndSessionEndpoint:     issuer + PathLogout,
		IntrospectionEndpoint:  issuer + PathInspect,
		RevocationEndpoint:     issuer + PathRevoke,
		PushEndpoint:           issuer + PathPush,
		ScopesSupported:        scopes(),
		ResponseTypesSupported: []string{"code"},
		ResponseModesSupported: responseModes(),
		GrantTypesSupported:    grantTypes(),
		ACRValuesSupported:     acrValues(),
		SubjectTypesSupported:  subjectTypes(),
		IDTokenAlgs:            idTokenAlgs(),
		TokenAuthMethods:       methods,
		TokenAuthAlgs:          signingAlgs(""),
		IntrospectAuthMethods:  slices.DeleteFunc(slices.Clone(methods), func(m string) bool { return m == "none" }),
		IntrospectAuthAlgs:     signingAlgs(""),
		RevokeAuthMethods:      methods,
		RevokeAuthAlgs:         signingAlgs(""),
		UserinfoAlgs:           idTokenAlgs(),
		IntrospectionAlgs:      idTokenAlgs(),
		DisplayValuesSupported: displayValues(),
		PromptValuesSupported:  promptValues(),
		ClaimTypesSupported:    []string{"normal"},
		ClaimsSupported:        slices.Concat(protocolClaims(), storage.ClaimNames(scopes())),
		UILocalesSupported:     uiLocales(),
		ClaimsParameter:        true,
		CodeChallengeMethods:   []string{"S256"},
		RequestParameter:       true,
		RequestAlgs:            requestAlgs(),
		ResponseAlgs:           idTokenAlgs(),
		ProofAlgs:              proofAlgs(),
		CertificateBound:       cfg.Certificates,
		IssParameter:           true,
		BackchannelLogout:      slices.Contains(knownMembers(), "backchannel_logout_uri"),
		BackchannelSession:     slices.Contains(knownMembers(), "backchannel_logout_session_required"),
	}
	if cfg.Certificates && cfg.MTLSOrigin != "" {
		at := cfg.MTLSOrigin
		m.MTLSAliases = &endpointAliases{at + PathToken, at + PathUserinfo, at + PathInspect, at + PathRevoke, at + PathPush}
	}
	return m
}

// document is a JSON answer made beforehand.
type document struct {
	body []byte
	etag string
}

func newDocument[T any](content T) (document, error) {
	body, err := json.Marshal(content)
	if err != nil {
		return document{}, fmt.Errorf("provider: document: %w", err)
	}
	sum := sha256.Sum256(body)
	return document{body, `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}, nil
}

// write sends d, or 304 to who has it. It may be cached for maxAge.
func (d document) write(w http.ResponseWriter, r *http.Request, maxAge time.Duration) {
	h := w.Header()
	h.Set("ETag", d.etag)
	h.Set("Cache-Control", "public, max-age="+strconv.Itoa(int(maxAge/time.Second)))
	h.Set("Content-Type", "application/json")
	for _, name := range []string{"If-None-Match", "If-Match", "If-Range", "Range"} {
		if r.Header.Get(name) != "" {
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(d.body))
			return
		}
	}
	h.Set("Accept-Ranges", "bytes")
	h.Set("Content-Length", strconv.Itoa(len(d.body)))
	_, _ = w.Write(d.body) // whoever asked may have gone, or wants the head alone
}

// getMetadata serves both well-known documents, which are one.
func (s *Server) getMetadata(w http.ResponseWriter, r *http.Request) error {
	s.metadata.write(w, r, time.Hour)
	return nil
}

// getKeys serves the JWKS.
func (s *Server) getKeys(w http.ResponseWriter, r *http.Request) error {
	snap, err := s.keys.snapshot(r.Context())
	if err != nil {
		return err
	}
	snap.jwks.write(w, r, s.KeyCache)
	return nil
}
