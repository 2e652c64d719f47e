package templates

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// fields are the forms of contract.md section 3: each id is a name, too.
func TestPagesHaveTheFieldsOfTheContract(t *testing.T) {
	want := map[string][]string{
		"login":        {"cedula", "clave", "ingresar", "cancelar"},
		"login-code":   {"cedula", "clave", "ingresar", "cancelar"},
		"login-bare":   {"cedula", "clave", "ingresar"},
		"notice":       {"continuar", "cancelar"},
		"consent":      {"autorizar", "cancelar"},
		"renew":        {"clave_nueva", "clave_confirmacion", "acuerdo", "aceptar", "cancelar"},
		"renew-all":    {"clave_actual", "clave_nueva", "clave_confirmacion", "acuerdo", "aceptar"},
		"logout":       {"salir", "quedarse"},
		"locked-bare":  {},
		"locked-login": {"cancelar"},

		"unlock":                   {"identificacion", "reto", "desbloquear"},
		"unlock-request":           {"identificacion", "desbloquear", "cancelar"},
		"mailsent":                 {"reenviar"},
		"linkunlock":               {"desbloquear"},
		"linkunlock-elsewhere":     {"ultimos", "desbloquear"},
		"linkexpired":              {"reenviar"},
		"linkexpired-replaced":     {"reenviar"},
		"linkexpired-spent":        {"reenviar"},
		"codeentry":                {"codigo_mensaje", "reto", "desbloquear"},
		"codeentry-identify-empty": {"identificacion", "codigo_mensaje", "desbloquear"},
		"change":                   {"cedula", "clave_actual", "acuerdo", "aceptar"},
		"change-pressed":           {"cedula", "clave_actual", "acuerdo", "reto", "aceptar"},
		"change-session-pressed":   {"clave_actual", "clave_nueva", "acuerdo", "reto", "aceptar"},
		"login-pressed":            {"cedula", "clave", "reto", "ingresar", "cancelar"},
		"renew-pressed":            {"clave_actual", "clave_nueva", "acuerdo", "reto", "aceptar"},
		"change-request":           {"cedula", "clave_actual", "acuerdo", "aceptar", "cancelar"},
		"change-new":               {"clave_nueva", "clave_confirmacion", "cerrar_otras", "aceptar"},
		"change-session":           {"clave_actual", "clave_nueva", "clave_confirmacion", "acuerdo", "cerrar_otras", "aceptar"},
		"disavow":                  {"reto", "no-fui-yo"},

		"recoverstart":             {"identificacion", "reto", "buscar"},
		"recoverstart-request":     {"identificacion", "reto", "buscar", "cancelar"},
		"recoverquestions":         {"dia", "mes", "historia_1", "historia_2", "personal_1", "personal_2", "continuar"},
		"recoverquestions-request": {"historia_1", "continuar", "cancelar"},
		"recoverelsewhere":         {"dia", "mes", "personal_1", "continuar"},
		"recoverelsewhere-history": {"dia", "mes", "historia_1", "continuar"},
		"recoverdata":              {"correo", "celular", "convencional", "continuar"},
		"recoverdata-one":          {"correo", "celular", "convencional", "continuar", "cancelar"},
		"recoversent":              {"reenviar"},
		"recoverclave":             {"declaracion", "clave_nueva", "clave_confirmacion", "confirmar"},
		"recoverclave-enrol":       {"declaracion", "pregunta_1", "respuesta_1", "pregunta_2", "respuesta_2", "clave_nueva", "clave_confirmacion", "confirmar"},
		"contactlink":              {"reto", "confirmar"},
		"contactlink-approve":      {"reto", "aprobar"},
		"linkexpired-generate":     {"reenviar"},
	}
	forEach(t, func(t *testing.T, _ string, s State, root *html.Node) {
		for _, id := range want[s.Name] {
			if e := byID(root, id); e == nil || attr(e, "name") != id {
				t.Errorf("no field or button %s", id)
			}
		}
		if strings.HasPrefix(s.Name, "login-") && s.Name != "login-bare" && !strings.Contains(words(root), "Préstamos") {
			t.Error("the page does not say where the person is going")
		}
	})
}

func TestFormsCarryTheRunningRequest(t *testing.T) {
	forEach(t, func(t *testing.T, _ string, s State, root *html.Node) {
		for _, f := range elements(root, "form") {
			if !slices.Contains([]string{"/ingresar", "/renovar", "/autorizar"}, attr(f, "action")) {
				continue
			}
			id := ""
			for _, e := range elements(f, "input") {
				if attr(e, "name") == "id" {
					id = attr(e, "value")
				}
			}
			running := !slices.Contains([]string{"login-bare", "locked-bare", "renew-current"}, s.Name)
			if running != (id == sampleGoal().Request) {
				t.Errorf("id %q", id)
			}
			link := ""
			for _, a := range elements(root, "a") {
				if has(a, "hreflang") {
					link = attr(a, "href")
				}
			}
			if running && !strings.Contains(link, "id="+sampleGoal().Request) || !strings.Contains(link, "ui_locales=") {
				t.Errorf("the language switch %q loses the request", link)
			}
		}
	})
}

func TestClaveIsNeverWrittenAgain(t *testing.T) {
	forEach(t, func(t *testing.T, _ string, _ State, root *html.Node) {
		for _, e := range elements(root, "input") {
			if attr(e, "type") == "password" && has(e, "value") {
				t.Errorf("%s has a value", attr(e, "name"))
			}
		}
	})
}

func TestASVS_6_2_6_ASVS_6_2_7_ClaveFieldsHideAndTakePaste(t *testing.T) {
	want := map[string]string{
		"cedula": "username", "identificacion": "username", "codigo_mensaje": "one-time-code", "clave": "current-password", "clave_actual": "current-password",
		"clave_nueva": "new-password", "clave_confirmacion": "new-password", "correo": "email", "celular": "mobile tel", "convencional": "home tel",
	}
	forEach(t, func(t *testing.T, _ string, _ State, root *html.Node) {
		for _, e := range elements(root, "input") {
			name := attr(e, "name")
			if autocomplete, ok := want[name]; ok && strings.TrimSuffix(attr(e, "autocomplete"), " webauthn") != autocomplete {
				t.Errorf("%s: autocomplete %q, want %q", name, attr(e, "autocomplete"), autocomplete)
			}
			if strings.HasPrefix(name, "clave") && attr(e, "type") != "password" {
				t.Errorf("%s shows what is typed", name)
			}
			// A browser cuts what is pasted into a shorter field, without a word (ASVS 6.2.8).
			if strings.HasPrefix(name, "clave") && attr(e, "maxlength") != "256" {
				t.Errorf("%s may cut a clave", name)
			}
		}
	})
}

func TestS009_S013_D28_EveryPageNamesHostPhoneAndNoCost(t *testing.T) {
	forEach(t, func(t *testing.T, lang string, _ State, root *html.Node) {
		free := map[string]string{"es-EC": "El trámite no tiene costo.", "en": "This service is free of charge."}
		text := words(root)
		for _, want := range []string{"clave.iess.example", "+593 2 394 5666", free[lang]} {
			if !strings.Contains(text, want) {
				t.Errorf("the page does not say %q", want)
			}
		}
	})
}

func TestS093_S094_AdviceWhereAClaveIsTyped(t *testing.T) {
	forEach(t, func(t *testing.T, lang string, s State, root *html.Node) {
		name := s.Page.name()
		if lang != "es-EC" || !slices.Contains([]string{"login", "renew", "change", "recoverclave", "ayuda"}, name) {
			return
		}
		text := words(root)
		for _, want := range []string{"El IESS nunca le pide su clave", "Su clave es personal", "No la confíe"} {
			if !strings.Contains(text, want) {
				t.Errorf("the page does not say %q", want)
			}
		}
	})
}

func TestS095_ASVS_7_4_4_LogoutIsOffered(t *testing.T) {
	forEach(t, func(t *testing.T, lang string, s State, root *html.Node) {
		var names []string
		for _, b := range elements(root, "button") {
			names = append(names, attr(b, "name"))
		}
		if got, want := slices.Contains(names, "salir"), s.Page.layout().SignedIn; got != want {
			t.Errorf("salir offered: %v, want %v", got, want)
		}
		if s.Page.name() == "loggedout" && lang == "es-EC" && !strings.Contains(strings.ToLower(words(root)), "cierre") {
			t.Error("no advice to close")
		}
	})
}

func TestS068_S070_OneSentenceThenAdvice(t *testing.T) {
	const sentence = "La cédula o la clave no coinciden, o la clave está bloqueada"
	p := parsed(t)
	first := body(t, p, Login{Cedula: "1759999913", Denied: true})
	third := body(t, p, Login{Cedula: "1759999913", Denied: true, Advise: true})
	for _, got := range []string{first, third} {
		if !strings.Contains(got, sentence) || !strings.Contains(got, `value="1759999913"`) {
			t.Error("the sentence or what was typed is missing")
		}
	}
	const advice = "Use la última clave que creó"
	if strings.Contains(first, advice) || !strings.Contains(third, advice) || strings.Count(third, `href="/generar-recuperar"`) < 2 {
		t.Error("the advice is not what the third failure adds")
	}
}

func TestLAW04_NoticeBeforeTheFirstField(t *testing.T) {
	forEach(t, func(t *testing.T, _ string, _ State, root *html.Node) {
		seen := false
		for _, e := range elements(byID(root, "contenido"), "a", "input") {
			if attr(e, "href") == "/privacidad" {
				seen = true
			}
			if e.Data == "input" && attr(e, "type") != "hidden" && attr(e, "type") != "checkbox" && !seen {
				t.Fatalf("%s comes before the privacy notice", attr(e, "name"))
			}
		}
	})
}

func TestLAW04_NoticeHasTheSeventeenItems(t *testing.T) {
	got := body(t, parsed(t), Privacidad{})
	for i := range 17 {
		if !strings.Contains(got, "<h2>"+strconv.Itoa(i+1)+". ") {
			t.Errorf("item %d is missing", i+1)
		}
	}
	if !strings.Contains(got, privacyVersion) {
		t.Error("the notice has no version")
	}
}

// Each fault of each page is said beside its field, or beside the group that the field
// is one choice of, and in the summary.
func TestFailuresAreMarkedAndLinked(t *testing.T) {
	forEach(t, func(t *testing.T, _ string, s State, root *html.Node) {
		if p, ok := s.Page.(RecoverExtra); ok && p.Spent { // it has no field any more
			return
		}
		var faults []Fault
		if field := reflect.ValueOf(s.Page).FieldByName("Faults"); field.IsValid() {
			faults, _ = field.Interface().([]Fault)
		}
		for _, f := range faults {
			e := byID(root, f.field())
			if e != nil && attr(e, "type") == "radio" {
				for e.Data != "fieldset" && e.Parent != nil {
					e = e.Parent
				}
			}
			if e == nil || !strings.Contains(attr(e, "aria-describedby"), f.field()+"-error") || e.Data != "fieldset" && attr(e, "aria-invalid") != "true" {
				t.Errorf("%s is not marked on its field", f)
			}
			if summary := byID(root, "resumen"); summary == nil {
				t.Errorf("%s has no summary", f)
			}
		}
	})
}

func TestEveryPageHasAWayOn(t *testing.T) {
	forEach(t, func(t *testing.T, _ string, _ State, root *html.Node) {
		ways := 0
		for _, e := range elements(byID(root, "contenido"), "a", "button") {
			if href := attr(e, "href"); e.Data == "button" || strings.HasPrefix(href, "/") || strings.HasPrefix(href, "http") {
				ways++
			}
		}
		if ways == 0 {
			t.Error("the page is a dead end")
		}
	})
}

func TestConsentTicksNothingByItself(t *testing.T) {
	got := body(t, parsed(t), Consent{Optional: []Option{{Scope: "email"}, {Scope: "phone"}}, APIs: sampleAPIs()})
	if strings.Contains(got, "checked") {
		t.Error("a box is ticked that the person did not tick")
	}
}

func TestDataIsListedExactly(t *testing.T) {
	p := parsed(t)
	got := body(t, p, Notice{Data: []Datum{
		{"sub", []string{"opaque"}},
		{"name", []string{"Blanca Ruiz Torres"}},
		{"given_name", []string{"Blanca"}},
		{"birthdate", []string{"1948-05-05"}},
		{"tipo_asegurado", []string{"afiliado", "pensionista"}},
		{"email", nil},
		{"cedula", []string{"3059999916"}},
		{"tipo_identificacion", []string{"cedula"}},
		{"otro", []string{"valor"}},
		{"clave_due_at", []string{"1796446800"}},
	}})
	for _, want := range []string{
		"Blanca Ruiz Torres", "5 de mayo de 1948", "Afiliado/a, Pensionista", "No consta", "3059999916", "<dt>Cédula</dt>", "<dt>otro</dt><dd>valor</dd>",
		"<dt>Su clave vence</dt><dd>5 de diciembre de 2026</dd>",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if strings.Contains(got, "opaque") || strings.Count(got, "<dt>") != 7 {
		t.Error("a line is there that says nothing about the person, or twice")
	}
}

func TestClaveThatNeverFallsDue(t *testing.T) {
	if got := body(t, parsed(t), Notice{Data: []Datum{{"clave_due_at", nil}}}); !strings.Contains(got, "<dt>Su clave vence</dt><dd>Nunca</dd>") {
		t.Errorf("got %s", got)
	}
}

func TestDatesAreOfGuayaquil(t *testing.T) {
	night := time.Date(2026, time.November, 23, 3, 30, 0, 0, time.UTC)
	p := parsed(t)
	if got := body(t, p, Renew{Expired: night}); !strings.Contains(got, "22 de noviembre de 2026") {
		t.Error("the day is not the one in Ecuador")
	}
	if got := body(t, p, Renew{Layout: Layout{Lang: "en"}, Expired: night}); !strings.Contains(got, "22 November 2026") {
		t.Error("the day is not in English")
	}
}

// An "or" stands between two ways: what is the only one has none before it, and is the button of the page.
func TestAnOrStandsBetweenTwoWays(t *testing.T) {
	forEach(t, func(t *testing.T, _ string, _ State, root *html.Node) {
		ways := false
		for _, e := range elements(byID(root, "contenido"), "input", "button", "p") {
			switch {
			case e.Data == "button", e.Data == "input" && attr(e, "type") != "hidden":
				ways = true
			case attr(e, "class") == "or" && !ways:
				t.Errorf("%q follows nothing", words(e))
			}
		}
	})
}
