package templates

import (
	"slices"
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	for _, tt := range []struct {
		name, accept, locales, cookie, want string
	}{
		{name: "nothing said", want: "es-EC"},
		{name: "browser in English", accept: "en-GB,en;q=0.9,es;q=0.8", want: "en"},
		{name: "weights count", accept: "en;q=0.3, es-MX;q=0.9", want: "es-EC"},
		{name: "language we do not have", accept: "fr-FR, de", want: "es-EC"},
		{name: "second choice", accept: "qu-EC, en;q=0.5", want: "en"},
		{name: "cookie over browser", accept: "en", cookie: "es-EC", want: "es-EC"},
		{name: "foreign cookie", accept: "en", cookie: "../x", want: "en"},
		{name: "application over cookie", locales: "en", cookie: "es-EC", want: "en"},
		{name: "application's second choice", locales: "fr es-ES", cookie: "en", want: "es-EC"},
		{name: "application asks for none of ours", locales: "fr pt", cookie: "en", want: "en"},
		{name: "broken tags", locales: "!! en", want: "en"},
		{name: "too long", accept: strings.Repeat("en,", 1000), want: "es-EC"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Match(tt.accept, tt.locales, tt.cookie); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func FuzzT27_Match(f *testing.F) {
	f.Add("en-GB,en;q=0.9", "es en", "en")
	f.Add("*;q=0", "x-private", "es-EC")
	f.Add("a-b-c-d-e-f-g-h;q=1e9", "\xff", "")
	f.Fuzz(func(t *testing.T, accept, locales, cookie string) {
		if got := Match(accept, locales, cookie); !slices.Contains(Languages(), got) {
			t.Errorf("got %q", got)
		}
	})
}

func FuzzSwitchLanguage(f *testing.F) {
	f.Add("/ingresar?id=1&ui_locales=en")
	f.Add("//evil.example/")
	f.Add("/\\evil.example")
	f.Add("javascript:alert(1)")
	f.Fuzz(func(t *testing.T, path string) {
		got := switchLanguage(path, "en")
		if !strings.HasPrefix(got, "/") || strings.HasPrefix(got, "//") || strings.HasPrefix(got, "/\\") || !strings.Contains(got, "ui_locales=en") {
			t.Errorf("%q leads to %q", path, got)
		}
	})
}
