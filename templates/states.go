package templates

import (
	"net/http"
	"time"
)

// State is one page in one of its states, with made-up people in it.
type State struct {
	Name   string // page, then what is particular: login-denied
	Status int
	Page   Page
}

// States are all pages in all their states in one language. [Parse] executes them, tests check them, and the pictures of
// the pages are taken of them.
func States(lang string) []State {
	l := Layout{Lang: lang, RequestID: "K7QF2M9XWZ4TB6RHNVCJ3LDYPA"}
	in, again := l, l
	in.SignedIn = true
	again.Path = "/oauth/logout/fin?sesion=K7QF2M9XWZ4TB6RHNVCJ3LDYPA"
	ok := http.StatusOK
	all := []State{
		{"home", ok, Home{Layout: l, Applications: sampleApplications()}},
		{"home-signed-in", ok, Home{Layout: in, Name: "María Fernanda", Applications: sampleApplications()}},
		{"home-bare", ok, Home{Layout: l}},
		{"loggedout", ok, LoggedOut{Layout: l}},
		{"loggedout-application", ok, LoggedOut{Layout: l, Application: &sampleApplications()[1]}},
		{"loggedout-farewells", ok, LoggedOut{Layout: again, Farewells: sampleFarewells()}},
		{"loggedout-all-closed", ok, LoggedOut{Layout: again, Farewells: sampleFarewells()[:1]}},
		{"loggedout-stayed", ok, LoggedOut{Layout: in, Application: &sampleApplications()[1], Stayed: true}},
		{"logout", ok, LogoutConfirm{Layout: in, Action: "/oauth/logout"}},
		{"logout-application", ok, LogoutConfirm{
			Layout: in, Action: "/oauth/logout", Application: &sampleApplications()[1],
			Params: []Param{{"client_id", "prestamos"}, {"state", "af0ifjsldkj"}},
		}},
		{"logout-wrong", ok, LogoutConfirm{Layout: in, Action: "/oauth/logout", Wrong: true}},
		{"formpost", ok, FormPost{
			Layout: l, Application: sampleApplications()[1], Action: "https://prestamos.iess.example/regreso",
			Params: []Param{{"code", "SplxlOBeZQQYbYS6WxSbIA"}, {"state", "af0ifjsldkj"}, {"iss", "https://clave.iess.example"}},
		}},
		{"formpost-native", ok, FormPost{
			Layout: l, Application: sampleApplications()[0], Action: "ec.gob.iess.movil:/regreso",
			Params: []Param{{"error", "access_denied"}},
		}},
		{"ayuda", ok, Ayuda{Layout: l}},
		{"ayuda-closed", ok, Ayuda{Layout: l, Closed: true}},
		{"ayuda-llaves", ok, AyudaLlaves{Layout: l}},
		{"tramite", ok, Tramite{Layout: l}},
		{"privacidad", ok, Privacidad{Layout: l}},
		{"accesibilidad", ok, Accesibilidad{Layout: l}},
		{"acuerdo", ok, Acuerdo{Layout: l}},
	}
	all = append(all, loginStates(l, in)...)
	all = append(all, requestStates(in)...)
	all = append(all, unlockStates(l)...)
	all = append(all, changeStates(l, in)...)
	all = append(all, recoverStates(l)...)
	all = append(all, messagesStates(in)...)
	all = append(all, accountStates(in)...)
	all = append(all, dataStates(in)...)
	all = append(all, secondStates(l, in)...)
	all = append(all, ownStates(in)...)
	all = append(all, keyStates(in)...)
	all = append(all, sessionsStates(in)...)
	all = append(all, activityStates(in)...)
	return append(all, errorStates(l)...)
}

func loginStates(l, in Layout) []State {
	g := sampleGoal()
	ok := http.StatusOK
	all := []State{
		{"login", ok, Login{Layout: l, Goal: g}},
		{"login-bare", ok, Login{Layout: l}},
		{"login-passkey", ok, Login{Layout: l, Goal: g, Passkey: samplePasskey(false)}},
		{"login-passkey-refused", ok, Login{Layout: l, Goal: g, Cedula: "1759999913", Passkey: samplePasskey(true)}},
		{"login-passkey-first", ok, Login{
			Layout: in, Goal: g, Again: true, Name: "María Fernanda", Passkey: &PasskeyAsk{Options: "/ingresar/llave/opciones", First: true},
		}},
		{"login-apis", ok, Login{Layout: l, Goal: &Goal{Request: g.Request, Application: g.Application, APIs: true}}},
		{"login-code", ok, Login{Layout: l, Goal: g, Code: true}},
		{"login-empty", ok, Login{Layout: l, Goal: g, Denied: true}},
		{"login-malformed", ok, Login{Layout: l, Goal: g, Cedula: "1759999914", Faults: []Fault{CedulaMalformed}}},
		{"login-code-malformed", ok, Login{Layout: l, Goal: g, Code: true, Cedula: "EXT*", Faults: []Fault{CodigoMalformed}}},
		{"login-denied", ok, Login{Layout: l, Goal: g, Cedula: "1759999913", Denied: true}},
		{"login-code-denied", ok, Login{Layout: l, Goal: g, Code: true, Cedula: "EXT-0004711", Denied: true}},
		{"login-advised", ok, Login{Layout: l, Goal: g, Cedula: "1759999913", Denied: true, Advise: true}},
		{"login-stale", ok, Login{Layout: l, Goal: g, Cedula: "1759999913", Stale: true}},
		{"login-shared", ok, Login{Layout: l, Goal: g, Cedula: "1759999913", Denied: true, Shared: true}},
		{"login-marked", ok, Login{Layout: l, Goal: g, Marked: true}},
		{"login-busy", http.StatusServiceUnavailable, Login{Layout: l, Goal: g, Cedula: "1759999913", Busy: true, Retry: 2 * time.Second}},
		{"login-pressed", ok, Login{Layout: l, Goal: g, Challenge: sampleChallenge("")}},
		{"login-pressed-missing", ok, Login{
			Layout: l, Goal: g, Cedula: "1759999913", Challenge: sampleChallenge(ChallengeMissing), Faults: []Fault{ChallengeMissing},
		}},
		{"login-pressed-early", ok, Login{Layout: l, Goal: g, Cedula: "1759999913", Challenge: earlyChallenge("/ingresar")}},
		{"login-again", ok, Login{Layout: in, Goal: g, Again: true, Name: "María Fernanda"}},
		{"login-again-unknown", ok, Login{Layout: l, Goal: g, Again: true}},
	}
	for _, r := range []Reason{ReasonLogin, ReasonRecuperacion, ReasonOperador, ReasonCompromiso, ReasonDisabled} {
		all = append(all, State{"locked-" + string(r), ok, Locked{Layout: l, Goal: g, Reason: r}})
	}
	return append(all, State{"locked-bare", ok, Locked{Layout: l}},
		State{"locked-until", ok, Locked{Layout: l, Goal: g, Reason: ReasonLogin, Until: sampleTime().Add(24 * time.Hour)}})
}

func samplePasskey(refused bool) *PasskeyAsk {
	return &PasskeyAsk{Options: "/ingresar/llave/opciones", Refused: refused, Credential: "K7QF2M9XWZ4TB6RHNVCJ3LDYPA"} //nolint:gosec // an example
}

func requestStates(in Layout) []State {
	g, ok := sampleGoal(), http.StatusOK
	biess := Goal{Request: g.Request, Receives: []string{"name", "cedula"}, Application: Application{
		Name: "BIESS Hipotecarios", Host: "hipotecarios.biess.example", Start: "https://hipotecarios.biess.example/",
		Policy: "https://hipotecarios.biess.example/privacidad",
	}}
	created := time.Date(2025, time.November, 8, 15, 0, 0, 0, time.UTC)
	renew := Renew{
		Layout: in, Goal: g, Created: created, Expired: created.AddDate(1, 0, 0),
		Rules: Rules{Min: 8, Max: 64, History: 5, Waiver: 15},
	}
	all := []State{
		{"notice", ok, Notice{Layout: in, Goal: *g, Given: "María Fernanda", Data: sampleData(), Offline: true}},
		{"notice-anonymous", ok, Notice{Layout: in, Goal: Goal{Request: g.Request, Application: g.Application}, Given: "María Fernanda"}},
		{"consent", ok, Consent{
			Layout: in, Goal: biess, Given: "María Fernanda", Data: sampleData(), Offline: true,
			Optional: []Option{
				{Scope: "email", Data: []Datum{{"email", []string{"mquishpe@correo.example"}}}},
				{Scope: "phone", Data: []Datum{{"phone_number", []string{"+593991234567"}}}},
			},
		}},
		{"notice-apis", ok, Notice{Layout: in, Goal: *g, Given: "María Fernanda", Data: sampleData(), APIs: sampleAPIs()[:1]}},
		{"notice-apis-anonymous", ok, Notice{Layout: in, Goal: Goal{Request: g.Request, Application: g.Application}, Given: "María Fernanda", APIs: sampleAPIs()}},
		{"consent-apis", ok, Consent{
			Layout: in, Goal: biess, Given: "María Fernanda", Data: sampleData(), APIs: sampleAPIs(),
			Optional: []Option{{Scope: "email", Data: []Datum{{"email", []string{"mquishpe@correo.example"}}}}},
		}},
		{"consent-apis-anonymous", ok, Consent{Layout: in, Goal: biess, Given: "Amara", APIs: sampleAPIs()[:1]}},
		{"consent-plain", ok, Consent{Layout: in, Goal: biess, Given: "Amara", Data: []Datum{
			{"name", []string{"Amara Okafor"}},
			{"birthdate", []string{"1990-12-11"}},
			{"cedula", []string{"EXT-0004711"}},
			{"tipo_identificacion", []string{"codigo"}},
			{"email", nil},
		}}},
		{"renew", ok, renew},
	}
	vary := func(name string, status int, change func(*Renew)) {
		r := renew
		change(&r)
		all = append(all, State{"renew-" + name, status, r})
	}
	for _, f := range []Fault{
		NuevaEmpty, NuevaShort, NuevaLong, NuevaCharacters, NuevaNoLetter, NuevaNoDigit, NuevaCommon, NuevaPersonal, NuevaUsed,
		ConfirmationEmpty, ConfirmationOther, AgreementMissing,
	} {
		vary(string(f), ok, func(r *Renew) { r.Faults, r.Agreed = []Fault{f}, f != AgreementMissing })
	}
	vary("all", ok, func(r *Renew) {
		r.AskCurrent, r.Faults = true, []Fault{ActualEmpty, NuevaShort, NuevaNoDigit, ConfirmationOther, AgreementMissing}
	})
	vary("current", ok, func(r *Renew) { r.AskCurrent, r.Goal, r.Faults = true, nil, []Fault{ActualWrong} })
	vary("pressed", ok, func(r *Renew) {
		r.AskCurrent, r.Faults, r.Challenge = true, []Fault{ChallengeMissing}, sampleChallenge(ChallengeMissing)
	})
	vary("compromised", ok, func(r *Renew) { r.Cause, r.Expired = CauseCompromised, time.Time{} })
	vary("other-period", ok, func(r *Renew) { r.Expired, r.Rules.Waiver, r.Rules.History = created.AddDate(0, 0, 90), 0, 1 })
	vary("stale", ok, func(r *Renew) { r.Stale = true })
	vary("swapped", ok, func(r *Renew) { r.Swapped = true })
	vary("busy", http.StatusServiceUnavailable, func(r *Renew) { r.Busy, r.Retry = true, time.Second })
	return all
}

func sampleAPIs() []API {
	return []API{{"resource:https://api.iess.example/historia", "Historia Laboral (API)"}, {"resource:urn:iess:planillas", "Consulta de planillas"}}
}

func errorStates(l Layout) []State {
	app := &sampleApplications()[1]
	var all []State
	for _, k := range []Kind{
		KindClient, KindRequest, KindForbidden, KindNotFound, KindMethod, KindTooLarge, KindHost, KindExpired, KindBrowser,
	} {
		all = append(all, State{"error-" + string(k), k.Status(), Error{Layout: l, Kind: k}})
	}
	return append(all,
		State{"error-internal", KindInternal.Status(), Error{Layout: l, Application: app}},
		State{"error-busy", KindBusy.Status(), Error{Layout: l, Kind: KindBusy, Retry: time.Second, Application: app}},
		State{"error-unavailable", KindUnavailable.Status(), Error{Layout: l, Kind: KindUnavailable, Retry: 30 * time.Second}},
		State{"error-busy-unknown", KindBusy.Status(), Error{Layout: l, Kind: KindBusy}},
		State{"error-expired-application", KindExpired.Status(), Error{Layout: l, Kind: KindExpired, Application: app}},
		State{"error-browser-application", KindBrowser.Status(), Error{Layout: l, Kind: KindBrowser, Application: app}},
	)
}

func sampleApplications() []Application {
	return []Application{
		{Name: "Historia Laboral", Host: "historia.iess.example", Start: "https://historia.iess.example/"},
		{Name: "Préstamos", Host: "prestamos.iess.example", Start: "https://prestamos.iess.example/"},
		{Name: "Fondos de Reserva", Host: "fondos.iess.example", Start: "https://fondos.iess.example/"},
	}
}

// sampleFarewells are the applications of somebody who has signed out, in each of their states.
func sampleFarewells() []Farewell {
	var out []Farewell
	for i, state := range []FarewellState{FarewellClosed, FarewellTelling, FarewellSilent, FarewellOwn} {
		apps := sampleApplications()
		app := apps[i%len(apps)]
		out = append(out, Farewell{Name: app.Name, Host: app.Host, State: state})
	}
	return out
}

func sampleGoal() *Goal {
	return &Goal{
		Request: "Wc0u3qfnGz2VbQ", Application: sampleApplications()[1],
		Receives: []string{"sub", "name", "given_name", "family_name", "cedula", "tipo_identificacion", "email", "email_verified"},
	}
}

func sampleData() []Datum {
	return []Datum{
		{"name", []string{"María Fernanda Quishpe Andrade"}},
		{"given_name", []string{"María Fernanda"}},
		{"cedula", []string{"1759999913"}},
		{"tipo_identificacion", []string{"cedula"}},
		{"birthdate", []string{"1985-03-14"}},
		{"clave_due_at", []string{"1796446800"}},
		{"recovered_at", nil},
		{"tipo_asegurado", []string{"afiliado"}},
		{"estado_afiliacion", []string{"activa"}},
	}
}
