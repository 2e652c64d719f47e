package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"iess.gob.ec/clave/cmd/demo/rp"
)

// application is one of the three: how it runs and how it is registered.
type application struct {
	rp         rp.Config
	firstParty bool
}

// applications are Historia Laboral, Préstamos and Fondos de Reserva on the
// three ports above base. Each authenticates in another of the ways the
// provider offers, asks for other scopes, and Préstamos, which belongs to a
// separate institution (BIESS), needs consent.
func applications(issuer string, base int) []application {
	url := func(n int) string { return "http://localhost:" + strconv.Itoa(base+n) }
	apps := []application{
		{firstParty: true, rp: rp.Config{
			ClientID: "historia-laboral", AuthMethod: rp.AuthBasic, BaseURL: url(1), Theme: "historia",
			Name: "Historia Laboral", Institution: "IESS", Lead: "Aquí cada afiliado consulta los aportes que sus empleadores registraron.",
			Scopes: []string{"openid", "profile", "cedula", "afiliacion"},
		}},
		{rp: rp.Config{
			ClientID: "prestamos", AuthMethod: rp.AuthPost, BaseURL: url(2), Theme: "prestamos",
			Name: "Préstamos", Institution: "BIESS", Lead: "Aquí afiliados y pensionistas solicitan un préstamo quirografario.",
			Scopes: []string{"openid", "profile", "email", "phone", "cedula", "afiliacion", "offline_access"}, Solicitud: true, Events: true,
		}},
		{firstParty: true, rp: rp.Config{
			ClientID: "fondos-de-reserva", AuthMethod: rp.AuthNone, BaseURL: url(3), Theme: "fondos",
			Name: "Fondos de Reserva", Institution: "IESS", Lead: "Aquí cada afiliado elige cómo recibir sus fondos de reserva.",
			Scopes: []string{"openid", "profile", "cedula"},
		}},
	}
	for i := range apps {
		apps[i].rp.Issuer = issuer
		for j, other := range apps {
			if i != j {
				apps[i].rp.Others = append(apps[i].rp.Others, rp.Link{Name: other.rp.Name, URL: other.rp.BaseURL})
			}
		}
	}
	return apps
}

// metadata is the applications file (contract.md section 4) that registers apps.
func metadata(apps []application, clientSecrets map[string]string) ([]byte, error) {
	var out []map[string]any
	for _, a := range apps {
		grants := []string{"authorization_code"}
		if strings.Contains(strings.Join(a.rp.Scopes, " "), "offline_access") {
			grants = append(grants, "refresh_token")
		}
		m := map[string]any{
			"client_id": a.rp.ClientID, "client_name": a.rp.Name, "client_uri": a.rp.BaseURL + "/",
			"redirect_uris": []string{a.rp.RedirectURI()}, "post_logout_redirect_uris": []string{a.rp.PostLogoutRedirectURI()},
			"backchannel_logout_uri": a.rp.BackchannelLogoutURI(), "backchannel_logout_session_required": true,
			"initiate_login_uri": a.rp.InitiateLoginURI(), "token_endpoint_auth_method": a.rp.AuthMethod,
			"grant_types": grants, "response_types": []string{"code"}, "scope": strings.Join(a.rp.Scopes, " "),
			"iess_first_party": a.firstParty,
		}
		if a.rp.Solicitud { // a clave that falls due in between does not interrupt it
			m["iess_renewal_window"] = 30 * 60
		}
		if a.rp.Events {
			m["iess_events"], m["iess_events_uri"] = rp.EventTypes(), a.rp.EventsURI()
		}
		if secret := clientSecrets[a.rp.ClientID]; secret != "" {
			m["client_secret"] = secret
		}
		out = append(out, m)
	}
	data, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("demo: applications: %w", err)
	}
	return data, nil
}
