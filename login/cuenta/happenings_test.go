package cuenta

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// eventName is what the names of audit events look like: noun.verb.
var eventName = regexp.MustCompile(`^[a-z_]+(\.[a-z_]+)+$`)

// auditEvents are the constants of the program that are called an event and look
// like the name of one, by their names, and the literals that an event has for one.
func auditEvents(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, folder := range []string{"login", "provider", "storage", "cmd/clave"} {
		err := filepath.WalkDir(filepath.Join("..", "..", filepath.FromSlash(folder)), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.ValueSpec:
					for i, value := range n.Values {
						if i < len(n.Names) && strings.HasPrefix(strings.ToLower(n.Names[i].Name), "event") {
							note(out, value, path+": "+n.Names[i].Name)
						}
					}
				case *ast.KeyValueExpr: // storage.Event{Name: …}
					if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Name" {
						note(out, n.Value, path)
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func note(out map[string]string, value ast.Expr, where string) {
	lit, ok := value.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return
	}
	if text, err := strconv.Unquote(lit.Value); err == nil && eventName.MatchString(text) {
		out[text] = where
	}
}

// Whatever happens with an account has a sentence, in both languages, or a reason
// why its person does not see it.
func TestC8_EveryEventHasASentenceOrAReason(t *testing.T) {
	pages, err := templates.Parse(templates.Config{Issuer: "https://clave.iess.example"})
	if err != nil {
		t.Fatal(err)
	}
	found := auditEvents(t)
	if len(found) < 50 {
		t.Fatalf("only %d events were found", len(found))
	}
	for name, where := range found {
		of, shown := happenings()[name]
		reason := unshown()[name]
		if shown == (reason != "") {
			t.Errorf("%s (%s) needs a sentence in happenings or a reason in unshown, and not both", name, where)
		}
		all := []templates.Happening{of.what}
		for _, one := range of.where {
			all = append(all, one.what)
		}
		for _, what := range all {
			if shown && (what == templates.HappenedOther || !slices.Contains(templates.Happenings(), what)) {
				t.Errorf("%s: %q is no sentence", name, what)
			}
		}
	}
	for _, name := range unshownNames() {
		if _, ok := found[name]; !ok {
			t.Errorf("unshown has %s, which no part of the program writes", name)
		}
	}
	other := map[string]string{}
	for _, lang := range templates.Languages() {
		for _, what := range templates.Happenings() {
			_, words, err := pages.Words(lang, templates.Happened{What: what, When: time.Now(), Application: "Préstamos"})
			if err != nil || words == "" || words == other[string(what)] {
				t.Errorf("%s in %s: %q, %v", what, lang, words, err)
			}
			other[string(what)] = words
			_, general, err := pages.Words(lang, templates.Happened{What: templates.HappenedOther})
			if err != nil || (words == general) != (what == templates.HappenedOther) {
				t.Errorf("%s in %s has no sentence of its own", what, lang)
			}
		}
	}
}

func TestHappeningByDetailAndActor(t *testing.T) {
	for _, tt := range []struct {
		event, actor string
		detail       map[string]string
		want         templates.Happening
	}{
		{"session.started", "", map[string]string{"device": "known"}, templates.HappenedSignIn},
		{"session.started", "", map[string]string{"device": "new"}, templates.HappenedSignInNew},
		{"session.started", "", map[string]string{"device": "shared"}, templates.HappenedSignInShared},
		{"session.ended", "", map[string]string{"reason": "logout", "session": "x"}, templates.HappenedSignOut},
		{"session.ended", "", map[string]string{"reason": "closed", "session": "x"}, templates.HappenedClosed},
		{"session.ended", "", map[string]string{"reason": "closed", "which": "others"}, templates.HappenedClosedOthers},
		{"session.ended", "", map[string]string{"reason": "of tomorrow"}, templates.HappenedSessionEnded},
		{"clave.unlocked", "operator", map[string]string{"by": "operator"}, templates.HappenedUnlockedOfficer},
		{"clave.unlocked", "afiliado", map[string]string{"by": "link"}, templates.HappenedUnlocked},
		{"contact.changed", "afiliado", nil, templates.HappenedContactApplied},
		{"contact.changed", "operator", nil, templates.HappenedContactRegistry},
		{"of.tomorrow", "", nil, templates.HappenedOther},
	} {
		if got := happening(storage.AuditRow{Event: tt.event, Actor: tt.actor}, tt.detail); got != tt.want {
			t.Errorf("%s %v by %q: got %q, want %q", tt.event, tt.detail, tt.actor, got, tt.want)
		}
	}
}

// Thirteen months, by days of continental Ecuador, never less.
func TestC8_ActivitySince(t *testing.T) {
	for now, want := range map[string]string{
		"2026-11-22T17:00:00Z": "2025-10-22T05:00:00Z",
		"2026-11-22T04:59:59Z": "2025-10-21T05:00:00Z", // still the day before there
		"2027-03-31T12:00:00Z": "2026-02-28T05:00:00Z", // February has no 31st
		"2025-03-29T12:00:00Z": "2024-02-29T05:00:00Z",
		"2026-01-15T12:00:00Z": "2024-12-15T05:00:00Z",
	} {
		at, err := time.Parse(time.RFC3339, now)
		if err != nil {
			t.Fatal(err)
		}
		if got := activitySince(at).UTC().Format(time.RFC3339); got != want {
			t.Errorf("%s: got %s, want %s", now, got, want)
		}
	}
}
