package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"iess.gob.ec/clave/login"
)

// person is somebody who signs in.
type person struct{ cedula, clave string }

// commonClave is everybody's, so that one hash serves all.
const commonClave = "Cotopaxi47"

// somebody is the nth made-up person, from 0: her cédula is valid, and of the
// highest numbers of its province, which are far from being given out.
func somebody(n int) person {
	base := fmt.Sprintf("%02d%07d", n%24+1, 5_999_899-n/24)
	return person{base + string(login.CheckDigit(base)), commonClave}
}

// writePeople writes the first n people as clave import afiliados reads them.
func writePeople(w io.Writer, n int, phc string, now time.Time) error {
	_, err := fmt.Fprintln(w, "cedula;nombres;apellidos;fecha_nacimiento;correo;tipo_asegurado;estado;huella;clave_phc;clave_fecha")
	set := now.AddDate(0, -1, 0).Format(time.DateOnly)
	for i := 0; i < n && err == nil; i++ {
		_, err = fmt.Fprintf(w, "%s;Afiliado de prueba;Número %d;1980-05-17;afiliado%d@correo.example;afiliado;activa;no;%q;%s\n",
			somebody(i).cedula, i+1, i+1, phc, set)
	}
	return err
}

// application is a client, as it is registered.
type application struct {
	ClientID   string          `json:"client_id"`
	Name       string          `json:"client_name"`
	Secret     string          `json:"client_secret,omitempty"`
	Redirects  []string        `json:"redirect_uris,omitempty"`
	Grants     []string        `json:"grant_types"`
	Responses  []string        `json:"response_types"`
	Scope      string          `json:"scope,omitempty"`
	FirstParty bool            `json:"iess_first_party"`
	API        string          `json:"iess_resource_server,omitempty"`
	Resources  []string        `json:"iess_resources,omitempty"`
	Profile    string          `json:"iess_profile,omitempty"`
	AuthMethod string          `json:"token_endpoint_auth_method"`
	SigningAlg string          `json:"token_endpoint_auth_signing_alg,omitempty"`
	DPoP       bool            `json:"dpop_bound_access_tokens,omitempty"`
	JWKS       json.RawMessage `json:"jwks,omitempty"`
}

// bound reports whether it pushes its requests, authenticates by key and has its
// tokens bound to that.
func (a application) bound() bool { return a.DPoP }

func (a application) redirect() string { return a.Redirects[0] }

// apiURI is the API for which machines get tokens.
const apiURI = "https://api.bench.example"

// applications are an ordinary confidential one, one under FAPI 2.0, a machine and
// the API it calls.
type applications struct{ web, fapi, machine, api application }

func newApplications(key *clientKey, secret func() string) (applications, error) {
	jwks, err := key.jwks()
	code := []string{"code"}
	return applications{
		web: application{
			ClientID: "web", Name: "Web", Secret: secret(), AuthMethod: "client_secret_basic", Redirects: []string{"https://web.bench.example/cb"},
			Grants: []string{"authorization_code", "refresh_token"}, Responses: code, Scope: "openid profile offline_access", FirstParty: true,
		},
		fapi: application{
			ClientID: "fapi", Name: "FAPI", AuthMethod: "private_key_jwt", SigningAlg: "ES256", JWKS: jwks, DPoP: true, Profile: "fapi2",
			Redirects: []string{"https://fapi.bench.example/cb"}, Grants: []string{"authorization_code", "refresh_token"}, Responses: code,
			Scope: "openid profile offline_access", FirstParty: true,
		},
		machine: application{
			ClientID: "machine", Name: "Machine", Secret: secret(), AuthMethod: "client_secret_basic",
			Grants: []string{"client_credentials"}, Responses: []string{}, Scope: "bench:read", Resources: []string{apiURI},
		},
		api: application{
			ClientID: "api", Name: "API", Secret: secret(), AuthMethod: "client_secret_basic", Grants: []string{}, Responses: []string{}, API: apiURI,
		},
	}, err
}

// all are the members, as clave client apply reads them.
func (a applications) all() []application { return []application{a.web, a.fapi, a.machine, a.api} }
