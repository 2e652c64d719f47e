package templates

import (
	"compress/gzip"
	"io"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func TestStatic(t *testing.T) {
	s, err := NewStatic()
	if err != nil {
		t.Fatal(err)
	}
	style, err := s.Path("style.css")
	if err != nil || !regexp.MustCompile(`^/static/style\.[0-9a-f]{16}\.css$`).MatchString(style) {
		t.Fatalf("got %q, %v", style, err)
	}
	if _, err := s.Path("none.css"); err == nil {
		t.Error("a file that is not there has a path")
	}
	for _, tt := range []struct {
		name, method, path string
		status             int
	}{
		{"stylesheet", "GET", style, 200},
		{"head", "HEAD", style, 200},
		{"post", "POST", style, 405},
		{"without hash", "GET", "/static/style.css", 404},
		{"other hash", "GET", "/static/style.0000000000000000.css", 404},
		{"folder", "GET", "/static/", 404},
		{"upwards", "GET", "/static/../catalog/en.json", 404},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), tt.method, tt.path, nil))
			if w.Code != tt.status {
				t.Fatalf("got %d, want %d", w.Code, tt.status)
			}
			immutable := strings.Contains(w.Header().Get("Cache-Control"), "immutable")
			if immutable != (tt.status == 200) || w.Header().Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("headers %v", w.Header())
			}
			if (w.Body.Len() == 0) != (tt.method == "HEAD") {
				t.Errorf("%d bytes", w.Body.Len())
			}
		})
	}
}

func TestStaticTypesAndCompression(t *testing.T) {
	s, err := NewStatic()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"style.css": "text/css", "app.js": "text/javascript", "favicon.svg": "image/svg+xml"} {
		path, err := s.Path(name)
		if err != nil {
			t.Fatal(err)
		}
		plain, zipped := httptest.NewRecorder(), httptest.NewRecorder()
		s.ServeHTTP(plain, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
		r := httptest.NewRequestWithContext(t.Context(), "GET", path, nil)
		r.Header.Set("Accept-Encoding", "br, gzip")
		s.ServeHTTP(zipped, r)
		if got := plain.Header().Get("Content-Type"); !strings.HasPrefix(got, want) {
			t.Errorf("%s is %q", name, got)
		}
		z, err := gzip.NewReader(zipped.Body)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(z)
		if err != nil || string(got) != plain.Body.String() {
			t.Errorf("%s differs when compressed: %v", name, err)
		}
	}
}

// The stylesheet asks nobody else for anything (ASVS 3.6.1).
func TestStylesheetIsAlone(t *testing.T) {
	b, err := files.ReadFile("static/style.css")
	if err != nil {
		t.Fatal(err)
	}
	if found := regexp.MustCompile(`url\(|@import|https?:`).FindString(string(b)); found != "" {
		t.Errorf("the stylesheet says %q", found)
	}
}

// A page without a state would be looked at by nobody before people see it.
func TestEveryPageHasAState(t *testing.T) {
	known := map[string]bool{}
	for _, s := range States("es-EC") {
		known[s.Page.name()] = true
	}
	for name := range parsed(t).sets["es-EC"] {
		if !known[name] {
			t.Errorf("pages/%s.html is no page of any state", name)
		}
	}
}
