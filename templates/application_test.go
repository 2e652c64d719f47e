package templates

import "testing"

func TestFormActionNamesWhereTheFormMayEnd(t *testing.T) {
	for address, want := range map[string]string{
		"https://app.example/cb?x=1":   " https://app.example",
		"http://localhost:8081/cb":     " http://localhost:8081",
		"http://127.0.0.1:50000/cb":    " http://127.0.0.1:50000",
		"http://[::1]:50000/cb":        " http:", // no source names an IPv6 address (RFC 8252 section 7.3 lets native applications use it)
		"http://[::1]/cb":              " http:",
		"https://[2001:db8::1]/cb":     " https://[2001:db8::1]", // nothing opens every site of the web
		"ec.gob.iess.movil:/cb":        " ec.gob.iess.movil:",
		"/cb":                          "",
		"":                             "",
		"https://app.example:x/broken": "",
	} {
		if got := FormAction(address); got != "form-action 'self'"+want {
			t.Errorf("%s: got %q, want %q", address, got, want)
		}
	}
}

func TestApplicationAsPeopleKnowIt(t *testing.T) {
	const iss = "https://clave.example"
	for _, tt := range []struct {
		name                      string
		client, policy, initiate  string
		wantHost, wantStart, want string
	}{
		{"nothing", "", "", "", "", "", ""},
		{"client_uri", "https://app.example/a", "https://app.example/p", "", "app.example", "https://app.example/a", "https://app.example/p"},
		{"initiate", "https://app.example/", "", "https://go.example/in", "app.example", "https://go.example/in?iss=https%3A%2F%2Fclave.example", ""},
		{
			"initiate with a query", "", "", "https://go.example/in?z=1&a=%20", "",
			"https://go.example/in?z=1&a=%20&iss=https%3A%2F%2Fclave.example", "",
		},
		{"not of the web", "ec.gob.iess.movil:/", "javascript:alert(1)", "mailto:a@b.example", "", "", ""},
	} {
		a := NewApplication("App", tt.client, tt.policy, tt.initiate, iss)
		if a.Name != "App" || a.Host != tt.wantHost || a.Start != tt.wantStart || a.Policy != tt.want {
			t.Errorf("%s: got %+v", tt.name, *a)
		}
	}
}
