package cuenta_test

import (
	"encoding/json"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// doneWords are all words by which an address may say that something was done: those
// of which the catalogue has a sentence, and those that stand beside a name.
func doneWords(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../templates/catalog/es-EC.json")
	if err != nil {
		t.Fatal(err)
	}
	var catalogue map[string]any
	if err := json.Unmarshal(text, &catalogue); err != nil {
		t.Fatal(err)
	}
	words := []string{"otra", "nada", "cerrada historia", "pedida DER-AAAA-BBBB", "cancelada DER-AAAA-BBBB"}
	for key := range catalogue {
		if _, word, ok := strings.Cut("."+key, ".done."); ok && !strings.Contains(word, ".") {
			words = append(words, word)
		}
	}
	if len(words) < 30 {
		t.Fatalf("only %d words were found", len(words))
	}
	slices.Sort(words)
	return slices.Compact(words)
}

// Whoever sends a person a link makes no page of hers say that something was done:
// each page is, with each word in its address, what it is without.
func TestNoAddressSaysWhatWasNeverDone(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.enter(s.maria)
		var words []string
		for i, word := range doneWords(t) { // half of them on each engine: no statement is about them
			if i%2 == 0 == strings.HasPrefix(s.Database, "postgres") {
				words = append(words, word)
			}
		}
		for _, a := range s.account.Addresses() {
			if !a.Show {
				continue
			}
			plain := b.Get(a.Path)
			for _, word := range words {
				q := url.Values{"hecho": {word}, "sello": {strings.Repeat("A", 43)}, word: {"1"}}
				got := b.Get(a.Path + "?" + q.Encode())
				same := got.Body == plain.Body || optionsOf.ReplaceAllString(got.Body, "") == optionsOf.ReplaceAllString(plain.Body, "")
				if !same || got.Location != plain.Location {
					t.Errorf("%s says %q for its address alone", a.Path, word)
				}
			}
		}
	})
}

// What an address says that we have sealed is said to her, in her browser, on that
// page, and not for long.
func TestWhatWasDoneIsSaidWhereItWas(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b, elsewhere, his := s.enter(s.maria), s.enter(s.maria), s.enter(s.luis)
		const saved = "Guardamos su día de renovación"
		to := s.post(b, "/cuenta/clave/dia", "dia", "14", "mes", "3").Location
		s.WantText(b.Get(to), saved)
		s.WantText(b.Get(to), saved) // loaded once more
		for name, got := range map[string]string{
			"in another browser of hers": elsewhere.Get(to).Body,
			"to somebody else":           his.Get(to).Body,
			"on another page":            b.Get(strings.Replace(to, "/cuenta/clave?", "/cuenta/datos?", 1)).Body,
			"in other words":             b.Get(strings.Replace(to, "hecho=dia", "hecho=idioma", 1)).Body,
		} {
			if strings.Contains(got, saved) || strings.Contains(got, "Guardamos su idioma") {
				t.Errorf("it is said %s", name)
			}
		}
		s.Pass(9 * time.Minute)
		s.WantText(b.Get(to), saved)
		s.Pass(11 * time.Minute)
		if strings.Contains(b.Get(to).Body, saved) {
			t.Error("it is said after twenty minutes")
		}
		s.Pass(16 * time.Minute) // the session ends; what she had posted is done once she has signed in
		to = s.post(b, "/cuenta/clave/dia", "dia", "15", "mes", "3", "confirmar", "1", "cedula", cedula, "clave", clave).Location
		s.WantText(b.Get(to), saved)
	})
}
