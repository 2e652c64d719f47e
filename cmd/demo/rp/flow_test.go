package rp_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/cmd/demo/rp/rptest"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

func each(t *testing.T, f func(*testing.T, *world)) {
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) { f(t, newWorld(t, engine)) })
	}
}

func TestInDataAndOut(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := rptest.New(t)
		w.want(w.signIn(b, maria, mariaClave), http.StatusOK, "María Fernanda Quishpe Andrade")
		p := b.Get(w.base + "/datos")
		w.want(p, http.StatusOK, maria)
		for _, claim := range []string{"sub", "auth_time", "acr", "amr", "sid", "nonce", "email", "phone_number", "tipo_asegurado", "estado_afiliacion", "birthdate"} {
			if !strings.Contains(p.Body, "<code>"+claim+"</code></dt>") {
				t.Errorf("/datos does not show %s", claim)
			}
		}
		w.want(b.Press("salir", nil), http.StatusOK, "Salió de Préstamos y de Clave IESS")
		w.want(b.Get(w.base+"/datos"), http.StatusUnauthorized, "Ingrese para continuar")
		if p := b.Press("ingresar", nil); p.URL.Path != "/ingresar" || !strings.HasPrefix(p.URL.String(), w.issuer) {
			t.Errorf("after signing out, the next sign-in is at %s, want the provider's form", p.URL)
		}
		w.want(w.prove(b, maria, mariaClave), http.StatusOK, "Lo que recibió")
	})
}

// No page, header or cookie of the application holds a token; the ID token
// leaves only as the id_token_hint of the logout.
func TestASVS_10_1_1_TokensStayInTheApplication(t *testing.T) {
	w := newWorld(t, "sqlite")
	b := rptest.New(t)
	w.signIn(b, maria, mariaClave)
	for _, path := range []string{"/", "/datos", "/solicitud"} {
		p := b.Get(w.base + path)
		w.want(p, http.StatusOK, "Préstamos")
		seen := p.Body + p.URL.String()
		for _, values := range p.Header {
			seen += strings.Join(values, " ")
		}
		for _, c := range b.Cookies(w.base) {
			seen += c.Value
		}
		if len(w.wire.seen) != 3 {
			t.Fatalf("%d tokens came, want an access, a refresh and an ID token", len(w.wire.seen))
		}
		for _, token := range w.wire.seen {
			if strings.Contains(seen, token) {
				t.Errorf("%s shows a token", path)
			}
		}
	}
}

// atCallback signs in and stops before the browser comes back.
func atCallback(w *world, b *rptest.Browser) *url.URL {
	w.t.Helper()
	b.Until = func(next *url.URL) bool { return next.Path == "/retorno" }
	p := w.signIn(b, maria, mariaClave)
	b.Until = nil
	if p.Next == nil {
		w.t.Fatalf("no answer came: %s %d %s", p.URL, p.Status, p.Text())
	}
	return p.Next
}

func with(u *url.URL, change func(url.Values)) string {
	v, q := *u, u.Query()
	change(q)
	v.RawQuery = q.Encode()
	return v.String()
}

func TestASVS_10_1_2_AnswersNotForThisBrowserAreRefused(t *testing.T) {
	w := newWorld(t, "sqlite")
	b := rptest.New(t)
	answer := atCallback(w, b)

	w.want(b.Get(with(answer, func(q url.Values) { q.Set("state", storage.NewSecret()) })), http.StatusBadRequest, "No reconocemos este ingreso")
	w.want(b.Get(with(answer, func(q url.Values) { q.Del("state") })), http.StatusBadRequest, "No reconocemos este ingreso")
	w.want(b.Get(answer.String()+"&state=x"), http.StatusBadRequest, "No reconocemos este ingreso")
	// T15: a victim who is sent somebody else's answer is not signed in as her.
	w.want(rptest.New(t).Get(answer.String()), http.StatusBadRequest, "Este ingreso empezó en otro navegador")
	// None of it spent the answer.
	w.want(b.Get(answer.String()), http.StatusOK, "María Fernanda")
	// T18: it is good once.
	w.want(b.Get(answer.String()), http.StatusBadRequest, "Este ingreso ya se completó")
	w.want(b.Get(w.base+"/"), http.StatusOK, "María Fernanda")
}

func TestASVS_10_2_2_AnswersOfAnotherIssuerAreRefused(t *testing.T) {
	w := newWorld(t, "sqlite")
	b := rptest.New(t)
	answer := atCallback(w, b)
	for _, change := range []func(url.Values){
		func(q url.Values) { q.Del("iss") },
		func(q url.Values) { q.Set("iss", "https://clave.example") },
		func(q url.Values) { q.Set("iss", w.issuer+"/") },
		func(q url.Values) { q.Del("code"); q.Set("error", "access_denied"); q.Del("iss") },
	} {
		w.want(b.Get(with(answer, change)), http.StatusBadRequest, "La respuesta no vino de Clave IESS")
	}
	w.want(b.Get(answer.String()), http.StatusOK, "María Fernanda")
}

func TestLatePreSessionIsRefused(t *testing.T) {
	w := newWorld(t, "sqlite")
	b := rptest.New(t)
	answer := atCallback(w, b)
	w.clocks(10*time.Minute, 0)
	w.want(b.Get(answer.String()), http.StatusBadRequest, "Pasaron más de 10 minutos")
	w.clocks(0, 0)
	w.want(b.Press("ingresar", nil), http.StatusOK, "María Fernanda") // signed in there already: nothing to type
}

func TestASVS_10_5_1_AnotherNonceIsRefused(t *testing.T) {
	w := newWorld(t, "sqlite")
	b := rptest.New(t)
	b.Get(w.base + "/")
	b.Until = func(next *url.URL) bool { return next.Path == "/authorize" }
	request := b.Press("ingresar", nil).Next
	b.Until = nil
	b.Get(with(request, func(q url.Values) { q.Set("nonce", storage.NewSecret()) }))
	w.want(w.prove(b, maria, mariaClave), http.StatusBadGateway, "No pudimos completar")
	w.want(b.Get(w.base+"/"), http.StatusOK, "Ingresar con Clave IESS")
}

func TestASVS_10_2_1_AnotherVerifierIsRefused(t *testing.T) {
	w := newWorld(t, "sqlite")
	b := rptest.New(t)
	b.Get(w.base + "/")
	b.Until = func(next *url.URL) bool { return next.Path == "/authorize" }
	request := b.Press("ingresar", nil).Next
	b.Until = nil
	if q := request.Query(); q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 || q.Get("state") == "" || q.Get("nonce") == "" {
		t.Fatalf("the request lacks PKCE, state or nonce: %v", q)
	}
	b.Get(with(request, func(q url.Values) { q.Set("code_challenge", strings.Repeat("A", 43)) }))
	w.want(w.prove(b, maria, mariaClave), http.StatusBadGateway, "No pudimos completar")
}

func TestInitiateLogin(t *testing.T) {
	w := newWorld(t, "sqlite")
	b := rptest.New(t)
	w.want(b.Get(w.base+"/iniciar?iss=https%3A%2F%2Fclave.example"), http.StatusBadRequest, "Este enlace no viene de Clave IESS")
	w.want(b.Get(w.base+"/iniciar"), http.StatusBadRequest, "Este enlace no viene de Clave IESS")
	from := url.Values{"iss": {w.issuer}, "target_link_uri": {w.base + "/datos"}}
	b.Get(w.base + "/iniciar?" + from.Encode())
	w.want(w.prove(b, maria, mariaClave), http.StatusOK, "Lo que recibió")
	// T10: whatever else is named leads home.
	for _, target := range []string{"https://clave.example/", w.base + "@clave.example/datos", w.base + "//clave.example", "/datos", w.base + "/salir"} {
		from.Set("target_link_uri", target)
		if p := b.Get(w.base + "/iniciar?" + from.Encode()); p.URL.String() != w.base+"/" {
			t.Errorf("%s leads to %s", target, p.URL)
		}
	}
}

func TestT15_ForeignFormsDoNothing(t *testing.T) {
	w := newWorld(t, "sqlite")
	b := rptest.New(t)
	w.signIn(b, maria, mariaClave)
	for _, path := range []string{"/salir", "/ingresar", "/solicitud"} {
		for _, origin := range []string{"https://clave.example", "null", w.issuer} {
			w.want(b.Post(w.base+path, origin, url.Values{"monto": {"800"}}), http.StatusForbidden, "No aceptamos el envío")
		}
	}
	w.want(b.Get(w.base+"/solicitud"), http.StatusOK, "Solicitar un préstamo")
	if strings.Contains(b.Page().Text(), "Recibimos") {
		t.Error("a foreign form sent a solicitud")
	}
}

func TestCancelledSignIn(t *testing.T) {
	w := newWorld(t, "sqlite")
	b := rptest.New(t)
	b.Get(w.base + "/")
	b.Press("ingresar", nil)
	w.want(b.Press("cancelar", nil), http.StatusOK, "Usted canceló el ingreso")
	w.want(w.signIn(b, maria, mariaClave), http.StatusOK, "María Fernanda")
}

// A person may leave out what Préstamos can do without. It works with what it
// gets, and a refresh does not ask for more.
func TestNarrowConsent(t *testing.T) {
	w := newWorld(t, "sqlite")
	b := rptest.New(t)
	b.Get(w.base + "/")
	b.Press("ingresar", nil)
	b.Press("ingresar", url.Values{"cedula": {maria}, "clave": {mariaClave}})
	w.want(b.Press("autorizar", nil), http.StatusOK, "No llegó, porque no consta en su registro o usted no lo compartió: Correo, Teléfono")
	w.clocks(11*time.Minute, 0)
	p := b.Get(w.base + "/datos")
	w.want(p, http.StatusOK, maria)
	if w.wire.refreshes() != 1 || strings.Contains(p.Body, "maria.quishpe") {
		t.Errorf("%d refreshes; the page: %s", w.wire.refreshes(), p.Text())
	}
}
